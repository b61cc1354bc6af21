import { HandrailError } from "../errors.ts";
import { closeOnce } from "../run/close-once.ts";
import { reap } from "../run/reap.ts";
import { isOver, type RunRecord } from "../run/record.ts";
import { readRun } from "../run/store.ts";
import { ABORTED } from "../run/unfinished.ts";
import type { Server } from "./client.ts";
import { isRunning, touchEntry } from "./entry.ts";
import { follow, type SessionEvent } from "./follow.ts";
import { type Pending, pendingOf } from "./pending.ts";
import { abortSession, busySessions, familyOf, lastAnswer, lastProblem, messagesOf } from "./session.ts";

/** Without a word from the server it is asked this often, in milliseconds. */
const ASK_MS = 2000;
/** A prompt that a session which does nothing has not taken up within this time was dropped, in milliseconds. */
const TAKE_MS = 60_000;

export interface TurnWatch {
  sessionId: string;
  /** The run that the session works for; without one (`--unscoped`) the messages tell. */
  runId?: string | undefined;
  /** Who waits was also who prompted: what is not taken up then is an error, not an old turn. */
  prompted: boolean;
  /** What was just answered, by OpenCode's id of the request: it is not waited for any more. */
  answered?: string | undefined;
  timeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
  onEvent?: ((event: SessionEvent) => void) | undefined;
  env?: NodeJS.ProcessEnv;
}

/** What became of a turn. `timed_out` says nothing about the work: it may go on. */
export type TurnOutcome =
  | { state: "done" | "failed" | "aborted" | "blocked"; run?: RunRecord; answer?: string; error?: TurnError }
  | { state: "awaiting_permission"; pending: Pending[] }
  | { state: "timed_out" }
  | { state: "interrupted" };
interface TurnError {
  code: string;
  message: string;
}

/**
 * Waits until a session's turn is over, or until only a person can get it on. Never prompts. What counts is
 * the run's record, the session's status and its messages; the stream of events only makes it faster.
 * @throws HandrailError `server-failed` when the server runs and does not answer any more
 */
export async function waitForTurn(server: Server, watch: TurnWatch): Promise<TurnOutcome> {
  const started = Date.now();
  const end = watch.timeoutMs === undefined ? Number.POSITIVE_INFINITY : started + watch.timeoutMs;
  const bell = new Bell();
  const stop = new AbortController();
  let complaint: TurnError | undefined;
  const following = follow(
    server,
    (event) => {
      watch.onEvent?.(event);
      if (event.kind === "error" && event.session === watch.sessionId) complaint = event;
      if (event.kind === "error" || event.kind === "changed") bell.ring();
    },
    stop.signal,
  );
  const interrupted = () => bell.ring();
  watch.signal?.addEventListener("abort", interrupted);
  let silentSince: number | undefined;
  try {
    for (;;) {
      if (watch.signal?.aborted) return { state: "interrupted" };
      try {
        const outcome = await look(server, watch, Date.now() - started, complaint);
        silentSince = undefined;
        if (outcome) return outcome;
      } catch (error) {
        if (!(error instanceof HandrailError) || error.code !== "server-failed") throw error;
        // A busy machine answers late; one that never does is another matter.
        silentSince ??= Date.now();
        if (isRunning(server.entry) && Date.now() - silentSince > TAKE_MS) throw error;
      }
      const left = end - Date.now();
      if (left <= 0) return { state: "timed_out" };
      await bell.heard(Math.min(ASK_MS, left));
      touchEntry(server.entry.directory);
    }
  } finally {
    watch.signal?.removeEventListener("abort", interrupted);
    stop.abort();
    await following;
  }
}

/**
 * Asks a session to stop until it has: an abort that comes while OpenCode takes a prompt up is lost (1.18.33,
 * measured).
 * @returns what became of its turn, as `waitForTurn`
 */
export async function abortTurn(
  server: Server,
  watch: Pick<TurnWatch, "sessionId" | "runId"> & { timeoutMs: number },
): Promise<TurnOutcome> {
  const stop = keepAborting(server, watch.sessionId);
  try {
    return await waitForTurn(server, { ...watch, prompted: false });
  } finally {
    stop();
  }
}

/** Asks a session to stop, again and again. @returns ends that */
export function keepAborting(server: Server, sessionId: string): () => void {
  // One that gets no answer is repeated like the others.
  const ask = () => abortSession(server, sessionId).catch(() => undefined);
  ask();
  const timer = setInterval(ask, ASK_MS / 2);
  return () => clearInterval(timer);
}

