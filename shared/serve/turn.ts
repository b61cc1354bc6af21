import { closeOnce } from "../run/close-once.ts";
import { createRun } from "../run/create.ts";
import { moveRun } from "../run/move.ts";
import type { Origin, RunRecord } from "../run/record.ts";
import { registerSession, registerUnscoped } from "../run/registry.ts";
import type { TaskSpec } from "../task/spec.ts";
import type { Server } from "./client.ts";
import { checkChoice, createSession, sendPrompt } from "./session.ts";
import { type SessionRecord, saveSessionRecord, withPrompt } from "./session-record.ts";

/** What a prompt may write. */
export type Held =
  | { kind: "task"; spec: TaskSpec; taskFile?: string | undefined }
  | { kind: "read-only" }
  /** Handrail leaves the session alone; only when a person says so. */
  | { kind: "unscoped" };

export interface TurnRequest {
  prompt: string;
  held: Held;
  /** Who is called back. */
  origin: Origin;
  /** The session to go on with; without it a new one. */
  session?: SessionRecord | undefined;
  title?: string | undefined;
  /** `provider/model` */
  model?: string | undefined;
  agent?: string | undefined;
  /** Whether the validation commands of a task file run after the turn, as a packet's do. */
  validate?: boolean | undefined;
  /** The run that failed before, and whose task is tried again. */
  retryOf?: string | undefined;
  /** Told as soon as there is a session. */
  onSession?: (record: SessionRecord, run: RunRecord | undefined) => void;
  env?: NodeJS.ProcessEnv;
}

export interface StartedTurn {
  session: SessionRecord;
  /** Every prompt but an unscoped one is a run, with a callback of its own. */
  run: RunRecord | undefined;
}

/**
 * Prompts a session, new or known, and does not wait: `waitForTurn` does. The run and what the session is
 * bound to are on record before OpenCode gets the prompt.
 * @throws HandrailError `bad-usage` for a model or agent that OpenCode lacks, `routing`, `server-failed`,
 *   `wrong-directory`
 */
export async function startTurn(server: Server, request: TurnRequest): Promise<StartedTurn> {
  const { held, prompt, model, agent } = request;
  const { directory } = server.entry;
  await checkChoice(server, { model, agent });
  const title = request.title ?? titleOf(held, prompt);
  const known = request.session ?? (await newRecord(server, title));
  const sessionId = known.session_id;
  const run = held.kind === "unscoped" ? undefined : newRun(server, request, sessionId);
  if (run) registerSession(directory, sessionId, run.run_id, { fixed: true });
  else registerUnscoped(directory, sessionId);
  const session = withPrompt(
    {
      ...known,
      held: held.kind,
      runs: run ? [...known.runs, run.run_id] : known.runs,
      ...(model === undefined ? {} : { model }),
      ...(agent === undefined ? {} : { agent }),
    },
    prompt,
  );
  saveSessionRecord(session);
  request.onSession?.(session, run);
  try {
    await sendPrompt(server, sessionId, { text: prompt, model, agent });
  } catch (error) {
    if (run) {
      const message = error instanceof Error ? error.message : String(error);
      await closeOnce(run, { outcome: "error", error: { code: "server-failed", message } }, request.env);
    }
    throw error;
  }
  return { session, run };
}

async function newRecord(server: Server, title: string): Promise<SessionRecord> {
  const session = await createSession(server, { title });
  return {
    schema: 1,
    session_id: session.id,
    directory: server.entry.directory,
    title,
    held: "read-only",
    runs: [],
    prompts: [],
    created: new Date().toISOString(),
  };
}

function newRun(server: Server, request: TurnRequest, sessionId: string): RunRecord {
  const { held, origin, agent, model, validate, retryOf } = request;
  const { directory, url, process } = server.entry;
  const run = createRun({
    root: directory,
    spec: held.kind === "task" ? held.spec : readOnlySpec(sessionId),
    ...(held.kind === "task" ? { taskFile: held.taskFile } : {}),
    lane: "serve",
    origin,
    agent,
    model,
    validate,
    retryOf,
    serverUrl: url,
  });
  // With its executor: should the server die before it takes the run up, whoever comes by knows.
  return moveRun(run, "prompt_sent", { session: sessionId, ...(process ? { executor: process } : {}) });
}

/** The task of a session that may only read: an empty scope, so that its commands are held like any other's. */
export function readOnlySpec(sessionId: string): TaskSpec {
  return {
    ok: true,
    source: "file-scope",
    // Its end is chance, its beginning the time: sessions that begin together must not pass for one task.
    slug: `read-only-${sessionId.slice(-8).toLowerCase()}`,
    title: "Read only",
    scope: { allow: [], inspect: [], forbid: [], rules: ["no-commit", "no-stage"], noRead: [] },
    prohibitions: [],
    validation: [],
    errors: [],
    warnings: [],
  };
}

function titleOf(held: Held, prompt: string): string {
  const text = held.kind === "task" ? held.spec.title : prompt;
  return text.replace(/\s+/g, " ").trim().slice(0, 80) || "Handrail";
}
