import type { RunRecord } from "./record.ts";
import { readableRun } from "./store.ts";

/** What providers and networks say of faults that pass. */
const PASSING =
  /time[d]?.?out|overload|rate.?limit|too many requests|\b(429|500|502|503|504|529)\b|ECONN|ENETUNREACH|EPIPE|EAI_AGAIN|socket|connection|network|reset|fetch failed|unavailable|stream/i;
/** Faults that no second try mends. */
const LASTING = new Set([
  ...[
    "busy",
    "lease-wait",
    "routing",
    "invalid-task",
    "invalid-config",
    "guard-failed",
    "plugin-not-loaded",
    "unbound",
  ],
  ...["MessageAbortedError", "ProviderAuthError", "session-deleted"],
]);

/** Whether a run failed of something that may pass: a flake, a timeout. What it did so far is still judged. */
export function isTransient(run: Pick<RunRecord, "state" | "verdict" | "error">): boolean {
  if (run.state !== "failed" || run.verdict === "violated" || !run.error) return false;
  const { code, message } = run.error;
  return !LASTING.has(code) && PASSING.test(`${code} ${message}`);
}

/** How often a packet may be tried again (`retry_abort.max_retries`, by default once); a task file not at all. */
export function retriesOf(run: Pick<RunRecord, "spec">): number {
  const { packet } = run.spec;
  return packet ? (packet.retry_abort?.max_retries ?? 1) : 0;
}

/** Whether a run was a second try, and its packet allows no more. */
export function isLastTry(run: Pick<RunRecord, "root" | "retry_of" | "spec">): boolean {
  const most = retriesOf(run);
  let tries = 0;
  for (let before = run.retry_of; before !== undefined && tries < most; tries += 1)
    before = readableRun(run.root, before)?.retry_of;
  return tries > 0 && tries >= most;
}
