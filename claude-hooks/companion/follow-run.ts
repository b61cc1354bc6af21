import { readEvents } from "../../shared/run/events.ts";
import type { RunRecord } from "../../shared/run/record.ts";
import { readableRun } from "../../shared/run/store.ts";
import type { Progress } from "./progress.ts";

const EVERY_MS = 1_000;

/**
 * Tells what Handrail itself has seen of a run from now on, as its record and its log have it: that it waits for
 * an answer or gives no sign of life, that it goes on, what was refused. What was seen before is not told again.
 * @returns ends it
 */
export function followRun(run: Pick<RunRecord, "root" | "run_id">, progress: Progress): () => void {
  const { root, run_id } = run;
  let told = readEvents(root, run_id).length;
  let said = "";
  const look = () => {
    const events = readEvents(root, run_id);
    for (const event of events.slice(told)) {
      if (event.type !== "refusal") continue;
      const { code, path, rule, tool } = event;
      progress.of({ event: "refusal", run_id, code, path, rule, tool });
    }
    told = events.length;
    const record = readableRun(root, run_id);
    const now = record ? [record.state, ...record.reasons].join("\n") : said;
    if (!record || now === said) return;
    said = now;
    const reasons = record.reasons.length > 0 ? { reasons: record.reasons } : {};
    progress.of({ event: "state", run_id, state: record.state, ...reasons });
  };
  const timer = setInterval(look, EVERY_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    look();
  };
}
