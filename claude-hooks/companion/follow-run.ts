import type { ChildProcess } from "node:child_process";
import { readEvents } from "../../shared/run/events.ts";
import type { RunRecord } from "../../shared/run/record.ts";
import { type RefusedAct, refusedCalls, shellWord } from "../../shared/run/refusals.ts";
import { readableRun, runDir } from "../../shared/run/store.ts";
import type { Progress } from "./progress.ts";

const EVERY_MS = 1_000;

/**
 * Tells what Handrail itself has seen of a run from now on, as its record and its log have it: that it waits for
 * an answer or gives no sign of life, that it goes on, what was refused. What was seen before is not told again.
 * @returns ends it
 */
export function followRun(run: Pick<RunRecord, "root" | "run_id">, progress: Progress): () => void {
  const { root, run_id } = run;
  const before = readableRun(root, run_id);
  let told = before && refusalsIn(before);
  let said = "";
  const look = () => {
    const record = readableRun(root, run_id);
    if (!record) return;
    const now = refusalsIn(record);
    const known = told?.turn === record.turn ? told : { calls: [], shell: [] };
    for (const { code, path, rule, tool } of [
      ...now.calls.slice(known.calls.length),
      ...now.shell.slice(known.shell.length),
    ]) {
      progress.of({ event: "refusal", run_id, code, path, rule, tool });
    }
    told = now;
    const state = [record.state, ...record.reasons].join("\n");
    if (state === said) return;
    said = state;
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

/** What was refused in a run's turn so far: tool calls, and what commands wrote and was not applied. */
function refusalsIn(record: RunRecord): { turn: number; calls: RefusedAct[]; shell: RefusedAct[] } {
  const { turn } = record;
  const events = readEvents(record.root, record.run_id).filter((event) => event.turn === turn);
  return {
    turn,
    calls: refusedCalls(events),
    shell: shellWord(runDir(record.root, record.run_id), events).refused,
  };
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
