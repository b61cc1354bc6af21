import type { SessionRecord } from "../../../shared/serve/session-record.ts";
import { progressFor } from "../progress.ts";
import { checkedModel, minutes, PATIENCE } from "../turn-options.ts";
import { runInBackground } from "./background.ts";
import { projectRoot } from "./directory.ts";
import { heldBy } from "./held.ts";
import { printSession, requireSession, type WaitOptions } from "./known-session.ts";
import { performTurn } from "./perform.ts";
import { readPrompt } from "./prompt.ts";

export interface PromptOptions extends WaitOptions {
  model?: string;
  agent?: string;
  background?: boolean;
  task?: string;
  promptFile?: string;
  unscoped?: boolean;
  readOnly?: boolean;
  restartLost?: boolean;
}

/** `session new` */
export async function startSession(words: string[], options: PromptOptions): Promise<void> {
  const root = await projectRoot(options.directory);
  const prompt = readPrompt(words, options.promptFile);
  await turn(root, prompt, options, undefined, ["session", "new"]);
}

/** `session continue` */
export async function continueSession(
  sessionId: string,
  words: string[],
  options: PromptOptions,
): Promise<void> {
  const record = requireSession(sessionId, options);
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
  const progress = progressFor(options);
  if (options.background) {
    // What is wrong, and what it may write, is said now, and not in a job.
    const { why, silent } = heldBy(flags);
    if (!session || !silent) progress.say(why);
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
  const { restartLost } = options;
  const wish = { ...flags, session, restartLost, model, agent, timeoutMs, progress };
  printSession(options, await performTurn(wish));
}

function given(name: string, value: string | undefined): string[] {
  return value === undefined ? [] : [name, value];
}
