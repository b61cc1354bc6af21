import type { ChildProcess } from "node:child_process";
import type { RunRecord } from "../../shared/run/record.ts";
import type { RunState } from "../../shared/run/state.ts";
import { readableRun } from "../../shared/run/store.ts";

const EVERY_MS = 2_000;
/** States in which nothing goes on by itself, or seems to. */
const WAITING: ReadonlySet<RunState> = new Set(["awaiting_permission", "stalled"]);

/**
 * Says when a run waits for an answer or gives no sign of life, and when it goes on, as its record has it.
 * @returns ends it
 */
export function followRun({ root, run_id }: RunRecord, say: (text: string) => void): () => void {
  let waiting = "";
  const timer = setInterval(() => {
    const record = readableRun(root, run_id);
    if (!record) return;
    const now = WAITING.has(record.state) ? record.reasons.join("; ") : "";
    if (now === waiting) return;
    say(now || "OpenCode goes on");
    waiting = now;
  }, EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** Tells when the plugin has bound the run, and OpenCode is up therefore. */
export function onFirstSign(child: ChildProcess, { root, run_id }: RunRecord, tell: () => void): void {
  const timer = setInterval(() => {
    if ((readableRun(root, run_id)?.turn ?? 0) === 0) return;
    clearInterval(timer);
    tell();
  }, 100);
  child.once("exit", () => clearInterval(timer));
}
