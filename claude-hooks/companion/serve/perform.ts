import { loadConfig } from "../../../shared/config/config.ts";
import { HandrailError } from "../../../shared/errors.ts";
import { originFromEnv } from "../../../shared/run/create.ts";
import { reap } from "../../../shared/run/reap.ts";
import { readRun } from "../../../shared/run/store.ts";
import type { Server } from "../../../shared/serve/client.ts";
import { ensureServer } from "../../../shared/serve/ensure.ts";
import type { SessionEvent } from "../../../shared/serve/follow.ts";
import { busySessions, familyOf, findSession } from "../../../shared/serve/session.ts";
import { type SessionRecord, saveSessionRecord } from "../../../shared/serve/session-record.ts";
import { type Held, startTurn } from "../../../shared/serve/turn.ts";
import { keepAborting, waitForTurn } from "../../../shared/serve/wait.ts";
import { lineage } from "../../../shared/task/lineage.ts";
import { followRun } from "../follow-run.ts";
import { type Interruption, interrupted, interruptible } from "../interruption.ts";
import { requireFree } from "../lease.ts";
import type { Progress } from "../progress.ts";
import { carriedOver } from "./carry-over.ts";
import { endAfterTask } from "./end-server.ts";
import { type HeldFor, type HeldWish, heldBy } from "./held.ts";
import { attachCommand, resultOf, type SessionResult } from "./result.ts";
import { ownJob } from "./worker.ts";

export interface TurnWish extends HeldWish {
  /** What it may write, where the caller knows better than its prompt. */
  fixed?: HeldFor | undefined;
  /** The session to go on with. */
  session?: SessionRecord | undefined;
  /** Start a new one when the server does not know it any more. */
  restartLost?: boolean | undefined;
  model?: string | undefined;
  agent?: string | undefined;
  /** Milliseconds; without it there is no end to the waiting. */
  timeoutMs: number | undefined;
  progress: Progress;
}

/**
 * Prompts a session on the project's server, new or known, and waits for what comes of it. Ctrl-C asks the
 * session to stop; the second one leaves it alone.
 * @throws HandrailError what starting a server or a turn throws; `session-lost`; `busy` while it works, or
 *   another run works on what the prompt may write
 */
export async function performTurn(wish: TurnWish): Promise<SessionResult> {
  const { root, progress } = wish;
  const config = loadConfig(root);
  const { held, why } = wish.fixed ?? heldFor(wish);
  progress.say(why);
  await reap(root);
  return interruptible(async (interruption) => {
    const server = await ensureServer({
      root,
      reason: "handrail session",
      join: true,
      signal: interruption.stop,
      say: (text) => progress.say(text),
    });
    try {
      const known = wish.session && (await stillKnown(server, wish.session));
      const lost = wish.session && !known ? wish.session : undefined;
      if (lost && !wish.restartLost) throw sessionLost(lost);
      // The plugin takes the lease; one that it would not get costs no prompt.
      if (held.kind === "task") requireFree(root, held.spec, config);
      if (interruption.stop.aborted) throw interrupted("the session got its prompt");
      const started = await startTurn(server, {
        prompt: lost ? carriedOver(lost, wish.prompt) : wish.prompt,
        held,
        origin: originFromEnv(process.env),
        session: known,
        model: wish.model ?? wish.session?.model,
        agent: wish.agent ?? wish.session?.agent,
        onSession: (session, run) => {
          progress.session(session.session_id, run?.run_id);
          ownJob()?.note({ session_id: session.session_id, ...(run ? { run_id: run.run_id } : {}) });
        },
      });
      if (lost) saveSessionRecord({ ...lost, continued_by: started.session.session_id });
      const attention = { ...wish, prompted: true, interruption };
      const result = await awaitTurn(server, started.session, started.run?.run_id, attention);
      return lost ? { ...result, replaces: lost.session_id } : result;
    } finally {
      await endAfterTask(server);
    }
  });
}

