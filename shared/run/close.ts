import { join } from "node:path";
import { putAndDeliver } from "../callback/outbox.ts";
import type { CallbackPayload, Report, ReportedRefusal } from "../callback/payload.ts";
import { startFlusher } from "../callback/start.ts";
import { readCommands } from "../confine/commands.ts";
import { finishOpen } from "../confine/open.ts";
import { placesIn } from "../confine/places.ts";
import { frozenMatcher } from "../scope/surroundings.ts";
import { type Audit, auditTurn } from "../tree/audit.ts";
import { Journal, readJournal } from "../tree/journal.ts";
import { quarantine } from "../tree/quarantine.ts";
import { closeWindows } from "../tree/shell-window.ts";
import { loadSnapshot } from "../tree/snapshot-record.ts";
import { type RunEvent, readEvents, sumUsage } from "./events.ts";
import { moveRun } from "./move.ts";
import type { RunRecord } from "./record.ts";
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
  await finishOpen(dir);
  const shell = shellWord(dir, events);
  const audit = withWord(await auditedTurn(record, events), shell);
  const kept = quarantine(join(dir, "quarantine"), record.root, audit.outOfScope);
  const usage = sumUsage(events);
  const ending = ENDINGS[end.outcome];
  const state = audit.verdict === "violated" ? "blocked" : ending.state;
  const closed: RunRecord = {
    ...record,
    state,
    verdict: audit.verdict,
    changes: audit.changes,
    refusals: countRefusals([...refusedCalls(events), ...shell.refused]),
    quarantine: [
      ...record.quarantine,
      ...shell.refused.filter((one) => one.kept).map(({ path, code }) => ({ path, code })),
      ...kept.map(({ path, code, bytes }) => ({ path, code, ...(bytes === undefined ? {} : { bytes }) })),
    ],
    reasons: [...(ending.reason ? [ending.reason] : []), ...audit.reasons],
    next: nextCommand(record, state),
    ended: new Date().toISOString(),
    ...(usage ? { usage } : {}),
    ...(end.error ? { error: end.error } : {}),
  };
  // The callback first: a crash in between leaves an unfinished run, which is closed again, to the same id.
  putAndDeliver(record.root, payloadOf(closed), record.origin, env);
  const ended = moveRun(record, state, closed);
  startFlusher(record.root, env);
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
    callback_id: `${run_id}-t${record.turn}`,
    turn: record.turn,
    created: new Date().toISOString(),
  };
}

async function auditedTurn(record: RunRecord, events: readonly RunEvent[]): Promise<Audit> {
  const snapshot = record.turn > 0 ? loadSnapshot(turnDir(record)) : undefined;
  if (!snapshot) {
    const reason = "there is no snapshot of the working tree from before the turn";
    return { verdict: "unverifiable", changes: [], outOfScope: [], foreign: [], reasons: [reason] };
  }
  const dir = turnDir(record);
  await closeWindows(snapshot, new Journal(dir, record.root, snapshot.tree.objectFormat));
  const shells = events.filter((event) => event.type === "shell");
  return auditTurn({
    snapshot,
    journal: readJournal(dir),
    matcher: frozenMatcher(record.spec.scope, record.around),
    confinement: shells.some((event) => event.confinement === "none") ? "none" : "overlay",
    shellCommands: shells.length,
  });
}

interface RefusedAct {
  code: string;
  path?: string;
  rule?: string;
  tool?: string;
}

interface ShellWord {
  /** What commands wrote and was not applied. */
  refused: (RefusedAct & { path: string; kept: boolean })[];
  /** Confined commands that Handrail's shell has said nothing of. */
  silent: number;
}

/** What Handrail's shell has said of the turn's confined commands. */
function shellWord(dir: string, events: readonly RunEvent[]): ShellWord {
  const calls = new Set(
    events.flatMap((event) =>
      event.type === "shell" && event.confinement === "overlay" ? [event.callID] : [],
    ),
  );
  const said = readCommands(placesIn(dir).commands).filter((command) => calls.has(command.callID));
  return {
    refused: said.flatMap((command) =>
      command.refused.map(({ path, code, rule, quarantined }) => ({
        path,
        code,
        tool: "bash",
        kept: quarantined !== null,
        ...(rule === undefined ? {} : { rule }),
      })),
    ),
    silent: calls.size - new Set(said.map((command) => command.callID)).size,
  };
}

function withWord(audit: Audit, { silent }: ShellWord): Audit {
  if (silent === 0) return audit;
  const commands = silent === 1 ? "a command" : `${silent} commands`;
  return {
    ...audit,
    verdict: audit.verdict === "violated" ? "violated" : "unverifiable",
    reasons: [
      ...audit.reasons,
      `Handrail's shell has said nothing of ${commands}: it may have been replaced or killed`,
    ],
  };
}

function refusedCalls(events: readonly RunEvent[]): RefusedAct[] {
  return events.flatMap((event) => {
    if (event.type !== "refusal") return [];
    const { code, path, rule, tool } = event;
    return [{ code, ...(path ? { path } : {}), ...(rule ? { rule } : {}), ...(tool ? { tool } : {}) }];
  });
}

/** Equal refusals as one, with how many there were. */
function countRefusals(acts: readonly RefusedAct[]): ReportedRefusal[] {
  const counted = new Map<string, ReportedRefusal>();
  for (const { code, path, rule, tool } of acts) {
    const key = JSON.stringify([code, path, rule, tool]);
    const known = counted.get(key);
    if (known) known.count += 1;
    else counted.set(key, { code, count: 1, path, rule, tool });
  }
  return [...counted.values()];
}

function nextCommand(record: RunRecord, state: RunState): string {
  if (state === "blocked") return `handrail show ${record.run_id}`;
  return `handrail diff --task ${record.spec.corrects ?? record.task_id}`;
}
