import { join } from "node:path";
import { putAndDeliver } from "../callback/outbox.ts";
import type { CallbackPayload, Report, ReportedQuarantine, ReportedValidation } from "../callback/payload.ts";
import { startFlusher } from "../callback/start.ts";
import { loadConfig } from "../config/config.ts";
import { endCommand } from "../confine/finish.ts";
import { finishOpen } from "../confine/open.ts";
import { faultPoint } from "../fault.ts";
import { frozenMatcher } from "../scope/surroundings.ts";
import { isReadOnly } from "../task/spec.ts";
import { type Audit, auditTurn, type Unconfined } from "../tree/audit.ts";
import { Journal, readJournal } from "../tree/journal.ts";
import { type Quarantined, quarantine } from "../tree/quarantine.ts";
import { closeWindows } from "../tree/shell-window.ts";
import type { Snapshot } from "../tree/snapshot-record.ts";
import { loadSnapshot } from "../tree/snapshot-record.ts";
import { noteCheckpoint, readCheckpoints } from "./checkpoints.ts";
import { endCheckpoint, taskState } from "./end.ts";
import { type RunEvent, readEvents, sumUsage } from "./events.ts";
import { moveRun } from "./move.ts";
import { callbackId, withdrawNotes } from "./notes.ts";
import { otherRuns } from "./others.ts";
import type { RunRecord } from "./record.ts";
import { countRefusals, refusedCalls, type ShellWord, shellWord } from "./refusals.ts";
import { settleLease } from "./settle.ts";
import type { RunState } from "./state.ts";
import { runDir, turnDir } from "./store.ts";
import { stillStrayed, strayedBy, withStrayed } from "./strayed.ts";
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

/** What the process that held a turn remembers: a command that nothing holds could edit the run's own log. */
export interface Seen {
  /** Call ids of the commands that Handrail's shell has to say something of. */
  held: ReadonlySet<string>;
  unconfined: Unconfined;
  /** What takes a clean verdict away, each a plain sentence. */
  doubts: readonly string[];
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
  const ended = moveRun(record, state, closed);
  faultPoint("run-ended");
  startFlusher(record.root, env);
  faultPoint("deliverer-started");
  return ended;
}

/** What a callback tells of a run's turn. */
export function payloadOf(record: RunRecord): CallbackPayload {
  const { schema, run_id, task_id, state, verdict, envelope, changes, refusals, quarantine } = record;
  const { validation, usage, session, next, reasons, error, task_state, end } = record;
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
    task_state,
    end,
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

/** What was put into quarantine, as reports tell of it. */
export function keptBytes(kept: readonly Quarantined[]): ReportedQuarantine[] {
  return kept.map(({ path, code, bytes }) => ({ path, code, ...(bytes === undefined ? {} : { bytes }) }));
}

/** The same bytes may have been kept when a run was blocked, and again at its end. */
function unique(entries: readonly ReportedQuarantine[]): ReportedQuarantine[] {
  return [...new Map(entries.map((entry) => [JSON.stringify(entry), entry])).values()];
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

async function auditedTurn(
  record: RunRecord,
  events: readonly RunEvent[],
  seen: Unconfined | undefined,
): Promise<Audit> {
  const snapshot = record.turn > 0 ? loadSnapshot(turnDir(record)) : undefined;
  if (!snapshot) return unverified("there is no snapshot of the working tree from before the turn");
  try {
    const since = events[0]?.at ?? record.created;
    return await auditWith(snapshot, record, since, unconfinedIn(events, seen));
  } catch (error) {
    // The turn is told of all the same: a callback that says what is not known beats none.
    return unverified(`the audit failed: ${messageOf(error)}`);
  }
}

async function auditWith(
  snapshot: Snapshot,
  record: RunRecord,
  since: string,
  unconfined: Unconfined,
): Promise<Audit> {
  const dir = turnDir(record);
  await closeWindows(snapshot, new Journal(dir, record.root, snapshot.tree.objectFormat));
  return auditTurn({
    snapshot,
    journal: readJournal(dir),
    matcher: frozenMatcher(record.spec.scope, record.around),
    unconfined,
    othersWrote: otherRuns(record, since),
  });
}

/** By the run's log and by memory; the larger counts. */
function unconfinedIn(events: readonly RunEvent[], seen: Unconfined | undefined): Unconfined {
  const logged = (what: string) =>
    events.filter((one) => one.type === "shell" && one.confinement === "none" && one.what === what).length;
  return {
    commands: Math.max(logged("command"), seen?.commands ?? 0),
    formatters: Math.max(logged("formatter"), seen?.formatters ?? 0),
    languageServers: Math.max(logged("language-servers"), seen?.languageServers ?? 0),
  };
}

/** A run that was blocked stays so, even where the executor has put back what it changed. */
function withBlock(record: RunRecord, audit: Audit): Audit {
  if (record.state !== "blocked" || audit.verdict === "violated") return audit;
  return { ...audit, verdict: "violated", reasons: [...record.reasons, ...audit.reasons] };
}

function silence({ silent }: ShellWord): string[] {
  if (silent === 0) return [];
  const commands = silent === 1 ? "a command" : `${silent} commands`;
  return [`Handrail's shell has said nothing of ${commands}: it may have been replaced or killed`];
}

function withDoubts(audit: Audit, doubts: readonly string[]): Audit {
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
