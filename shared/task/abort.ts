import type { Packet } from "./packet-schema.ts";

/** What a packet's run may be ended for before its executor is finished (requirements: `retry_abort.abort_on`). */
export const ABORT_REASONS = ["conflict_unresolved", "scope_drift", "missing_context"] as const;
export type AbortReason = (typeof ABORT_REASONS)[number];

/** Whether a run of this packet ends for a reason: for all of them where the packet does not say. */
export function abortsOn(packet: Packet | undefined, reason: AbortReason): boolean {
  if (packet === undefined) return false;
  const named = packet.retry_abort?.abort_on;
  return named === undefined || named.includes(reason);
}