/** @returns undefined while the turn goes on */
async function look(
  server: Server,
  watch: TurnWatch,
  waitedMs: number,
  complaint: TurnError | undefined,
): Promise<TurnOutcome | undefined> {
  const { directory } = server.entry;
  const run = watch.runId === undefined ? undefined : readRun(directory, watch.runId);
  if (run && isOver(run)) return over(server, watch, run);
  if (!isRunning(server.entry)) return serverGone(watch, directory, run);
  const family = await familyOf(server, watch.sessionId);
  const busy = (await busySessions(server)).some((id) => family.includes(id));
  if (busy) {
    const all = await pendingOf(server, watch.sessionId, family, run);
    const pending = all.filter(({ id }) => id === undefined || id !== watch.answered);
    return pending.length > 0 ? { state: "awaiting_permission", pending } : undefined;
  }
  const taken = run ? run.turn > 0 : await hasAnswer(server, watch.sessionId);
  // The plugin is closing the turn.
  if (run && taken) return undefined;
  if (!run && taken) return over(server, watch, undefined);
  if (!watch.prompted) return run ? undefined : over(server, watch, undefined);
  if (!complaint && waitedMs < TAKE_MS) return undefined;
  const error = { code: "not-taken", message: complaint?.message || "OpenCode has not taken the prompt up" };
  return endedWith(watch, run, complaint ? { ...error, code: complaint.code } : error);
}

/** For a session without a run: whether its last prompt has been answered, or has failed. */
async function hasAnswer(server: Server, sessionId: string): Promise<boolean> {
  const last = (await messagesOf(server, sessionId, 1))?.at(-1)?.info;
  return last?.role === "assistant" && (last.time.completed !== undefined || last.error !== undefined);
}

async function over(server: Server, watch: TurnWatch, run: RunRecord | undefined): Promise<TurnOutcome> {
  const messages = await messagesIfThere(server, watch.sessionId);
  const answer = lastAnswer(messages);
  const gone = isRunning(server.entry) || run?.state === "done" ? undefined : SERVER_GONE;
  const error = run ? (run.error ?? gone) : (gone ?? lastProblem(messages));
  return {
    state: run ? endOf(run) : endBy(error),
    ...(run ? { run } : {}),
    ...(answer === undefined ? {} : { answer }),
    ...(error ? { error } : {}),
  };
}

function endOf({ state }: RunRecord): "done" | "failed" | "aborted" | "blocked" {
  return state === "done" || state === "failed" || state === "blocked" ? state : "aborted";
}

function endBy(error: TurnError | undefined): "done" | "failed" | "aborted" {
  if (!error) return "done";
  return error.code === ABORTED ? "aborted" : "failed";
}

/** The evidence is on disk: it does not need the server. */
async function messagesIfThere(server: Server, sessionId: string) {
  if (!isRunning(server.entry)) return [];
  return (await messagesOf(server, sessionId, 100)) ?? [];
}

async function serverGone(watch: TurnWatch, root: string, run: RunRecord | undefined): Promise<TurnOutcome> {
  await reap(root, watch.env);
  const closed = run && readRun(root, run.run_id);
  if (closed && isOver(closed)) return { state: endOf(closed), run: closed, error: SERVER_GONE };
  return endedWith(watch, closed, SERVER_GONE);
}

const SERVER_GONE = { code: "server-gone", message: "OpenCode's server ended before the turn was over" };

async function endedWith(
  watch: TurnWatch,
  run: RunRecord | undefined,
  error: TurnError,
): Promise<TurnOutcome> {
  if (!run) return { state: endBy(error), error };
  const outcome = error.code === ABORTED ? "aborted" : "error";
  const closed = (await closeOnce(run, { outcome, error }, watch.env)) ?? run;
  return { state: endOf(closed), run: closed, error };
}

/** Something to wait for that others may ring. */
class Bell {
  #ring: (() => void) | undefined;
  #rung = false;

  ring(): void {
    this.#rung = true;
    this.#ring?.();
  }

  async heard(ms: number): Promise<void> {
    if (!this.#rung) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#ring = resolve;
        timer = setTimeout(resolve, ms);
      });
      clearTimeout(timer);
      this.#ring = undefined;
    }
    this.#rung = false;
  }
}
