import * as z from "zod/mini";
import { printable } from "../text/printable.ts";
import { backoffMs, type DeliveryPolicy } from "./policy.ts";
import type { Redact } from "./redact.ts";
import { targetSchema } from "./target.ts";

/** A target of one callback, and how far its delivery has come. */
export const targetStateSchema = z.extend(targetSchema, {
  state: z.enum(["pending", "delivered", "failed"]),
  attempts: z.number(),
  /** Why it has not been delivered; redacted, one line. */
  error: z.optional(z.string()),
  /** ISO 8601, UTC: not tried again before, unless a person asks. */
  next_attempt: z.optional(z.string()),
});
export type TargetState = z.infer<typeof targetStateSchema>;

/** What came of one attempt. Reasons are plain words; they may hold what the server said. */
export type Outcome =
  | { kind: "delivered" }
  /** Another attempt may help; `afterMs`: not before, as the server asked. */
  | { kind: "again"; reason: string; afterMs?: number }
  /** No attempt of the same request will help. */
  | { kind: "failed"; reason: string };

/** The target's state after an attempt. */
export function afterOutcome(
  before: TargetState,
  outcome: Outcome,
  policy: DeliveryPolicy,
  redact: Redact,
): TargetState {
  const attempts = before.attempts + 1;
  const base = { target: before.target, attempts, ...(before.env ? { env: before.env } : {}) };
  if (outcome.kind === "delivered") return { ...base, state: "delivered" };
  // Redacted before it is cut: half a secret is not recognised any more.
  const error = printable(redact(outcome.reason), 300);
  if (outcome.kind === "failed") return { ...base, state: "failed", error };
  if (attempts >= policy.giveUpAfter) {
    return { ...base, state: "failed", error: `given up after ${attempts} attempts: ${error}` };
  }
  const asked = Math.min(outcome.afterMs ?? 0, policy.maxWaitMs);
  const wait = Math.max(asked, backoffMs(attempts, policy, Math.random()));
  return { ...base, state: "pending", error, next_attempt: new Date(Date.now() + wait).toISOString() };
}
