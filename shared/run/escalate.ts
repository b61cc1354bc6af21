import { putAndDeliver, readEntry } from "../callback/outbox.ts";
import type { Escalation } from "../callback/payload.ts";
import { logEvent, readEvents } from "./events.ts";
import { escalationId } from "./notes.ts";
import type { RunRecord } from "./record.ts";
import { payloadOf } from "./report.ts";
import { isLastTry, isTransient } from "./transient.ts";

/**
 * Tells whoever ordered a packet what its run cannot decide, where its callbacks go, once for each reason.
 * A task file has nobody who ordered it but the session that is told of its end anyway.
 */
export function escalate(record: RunRecord, escalation: Escalation, env: NodeJS.ProcessEnv): void {
  if (record.spec.packet === undefined) return;
  const callback_id = escalationId(record, escalation.reason);
  if (readEntry(record.root, callback_id) === undefined)
    logEvent(record, { type: "escalation", reason: escalation.reason });
  const payload = { ...payloadOf(record), callback_id, kind: "escalation" as const, escalation };
  putAndDeliver(record.root, payload, record.origin, env);
}

/** What a run that has ended leaves to whoever ordered it, if anything. */
export function escalationOf(closed: RunRecord): Escalation | undefined {
  const { error, verdict, task_state } = closed;
  if (error?.code === "lease-wait") return { reason: "lease_wait", message: error.message };
  if (error?.code === "missing_context")
    return { reason: "missing_context", message: CONTEXT, words: error.message };
  if (verdict === "violated" || error?.code === "scope_drift") {
    const message = error?.code === "scope_drift" ? error.message : "it changed files out of its scope";
    return { reason: "scope_drift", message };
  }
  if (task_state === "blocked_conflict") {
    const [refused] = closed.refusals.filter((one) => one.code === "leased");
    const path = refused?.path === undefined ? "a file" : JSON.stringify(refused.path);
    return {
      reason: "conflict_unresolved",
      message: error?.message ?? `a write to ${path} was refused: another run holds it`,
    };
  }
  if (isTransient(closed) && isLastTry(closed))
    return { reason: "retries_exhausted", message: `${error?.code}: ${error?.message}` };
  return undefined;
}

/** What a run has escalated so far, each reason once, oldest first. */
export function escalationsOf(root: string, runId: string): string[] {
  const reasons = readEvents(root, runId).flatMap((one) => (one.type === "escalation" ? [one.reason] : []));
  return [...new Set(reasons)];
}

/** Handrail's own sentence; what is missing is the executor's to say. */
export const CONTEXT = "its executor says that context is missing which the repository does not hold";
