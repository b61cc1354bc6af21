import type { Command } from "commander";
import { HandrailError } from "../../../shared/errors.ts";
import { reap } from "../../../shared/run/reap.ts";
import { readableRun } from "../../../shared/run/store.ts";
import { ensureServer, findServer } from "../../../shared/serve/ensure.ts";
import { busySessions, findSession } from "../../../shared/serve/session.ts";
import {
  findSessionRecord,
  listSessionRecords,
  type SessionRecord,
} from "../../../shared/serve/session-record.ts";
import { abortTurn } from "../../../shared/serve/wait.ts";
import { printable } from "../../../shared/text/printable.ts";
import { emit } from "../output.ts";
import { Progress } from "../progress.ts";
import { runInBackground } from "../serve/background.ts";
import { projectRoot, requireSameProject, rootIfAny } from "../serve/directory.ts";
import { heldBy } from "../serve/held.ts";
import { awaitTurn, performTurn, sessionLost } from "../serve/perform.ts";
import { readPrompt } from "../serve/prompt.ts";
import { exitCodeOfState, resultText, type SessionResult, stateOfSession } from "../serve/result.ts";
import { checkedModel, minutes } from "../turn-options.ts";

interface DirectoryOption {
  directory?: string;
  json?: boolean;
}
interface WaitOptions extends DirectoryOption {
  timeout?: string;
}
interface PromptOptions extends WaitOptions {
  model?: string;
  agent?: string;
  background?: boolean;
  task?: string;
  promptFile?: string;
  unscoped?: boolean;
  readOnly?: boolean;
  restartLost?: boolean;
}

/** How long the verbs wait unless they are told, in minutes. */
const PATIENCE = "60";

/** `handrail session new|continue|attach|wait|list|status|abort`: sessions on the project's own server. */
export function configure(command: Command): void {
  promptOptions(command.command("new"))
    .description("start a session with a prompt, and wait for what comes of it")
    .argument("[prompt...]", "the prompt, after --")
    .addHelpText("after", NEW_HELP)
    .action((words: string[], options: PromptOptions) => start(words, options));
  promptOptions(command.command("continue"))
    .description("give a session another prompt; it keeps its scope unless the prompt brings another")
    .argument("<session>", "session id")
    .argument("[prompt...]", "the prompt, after --")
    .option(
      "--restart-lost",
      "start a new session where OpenCode has lost this one, and carry over what it was asked",
    )
    .addHelpText(
      "after",
      `\nExample:\n  handrail session continue ses_1a2b --directory . -- "Fix what the review found: ..."`,
    )
    .action((session: string, words: string[], options: PromptOptions) => goOn(session, words, options));
  for (const [name, description] of [
    ["attach", "wait for a session's turn and show what it does; never prompts"],
    ["wait", "wait for a session's turn, quietly; never prompts"],
  ] as const) {
    waitOptions(command.command(name))
      .description(description)
      .argument("<session>", "session id")
      .addHelpText("after", `\nExample:\n  handrail session ${name} ses_1a2b --directory . --timeout 5`)
      .action((session: string, options: WaitOptions) => attach(session, options, name === "wait"));
  }
  directoryOption(command.command("list"))
    .description("the sessions of this project")
    .action((options: DirectoryOption) => list(options));
  directoryOption(command.command("status"))
    .description("what a session does, without waiting")
    .argument("<session>", "session id")
    .action((session: string, options: DirectoryOption) => status(session, options));
  directoryOption(command.command("abort"))
    .description("ask a session to stop; what it did so far is kept")
    .argument("<session>", "session id")
    .action((session: string, options: DirectoryOption) => abort(session, options));
}

const NEW_HELP = `
What the session may write: the task of --task, else the file scope block in the prompt:
  File scope:
  - src/retry.ts
  Do not:
  - touch src/client.ts
With neither it only reads.

Example:
  handrail session new --directory . --timeout 60 --task opencode_tasks/20261121-add-retry.txt -- "Do the task."`;

function directoryOption(command: Command): Command {
  return command.option("--directory <folder>", "the project; default: the current folder's");
}

function waitOptions(command: Command): Command {
  return directoryOption(command).option(
    "--timeout <minutes>",
    "wait this long; fractions allowed",
    PATIENCE,
  );
}