export interface Attention {
  prompted: boolean;
  timeoutMs: number | undefined;
  progress: Progress;
  interruption: Interruption;
  /** What somebody has just answered: it is not pending any more. */
  answered?: string | undefined;
}

/** Waits for a session's turn, with progress, and with Ctrl-C as `performTurn` has it. Never prompts. */
export async function awaitTurn(
  server: Server,
  record: SessionRecord,
  runId: string | undefined,
  { prompted, timeoutMs, progress, interruption, answered }: Attention,
): Promise<SessionResult> {
  let asking: (() => void) | undefined;
  const ask = () => {
    progress.say("asking the session to stop; what it did so far is kept (Ctrl-C again leaves it alone)");
    asking = keepAborting(server, record.session_id);
  };
  if (interruption.stop.aborted) ask();
  else interruption.stop.addEventListener("abort", ask);
  const unfollow =
    runId === undefined ? undefined : followRun({ root: record.directory, run_id: runId }, progress);
  try {
    const outcome = await waitForTurn(server, {
      sessionId: record.session_id,
      runId,
      prompted,
      timeoutMs,
      answered,
      signal: interruption.leave,
      onEvent: (event) => showEvent(progress, event),
    });
    return resultOf(record, runId, outcome);
  } finally {
    interruption.stop.removeEventListener("abort", ask);
    asking?.();
    unfollow?.();
  }
}

function showEvent(progress: Progress, event: SessionEvent): void {
  if (event.kind === "tokens") {
    progress.line({ type: "step_finish", part: { tokens: { total: event.total } } });
    return;
  }
  const state = toolState(event);
  if (state && "tool" in event) progress.line({ type: "tool_use", part: { tool: event.tool, state } });
}

function toolState(event: SessionEvent) {
  switch (event.kind) {
    case "tool-started":
      return { status: "running", title: event.title };
    case "tool":
      return { status: "completed", title: event.title, metadata: { exit: event.exit ?? null } };
    case "tool-failed":
      return { status: "error", title: event.title, error: event.error };
    default:
      return undefined;
  }
}

/** What the prompt may write: what it says itself, else what the session was held to before. */
function heldFor(wish: TurnWish): HeldFor {
  const own = heldBy(wish);
  const { session } = wish;
  if (!session) return own;
  const before = session.runs
    .map((id) => readRun(session.directory, id))
    .findLast((run) => run !== undefined);
  if (own.silent) {
    if (session.held === "unscoped") return { held: { kind: "unscoped" }, why: "unscoped, as before" };
    if (session.held === "task" && before) {
      const held: Held = { kind: "task", spec: before.spec, taskFile: before.task_file };
      return { held, why: `held to ${before.spec.slug}, as before` };
    }
    return { ...own, why: "read-only, as before" };
  }
  // A scope that a later prompt of the session words anew stands on the same baseline.
  if (
    own.held.kind === "task" &&
    own.held.spec.source === "file-scope" &&
    session.held === "task" &&
    before
  ) {
    const corrects = lineage(before.spec, session.directory);
    if (corrects !== own.held.spec.slug) {
      return { ...own, held: { ...own.held, spec: { ...own.held.spec, corrects } } };
    }
  }
  return own;
}

/** @throws HandrailError `busy` while it works: a second prompt would join the turn of the first */
async function stillKnown(server: Server, record: SessionRecord): Promise<SessionRecord | undefined> {
  if (!(await findSession(server, record.session_id))) return undefined;
  const family = await familyOf(server, record.session_id);
  const busy = await busySessions(server);
  if (!busy.some((id) => family.includes(id))) return record;
  throw new HandrailError("busy", `session ${record.session_id} is still working`, {
    fix: attachCommand(record.session_id, record.directory),
  });
}

export function sessionLost(record: SessionRecord): HandrailError {
  return new HandrailError(
    "session-lost",
    `OpenCode does not know session ${record.session_id} any more; a new one can be told what it was about`,
    { fix: "repeat the command with --restart-lost" },
  );
}
