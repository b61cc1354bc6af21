import type { Command } from "commander";
import {
  abortSession,
  attachSession,
  type DirectoryOption,
  listSessions,
  type ReplyOptions,
  replySession,
  showSession,
  type WaitOptions,
} from "../serve/known-session.ts";
import { continueSession, type PromptOptions, startSession } from "../serve/prompted-session.ts";
import { eventsOption, PATIENCE } from "../turn-options.ts";

/** `handrail session new|continue|attach|wait|reply|list|status|abort`: sessions on the project's own server. */
export function configure(command: Command): void {
  promptOptions(command.command("new"))
    .description("start a session with a prompt, and wait for what comes of it")
    .argument("[prompt...]", "the prompt, after --")
    .addHelpText("after", NEW_HELP)
    .action((words: string[], options: PromptOptions) => startSession(words, options));
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
    .action((session: string, words: string[], options: PromptOptions) =>
      continueSession(session, words, options),
    );
  for (const [name, description] of [
    ["attach", "wait for a session's turn and show what it does; never prompts"],
    ["wait", "wait for a session's turn, quietly; never prompts"],
  ] as const) {
    waitOptions(command.command(name))
      .description(description)
      .argument("<session>", "session id")
      .addHelpText("after", `\nExample:\n  handrail session ${name} ses_1a2b --directory . --timeout 5`)
      .action((session: string, options: WaitOptions) => attachSession(session, options, name === "wait"));
  }
  waitOptions(command.command("reply"))
    .description("answer what a session waits for: a permission or a question; then wait for its turn")
    .argument("<session>", "session id")
    .argument("[answer...]", "what to answer a question, after --; one word or quoted text for each question")
    .option("--once", "allow what it asks for, this once")
    .option("--always", "allow it, and let OpenCode ask no more for the like")
    .option("--reject", "refuse the permission, or the question")
    .option("--message <text>", "with --reject: why, told to the executor")
    .option("--request <id>", "which of several")
    .option("--no-wait", "return as soon as the answer is given")
    .addHelpText("after", REPLY_HELP)
    .action((session: string, words: string[], options: ReplyOptions) =>
      replySession(session, words, options),
    );
  directoryOption(command.command("list"))
    .description("the sessions of this project")
    .addHelpText("after", "\nExample:\n  handrail session list --directory .")
    .action((options: DirectoryOption) => listSessions(options));
  directoryOption(command.command("status"))
    .description("what a session does, without waiting")
    .argument("<session>", "session id")
    .addHelpText("after", "\nExample:\n  handrail session status ses_1a2b --directory .")
    .action((session: string, options: DirectoryOption) => showSession(session, options));
  directoryOption(command.command("abort"))
    .description("ask a session to stop; what it did so far is kept")
    .argument("<session>", "session id")
    .addHelpText("after", "\nExample:\n  handrail session abort ses_1a2b --directory .")
    .action((session: string, options: DirectoryOption) => abortSession(session, options));
}

const REPLY_HELP = `
Whatever is allowed here, Handrail still holds the session to its task.

Examples:
  handrail session reply ses_1a2b --directory . --once
  handrail session reply ses_1a2b --directory . -- "Use the second one"`;

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
  return eventsOption(directoryOption(command)).option(
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