function promptOptions(command: Command): Command {
  return waitOptions(command)
    .option("--model <provider/model>", "the executor's model instead of OpenCode's own choice")
    .option("--agent <agent>", "the OpenCode agent that does the work")
    .option("--background", "return as soon as there is a session; see handrail job")
    .option("--task <file>", "the task that the session is held to")
    .option("--prompt-file <file>", "read the prompt from a file; - is stdin")
    .option("--read-only", "write nothing, whatever the prompt says")
    .option("--unscoped", "do not hold the session at all");
}

async function start(words: string[], options: PromptOptions): Promise<void> {
  const root = await projectRoot(options.directory);
  const prompt = readPrompt(words, options.promptFile);
  await turn(root, prompt, options, undefined, ["session", "new"]);
}

async function goOn(sessionId: string, words: string[], options: PromptOptions): Promise<void> {
  const record = requireRecord(sessionId, options);
  const prompt = readPrompt(words, options.promptFile);
  await turn(record.directory, prompt, options, record, ["session", "continue", sessionId]);
}

async function turn(
  root: string,
  prompt: string,
  options: PromptOptions,
  session: SessionRecord | undefined,
  verb: string[],
): Promise<void> {
  const { task, readOnly, unscoped, agent } = options;
  const model = checkedModel(options.model);
  const timeoutMs = minutes(options.timeout ?? PATIENCE);
  const flags = { root, cwd: process.cwd(), prompt, task, readOnly, unscoped };
  if (options.background) {
    heldBy(flags); // what is wrong is said now, and not in a job
    const args = [...verb, "--directory", root, ...given("--timeout", options.timeout)];
    const more = [
      ...given("--model", model),
      ...given("--agent", agent),
      ...given("--task", task),
      ...(readOnly ? ["--read-only"] : []),
      ...(unscoped ? ["--unscoped"] : []),
      ...(options.restartLost ? ["--restart-lost"] : []),
    ];
    return runInBackground(options, { kind: "session", root, args: [...args, ...more], prompt });
  }
  const progress = new Progress(options.json ? undefined : process.stderr);
  const { restartLost } = options;
  print(options, await performTurn({ ...flags, session, restartLost, model, agent, timeoutMs, progress }));
}

async function attach(sessionId: string, options: WaitOptions, quiet: boolean): Promise<void> {
  const record = requireRecord(sessionId, options);
  const root = record.directory;
  const runId = record.runs.at(-1);
  const progress = new Progress(options.json || quiet ? undefined : process.stderr);
  await reap(root);
  const say = (text: string) => progress.say(text);
  // One that works is good for this, whatever its version.
  const server =
    (await findServer(root)) ?? (await ensureServer({ root, reason: "handrail session attach", say }));
  if (!(await findSession(server, sessionId))) throw sessionLost(record);
  const timeoutMs = minutes(options.timeout ?? PATIENCE);
  print(options, await awaitTurn(server, record, runId, { prompted: false, timeoutMs, progress }));
}

async function list(options: DirectoryOption): Promise<void> {
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

async function status(sessionId: string, options: DirectoryOption): Promise<void> {
  const record = requireRecord(sessionId, options);
  await reap(record.directory);
  const now = stateNow(record, await busyNow(record.directory));
  emit(options, now, () => resultText(now));
}

async function abort(sessionId: string, options: DirectoryOption): Promise<void> {
  const record = requireRecord(sessionId, options);
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

function requireRecord(sessionId: string, { directory }: DirectoryOption): SessionRecord {
  const record = findSessionRecord(sessionId, rootIfAny(directory) ?? process.cwd());
  if (!record) {
    throw new HandrailError("not-found", `no session ${sessionId} was started by Handrail on this machine`, {
      fix: "handrail session list",
    });
  }
  requireSameProject(record, directory);
  return record;
}

function print(options: { json?: boolean }, result: SessionResult): void {
  const code = exitCodeOfState(result.state, result.report?.verdict);
  emit(options, result, () => resultText(result), code);
}

function given(name: string, value: string | undefined): string[] {
  return value === undefined ? [] : [name, value];
}
