import { isHeld } from "../lock/lease.ts";
import { leasesDir, readLeases, releaseLease } from "../lock/store.ts";
import { escalate } from "./escalate.ts";
import { readableRun } from "./store.ts";

/**
 * Ends the leases of packets whose report nobody has confirmed in the time for that, and tells those who
 * ordered them: a lease must not block for ever, and must not end without a word.
 * @throws HandrailError `state-unreadable` for a lease that cannot be read
 */
export async function endUnconfirmed(root: string, env: NodeJS.ProcessEnv): Promise<void> {
  const dir = leasesDir(root);
  for (const lease of readLeases(dir)) {
    if (!lease.awaiting || isHeld(lease)) continue;
    const record = readableRun(root, lease.run_id);
    const message = `its report of ${lease.awaiting.since} was not confirmed by ${lease.awaiting.until}`;
    if (record) escalate(record, { reason: "lease_unconfirmed", message }, env);
    await releaseLease(dir, lease.run_id);
  }
}
