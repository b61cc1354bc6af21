import { join } from "node:path";
import { putAndDeliver } from "../callback/outbox.ts";
import type { CallbackPayload, Report } from "../callback/payload.ts";
import { startFlusher } from "../callback/start.ts";
import { endCommand } from "../confine/finish.ts";
import { finishOpen } from "../confine/open.ts";
import { faultPoint } from "../fault.ts";
import { frozenMatcher } from "../scope/surroundings.ts";
import { isReadOnly } from "../task/spec.ts";
import { type Audit, auditTurn } from "../tree/audit.ts";
import { Journal, readJournal } from "../tree/journal.ts";
import { quarantine } from "../tree/quarantine.ts";
import { closeWindows } from "../tree/shell-window.ts";
import type { Snapshot } from "../tree/snapshot-record.ts";
import { loadSnapshot } from "../tree/snapshot-record.ts";
import { type RunEvent, readEvents, sumUsage } from "./events.ts";
import { moveRun } from "./move.ts";
import { callbackId, withdrawNotes } from "./notes.ts";
import { otherRuns } from "./others.ts";
import type { RunRecord } from "./record.ts";
import { countRefusals, refusedCalls, type ShellWord, shellWord } from "./refusals.ts";
import { settleLease } from "./settle.ts";
import type { RunState } from "./state.ts";
import { runDir, turnDir } from "./store.ts";

/**
 * How a turn came to its end. `idle`: the executor finished. `left`: OpenCode went away before that.
 * `lost`: found by somebody else, its process gone.
 */
export interface TurnEnd {
  outcome: "idle" | "error" | "aborted" | "left" | "lost";
  error?: { code: string; message: string };
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
  const shell = shellWord(dir, events);
  const audit = withWord(await auditedTurn(record, events), shell, open);
  faultPoint("audit-done");
  const { kept, lost } = keep(join(dir, "quarantine"), record.root, audit.outOfScope);
  const usage = sumUsage(events);
  const ending = ENDINGS[end.outcome];
  const state = audit.verdict === "violated" ? "blocked" : ending.state;
  const { stall: _, ...whole } = record;
  const closed: RunRecord = {
    ...whole,
    state,
    verdict: audit.verdict,
    changes: audit.changes,
    refusals: countRefusals([...refusedCalls(events), ...shell.refused]),
    quarantine: [
      ...record.quarantine,
      ...shell.refused.filter((one) => one.kept).map(({ path, code }) => ({ path, code })),
      ...kept.map(({ path, code, bytes }) => ({ path, code, ...(bytes === undefined ? {} : { bytes }) })),
    ],
    reasons: [...(ending.reason ? [ending.reason] : []), ...audit.reasons, ...lost],
    next: nextCommand(record, state),
    ended: new Date().toISOString(),
    ...(usage ? { usage } : {}),
    ...(end.error ? { error: end.error } : {}),
  };
  await problemOf(async () => withdrawNotes(record));
  await settleLease(record, state);
  // The callback first: a crash in between leaves an unfinished run, which is closed again, to the same id.
  putAndDeliver(record.root, payloadOf(closed), record.origin, env);
  const ended = moveRun(record, state, closed);
  faultPoint("run-ended");
  startFlusher(record.root, env);
  faultPoint("deliverer-started");
  return ended;
}

/** What a callback tells of a run's turn. */
export function payloadOf(record: RunRecord): CallbackPayload {
  const { schema, run_id, task_id, state, verdict, envelope, changes, refusals, quarantine } = record;
  const { validation, usage, session, next, reasons, error } = record;
  const report: Report = {
    schema,
    run_id,
    task_id,
    state,
    verdict,
    envelope,
    changes,
    refusals,
    quarantine,
    validation,
    usage,
    session,
    next,
    reasons,
    error,
  };
  return {
    ...report,
    callback_id: callbackId(record),
    kind: "end",
    turn: record.turn,
    created: new Date().toISOString(),
  };
}

async function auditedTurn(record: RunRecord, events: readonly RunEvent[]): Promise<Audit> {
  const snapshot = record.turn > 0 ? loadSnapshot(turnDir(record)) : undefined;
  if (!snapshot) return unverified("there is no snapshot of the working tree from before the turn");
  try {
    return await auditWith(snapshot, record, events);
  } catch (error) {
    // The turn is told of all the same: a callback that says what is not known beats none.
    return unverified(`the audit failed: ${messageOf(error)}`);
  }
}

async function auditWith(snapshot: Snapshot, record: RunRecord, events: readonly RunEvent[]): Promise<Audit> {
  const dir = turnDir(record);
  await closeWindows(snapshot, new Journal(dir, record.root, snapshot.tree.objectFormat));
  const shells = events.filter((event) => event.type === "shell");
  return auditTurn({
    snapshot,
    journal: readJournal(dir),
    matcher: frozenMatcher(record.spec.scope, record.around),
    confinement: shells.some((event) => event.confinement === "none") ? "none" : "overlay",
    shellCommands: shells.length,
    othersWrote: otherRuns(record, events[0]?.at ?? record.created),
  });
}

function withWord(audit: Audit, { silent }: ShellWord, open: string | undefined): Audit {
  const commands = silent === 1 ? "a command" : `${silent} commands`;
  const doubts = [
    ...(silent > 0
      ? [`Handrail's shell has said nothing of ${commands}: it may have been replaced or killed`]
      : []),
    ...(open === undefined ? [] : [open]),
  ];
  if (doubts.length === 0) return audit;
  const verdict = audit.verdict === "violated" ? "violated" : "unverifiable";
  return { ...audit, verdict, reasons: [...audit.reasons, ...doubts] };
}

function unverified(reason: string): Audit {
  return { verdict: "unverifiable", changes: [], outOfScope: [], foreign: [], reasons: [reason] };
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
