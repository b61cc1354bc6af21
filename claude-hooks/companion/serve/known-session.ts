import { HandrailError } from "../../../shared/errors.ts";
import { reap } from "../../../shared/run/reap.ts";
import { readableRun } from "../../../shared/run/store.ts";
import { ensureServer, findServer, joinRunningServer } from "../../../shared/serve/ensure.ts";
import { busySessions, findSession } from "../../../shared/serve/session.ts";
import {
  findSessionRecord,
  listSessionRecords,
  type SessionRecord,
} from "../../../shared/serve/session-record.ts";
import { abortTurn } from "../../../shared/serve/wait.ts";
import { printable } from "../../../shared/text/printable.ts";
import { interruptible } from "../interruption.ts";
import { emit } from "../output.ts";
import { Progress, progressFor } from "../progress.ts";
import { minutes, PATIENCE } from "../turn-options.ts";
import { answerSession, awaitedAnswers } from "./answer.ts";
import { projectRoot, requireSameProject, rootIfAny } from "./directory.ts";
import { endAfterTask } from "./end-server.ts";
import { awaitTurn, sessionLost } from "./perform.ts";
import { exitCodeOfState, resultText, type SessionResult, shortened, stateOfSession } from "./result.ts";

export interface DirectoryOption {
  directory?: string;
  json?: boolean;
}
export interface WaitOptions extends DirectoryOption {
  timeout?: string;
  events?: boolean;
}
export interface ReplyOptions extends WaitOptions {
  once?: boolean;
  always?: boolean;
  reject?: boolean;
  message?: string;
  request?: string;
  wait: boolean;
}

/** `session attach` and, where `quiet`, `session wait` */
export async function attachSession(sessionId: string, options: WaitOptions, quiet: boolean): Promise<void> {
  const record = requireSession(sessionId, options);
  const root = record.directory;
  const runId = record.runs.at(-1);
  const progress = quiet && !options.events ? new Progress() : progressFor(options);
  const timeoutMs = minutes(options.timeout ?? PATIENCE);
  await reap(root);
  const result = await interruptible(async (interruption) => {
    // One that works is good for this, whatever its version.
    const server =
      (await joinRunningServer(root)) ??
      (await ensureServer({
        root,
        reason: "handrail session attach",
        join: true,
        signal: interruption.stop,
        say: (text) => progress.say(text),
      }));
    try {
      if (!(await findSession(server, sessionId))) throw sessionLost(record);
      return await awaitTurn(server, record, runId, { prompted: false, timeoutMs, progress, interruption });
    } finally {
      await endAfterTask(server);
    }
  });
  printSession(options, result);
}

/** `session reply` */
export async function replySession(sessionId: string, words: string[], options: ReplyOptions): Promise<void> {
  const record = requireSession(sessionId, options);
  const { once, always, reject, message, request, wait } = options;
  const answer = { words, once, always, reject, message, request };
  const timeoutMs = wait ? minutes(options.timeout ?? PATIENCE) : undefined;
  printSession(options, await answerSession(record, { answer, timeoutMs, progress: progressFor(options) }));
}

/** `session list` */
export async function listSessions(options: DirectoryOption): Promise<void> {
  const root = await projectRoot(options.directory);
  await reap(root);
  const busy = await busyNow(root);
  const { records, unreadable } = listSessionRecords(root);
  for (const problem of unreadable) process.stderr.write(`handrail: ${problem}\n`);
  const rows = records.map((record) => ({
    ...stateNow(record, busy),
    title: record.title,
    created: record.created,
  }));
  emit(options, rows, () =>
    rows.length === 0
      ? "no session of Handrail's in this project yet: handrail session new"
      : rows
          .map(
            (row) =>
              `${row.session_id}  ${row.state.padEnd(8)}  ${row.held.padEnd(9)}  ${printable(row.title, 60)}`,
          )
          .join("\n"),
  );
}

/** `session status` */
export async function showSession(sessionId: string, options: DirectoryOption): Promise<void> {
  const record = requireSession(sessionId, options);
  await reap(record.directory);
  const now = await withPending(record, stateNow(record, await busyNow(record.directory)));
  emit(options, now, () => resultText(now));
}

/** `session abort` */
export async function abortSession(sessionId: string, options: DirectoryOption): Promise<void> {
  const record = requireSession(sessionId, options);
  const server = await findServer(record.directory);
  const runId = record.runs.at(-1);
  if (server) await abortTurn(server, { sessionId, runId, timeoutMs: STOP_MS });
  await reap(record.directory);
  const now = stateNow(record, await busyNow(record.directory));
  emit(options, now, () => resultText(now));
}

/** How long a session may take to stop, in milliseconds. */
const STOP_MS = 30_000;

/** Without asking the server again and again: undefined where none runs. */
async function busyNow(root: string): Promise<ReadonlySet<string>> {
  const server = await findServer(root);
  return new Set(server ? await busySessions(server) : []);
}

function stateNow(record: SessionRecord, busy: ReadonlySet<string>): SessionResult {
  const runId = record.runs.at(-1);
  const run = runId === undefined ? undefined : readableRun(record.directory, runId);
  const state = run?.state ?? (busy.has(record.session_id) ? "running" : "idle");
  return stateOfSession(record, runId, state);
}

async function withPending(record: SessionRecord, now: SessionResult): Promise<SessionResult> {
  if (now.state !== "awaiting_permission") return now;
  return { ...now, pending: await awaitedAnswers(record) };
}

/**
 * A session that Handrail has started, found from anywhere unless `--directory` names another project.
 * @throws HandrailError `not-found`, `wrong-directory`, `bad-input`
 */
export function requireSession(sessionId: string, { directory }: DirectoryOption): SessionRecord {
  const record = findSessionRecord(sessionId, rootIfAny(directory) ?? process.cwd());
  if (!record) {
    throw new HandrailError("not-found", `no session ${sessionId} was started by Handrail on this machine`, {
      fix: "handrail session list",
    });
  }
  requireSameProject(record, directory);
  return record;
}

/** Prints what a session came to, with the exit code of it. */
export function printSession(options: { json?: boolean }, result: SessionResult): void {
  const code = exitCodeOfState(result.state, result.report?.verdict);
  const shown = shortened(result);
  emit(options, shown, () => resultText(shown), code);
}
