import type { Command } from "commander";
import { quote } from "../../../shared/scope/quote.ts";
import { contribution } from "../../../shared/tree/diff.ts";
import { openHere } from "../here.ts";
import { emit } from "../output.ts";
import { evidenceOf, taskSlug } from "../task-evidence.ts";

interface DiffOptions {
  json?: boolean;
  task?: string;
  stat?: boolean;
}

/** `handrail diff`: what the executor has changed since the baseline, whatever it staged or committed. */
export function configure(command: Command): void {
  command
    .option("--task <file>", "a task file, or the slug of a task; default: the one captured last")
    .option("--stat", "only the files and how much changed in each")
    .addHelpText("after", "\nExample:\n  handrail diff --task add-retry --stat")
    .action(async (options: DiffOptions) => {
      const repo = await openHere();
      const slug = await taskSlug(repo, options.task, process.cwd());
      const { task, baseline, full, files, text } = await contribution(repo, slug, evidenceOf(repo, slug));
      if (options.json) {
        // Every file has both counts; null for what has no lines.
        const counted = files.map(({ path, status, added = null, deleted = null, inScope, by }) => {
          return { path, status, added, deleted, inScope, by };
        });
        emit(options, { baseline, full, task, files: counted }, () => "");
        return;
      }
      const color = process.stdout.isTTY && !process.env.NO_COLOR;
      process.stdout.write(await text({ stat: options.stat, color }));
      const foreign = files.filter((file) => file.by === "foreign").map((file) => quote(file.path, 80));
      if (foreign.length > 0) {
        process.stderr.write(`not shown, since the executor did not change it: ${foreign.join(", ")}\n`);
      }
    });
}
