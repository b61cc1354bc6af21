import { join } from "node:path";
import { putAndDeliver } from "../callback/outbox.ts";
import type { ReportedValidation } from "../callback/payload.ts";
import { startFlusher } from "../callback/start.ts";
import { loadConfig } from "../config/config.ts";
import { endCommand } from "../confine/finish.ts";
import { finishOpen } from "../confine/open.ts";
import { faultPoint } from "../fault.ts";
import { isReadOnly } from "../task/spec.ts";
import type { Audit } from "../tree/audit.ts";
import { quarantine } from "../tree/quarantine.ts";
import { noteCheckpoint, readCheckpoints } from "./checkpoints.ts";
import { endCheckpoint, taskState } from "./end.ts";
import { escalate, escalationOf } from "./escalate.ts";
import { readEvents, sumUsage } from "./events.ts";
import { moveRun } from "./move.ts";
import { withdrawNotes } from "./notes.ts";
import type { RunRecord } from "./record.ts";
import { countRefusals, refusedCalls, shellWord } from "./refusals.ts";
import { keptBytes, payloadOf, unique } from "./report.ts";
import { settleLease } from "./settle.ts";
import type { RunState } from "./state.ts";
import { runDir } from "./store.ts";
import { stillStrayed, strayedBy, withStrayed } from "./strayed.ts";
import { auditedTurn, type Seen, silence, withBlock, withDoubts } from "./turn-audit.ts";
import { notRun, runValidation, wantsValidation } from "./validate.ts";

/**
 * How a turn came to its end. `idle`: the executor finished. `left`: OpenCode went away before that.
 * `lost`: found by somebody else, its process gone.
 */
export interface TurnEnd {
  outcome: "idle" | "error" | "aborted" | "left" | "lost";
  error?: { code: string; message: string };
  seen?: Seen;
}

const ENDINGS: Record<TurnEnd["outcome"], { state: RunState; reason?: string }> = {
  idle: { state: "done" },
  error: { state: "failed" },
  aborted: { state: "aborted" },
  left: { state: "aborted", reason: "OpenCode ended before the executor was finished" },
  lost: { state: "failed", reason: "OpenCode's process is gone; it was killed or it crashed" },
};

/**
 * Closes a turn with what evidence there is: audits the working tree, keeps what was done out of scope
 * in quarantine, calls back, and ends the run's record. Changes nothing in the working tree. May be
 * repeated by whoever finds the turn unfinished: the callback's id is made of run and turn, so it stays one.
 * @param env where the callback's address and token are, if anywhere
 * @returns the run as it ended
 */
export async function closeTurn(
  record: RunRecord,
  end: TurnEnd,
  env: NodeJS.ProcessEnv = process.env,
): Promise<RunRecord> {
  const events = readEvents(record.root, record.run_id).filter((event) => event.turn === record.turn);
  const dir = runDir(record.root, record.run_id);
  const open = await problemOf(async () => {
    // It would hold up everybody else in the working tree for as long as it likes.
    if (end.outcome !== "idle") await endCommand(dir);
    await finishOpen(dir);
  });
  const validation = await validated(record, end, open, env);
  // Commands of the validation are noted, too.
  const after = readEvents(record.root, record.run_id).filter((event) => event.turn === record.turn);
  const shell = shellWord(dir, after, end.seen?.held);
  const seen = end.seen?.unconfined;
  const doubts = [...(end.seen?.doubts ?? []), ...silence(shell), ...(open === undefined ? [] : [open])];
  const earlier = stillStrayed(record);
  const own = withBlock(record, withDoubts(await auditedTurn(record, after, seen), doubts));
  const audit = withStrayed(own, earlier);
  faultPoint("audit-done");
  const { kept, lost } = keep(join(dir, "quarantine"), record.root, audit.outOfScope);
  const usage = sumUsage(events);
  const ending = ENDINGS[end.outcome];
  const state = audit.verdict === "violated" ? "blocked" : ending.state;
  const { stall: _, ...whole } = record;
  const judged: RunRecord = {
    ...whole,
    validation,
    state,
    verdict: audit.verdict,
    changes: audit.changes,
    strayed: strayedBy(audit, earlier, record.turn),
    refusals: countRefusals([...refusedCalls(events), ...shell.refused]),
    quarantine: unique([
      ...record.quarantine,
      ...shell.refused.filter((one) => one.kept).map(({ path, code }) => ({ path, code })),
      ...keptBytes(kept),
    ]),
    reasons: [...(ending.reason ? [ending.reason] : []), ...audit.reasons, ...lost],
    next: nextCommand(record, state),
    ended: new Date().toISOString(),
    ...(usage ? { usage } : {}),
    ...(end.error ? { error: end.error } : {}),
  };
  await problemOf(async () => withdrawNotes(record));
  const closed = withTask(judged);
  await settleLease(record, state);
  // The callback first: a crash in between leaves an unfinished run, which is closed again, to the same id.
  putAndDeliver(record.root, payloadOf(closed), record.origin, env);
  const escalation = escalationOf(closed);
  if (escalation) escalate(closed, escalation, env);
  const ended = moveRun(record, state, closed);
  faultPoint("run-ended");
  startFlusher(record.root, env);
  faultPoint("deliverer-started");
  return ended;
}

/** What came of the validation commands: they run only where the executor came to its end. */
async function validated(
  record: RunRecord,
  end: TurnEnd,
  problem: string | undefined,
  env: NodeJS.ProcessEnv,
): Promise<ReportedValidation[]> {
  const commands = record.spec.validation;
  if (commands.length === 0 || !record.spec.ok) return [];
  try {
    const config = loadConfig(record.root);
    if (!wantsValidation(record, config)) return notRun(commands, "not asked for: --validate");
    if (end.outcome !== "idle") return notRun(commands, "the executor did not come to its end");
    if (problem !== undefined) return notRun(commands, problem);
    return await runValidation(record, config.validateMinutes, env);
  } catch (error) {
    return notRun(commands, messageOf(error));
  }
}

/** Adds what the run means for its task; a packet's END report goes on record. */
function withTask(closed: RunRecord): RunRecord {
  if (closed.spec.packet === undefined) return { ...closed, task_state: taskState(closed) };
  const end = endCheckpoint(closed, readCheckpoints(closed.root, closed.run_id));
  noteCheckpoint(closed, end);
  return { ...closed, end, task_state: end.state };
}

/** Keeps what was done out of scope; where there is no room it is told of all the same, and lies where it was. */
function keep(
  dir: string,
  root: string,
  items: Audit["outOfScope"],
): { kept: ReturnType<typeof quarantine>; lost: string[] } {
  try {
    return { kept: quarantine(dir, root, items), lost: [] };
  } catch (error) {
    return {
      kept: [],
      lost: [`what is out of scope could not be copied to quarantine: ${messageOf(error)}`],
    };
  }
}

async function problemOf(act: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await act();
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function nextCommand(record: RunRecord, state: RunState): string {
  return state === "blocked" || isReadOnly(record.spec.scope)
    ? `handrail show ${record.run_id}`
    : `handrail diff --task ${record.task_id}`;
}
