import type { Command } from "commander";
import { HandrailError } from "../../../shared/errors.ts";
import { type Executed, executeCommand } from "../execute.ts";
import { emit } from "../output.ts";

interface ExecOptions {
  json?: boolean;
  task?: string;
  run?: string;
}

/** `handrail exec`: one shell command, held exactly as the executor's would be. */
export function configure(command: Command): void {
  command
    .argument("<command...>", "after --: a shell command line in one word, or a program and its arguments")
    .option("--task <file>", "task file or coding packet whose scope counts")
    .option("--run <id>", "a run whose scope counts")
    .addHelpText(
      "after",
      "\nExample:\n  handrail exec --task opencode_tasks/20261121-add-retry.txt -- npm test",
    )
    .action(async (words: string[], _: unknown, self: Command) => {
      const options: ExecOptions = self.optsWithGlobals();
      if ((options.task === undefined) === (options.run === undefined)) {
        throw new HandrailError("bad-usage", "exec takes either --task FILE or --run ID", {
          fix: "handrail exec --task opencode_tasks/TASK.txt -- COMMAND",
        });
      }
      const done = await executeCommand({
        words,
        cwd: process.cwd(),
        task: options.task,
        run: options.run,
        buffer: options.json ?? false,
      });
      if (options.json) emit(options, answer(done), () => "", done.code);
      else process.exitCode = done.code;
    });
}

/** The JSON contract of `exec` (design, section 6). */
function answer(done: Executed) {
  const { exitCode, stdout, stderr, confinement, applied, refused, conflicts, scratch, durationMs } = done;
  const said = { exitCode, stdout, stderr, confinement, applied, refused, conflicts, scratch, durationMs };
  return { ...said, ...(done.reason !== undefined && { reason: done.reason }) };
}
