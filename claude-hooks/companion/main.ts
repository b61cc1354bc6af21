import { Command, CommanderError } from "commander";
import { HandrailError } from "../../shared/errors.ts";
import { emitError, wantsJson } from "./output.ts";

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
  callback: {
    summary: "list, deliver or redeliver the callbacks of this project",
    load: () => import("./commands/callback.ts"),
  },
};

async function main(argv: string[]): Promise<void> {
  const program = new Command("handrail")
    .description("Hand coding work from Claude Code to OpenCode, held to a task file.")
    .version(process.env.HANDRAIL_VERSION ?? "0.1.0")
    .option("--json", "print JSON for programs")
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
    process.stdout.write(program.helpInformation());
    return;
  }
  await program.parseAsync(argv, { from: "user" });
}

function everyCommand(command: Command): Command[] {
  return command.commands.flatMap((child) => [child, ...everyCommand(child)]);
}

function prepare(command: Command): void {
  if (command.parent && !command.options.some((option) => option.long === "--json")) {
    command.option("--json", "print JSON for programs");
  }
  command.exitOverride().configureOutput({ writeErr: () => undefined });
}

const argv = process.argv.slice(2);
main(argv).catch((error: unknown) => {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return;
    const message = error.message.replace(/^error: /, "");
    emitError(new HandrailError("bad-usage", message, { fix: "handrail --help" }), wantsJson(argv));
    return;
  }
  emitError(error, wantsJson(argv));
});
