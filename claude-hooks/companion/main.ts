import { Command, CommanderError } from "commander";
import { HandrailError } from "../../shared/errors.ts";
import { VERSION } from "../../shared/version.ts";
import { emitError, toleratePipes, wantsJson } from "./output.ts";

/** A verb's module; loaded only when the verb is used. */
export interface VerbModule {
  /** Adds arguments, options and the action to the verb's own command. */
  configure(command: Command): void;
}

/** Every verb: what it does, in the order of the help, and where it lives. */
const verbs: Record<string, { summary: string; load: () => Promise<VerbModule> }> = {
  init: { summary: "install both sides, or take it back", load: () => import("./commands/init.ts") },
  doctor: { summary: "check that every part works", load: () => import("./commands/doctor.ts") },
  task: { summary: "check a task file, or write a new one", load: () => import("./commands/task.ts") },
  baseline: { summary: "capture the baseline, or show it", load: () => import("./commands/baseline.ts") },
  run: { summary: "delegate a task to OpenCode and wait for it", load: () => import("./commands/run.ts") },
  exec: {
    summary: "run one shell command exactly as the executor's shell would",
    load: () => import("./commands/exec.ts"),
  },
  explain: {
    summary: "say what the guard would decide about a tool call, and why",
    load: () => import("./commands/explain.ts"),
  },
  diff: {
    summary: "show what the executor changed since the baseline",
    load: () => import("./commands/diff.ts"),
  },
  verify: {
    summary: "say whether anything out of scope differs",
    load: () => import("./commands/verify.ts"),
  },
  runs: { summary: "list the runs of this project", load: () => import("./commands/runs.ts") },
  show: { summary: "show what a run came to", load: () => import("./commands/show.ts") },
  restore: {
    summary: "put back what a run changed out of scope",
    load: () => import("./commands/restore.ts"),
  },
  lock: {
    summary: "show, give back or hand over what runs have locked",
    load: () => import("./commands/lock.ts"),
  },
  schedule: {
    summary: "run several tasks: one after the other unless they are proven disjoint",
    load: () => import("./commands/schedule.ts"),
  },
  gc: { summary: "remove what is old and closed", load: () => import("./commands/gc.ts") },
  session: {
    summary: "start, continue and follow sessions on this project's OpenCode server",
    load: () => import("./commands/session.ts"),
  },
  job: {
    summary: "list, wait for and cancel work in the background",
    load: () => import("./commands/job.ts"),
  },
  serve: {
    summary: "start, show and stop this project's OpenCode server",
    load: () => import("./commands/serve.ts"),
  },
  review: {
    summary: "have a fresh read-only session review what changed",
    load: () => import("./commands/review.ts"),
  },
  plan: {
    summary: "read exec plans, fill prompts, keep track of a feature",
    load: () => import("./commands/plan.ts"),
  },
  savings: {
    summary: "show what runs have cost on both sides",
    load: () => import("./commands/savings.ts"),
  },
  callback: {
    summary: "list, deliver or redeliver the callbacks of this project",
    load: () => import("./commands/callback.ts"),
  },
  mcp: { summary: "serve the bridge's tools to an MCP client", load: () => import("./commands/mcp.ts") },
};

async function main(argv: string[]): Promise<void> {
  const program = new Command("handrail")
    .description("Hand coding work from Claude Code to OpenCode, held to a task file.")
    .version(VERSION)
    .option("--json", "print JSON for programs")
    .addHelpText("after", MORE)
    // `--json` is the program's as much as the verb's, and commander gives it to the program alone.
    .hook("preAction", (_program, verb) => {
      if (wantsJson(argv)) verb.setOptionValue("json", true);
    });
  const wanted = argv.find((word) => !word.startsWith("-"));
  for (const [name, verb] of Object.entries(verbs)) {
    const command = program.command(name).summary(verb.summary).description(verb.summary);
    if (name === wanted) {
      const module = await verb.load();
      module.configure(command);
    }
  }
  for (const command of [program, ...everyCommand(program)]) prepare(command);
  if (argv.length === 0) {
    program.outputHelp();
    return;
  }
  try {
    await program.parseAsync(argv, { from: "user" });
  } catch (error) {
    // Help that was asked for comes as an error, too.
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode !== 0) throw usageError(error, commandIn(program, argv));
  }
}

const MORE = `
handrail <command> --help has the arguments and an example of each command.
Files are named from the repository root, or from the current folder.

Exit codes: 0 done, 1 failed, 2 bad usage or input, 3 scope violated, 4 timed out,
5 something required is missing or busy.`;

function everyCommand(command: Command): Command[] {
  return command.commands.flatMap((child) => [child, ...everyCommand(child)]);
}

function prepare(command: Command): void {
  if (command.parent && !command.options.some((option) => option.long === "--json")) {
    command.option("--json", "print JSON for programs");
  }
  if (command.parent && command.commands.length > 0) {
    command.addHelpText("after", `\nhandrail ${command.name()} <command> --help has an example of each.`);
  }
  command.exitOverride().configureOutput({ writeErr: () => undefined });
}

/** The command that some words mean, as far as they mean one: `handrail session new`. */
function commandIn(program: Command, argv: readonly string[]): string {
  let command = program;
  const called = [program.name()];
  for (const word of argv) {
    if (word.startsWith("-")) continue;
    const child = command.commands.find((one) => one.name() === word);
    if (!child) break;
    command = child;
    called.push(word);
  }
  return called.join(" ");
}

/** What commander found wrong, with the help of the command it was in. */
function usageError(error: CommanderError, called: string): HandrailError {
  // commander gives the whole help of a command that lacks its subcommand, under this name
  const message =
    error.code === "commander.help" ? `${called} needs a command` : error.message.replace(/^error: /, "");
  return new HandrailError("bad-usage", message, { fix: `${called} --help` });
}

/** `help VERB...` as `VERB... --help`: commander's own knows only verbs that are loaded. */
function withoutHelpVerb(given: string[]): string[] {
  const [first, ...rest] = given;
  return first === "help" ? [...rest, "--help"] : given;
}

const argv = withoutHelpVerb(process.argv.slice(2));
toleratePipes();
main(argv).catch((error: unknown) => emitError(error, wantsJson(argv)));
