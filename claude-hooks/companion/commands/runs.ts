import type { Command } from "commander";
import { HandrailError } from "../../../shared/errors.ts";
import { readRuns } from "../../../shared/run/store.ts";
import { comeBy } from "../come-by.ts";
import { openHere } from "../here.ts";
import { emit } from "../output.ts";

interface RunsOptions {
  json?: boolean;
  limit: number;
}

function count(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new HandrailError("bad-usage", `--limit takes a number from 1, not ${JSON.stringify(text)}`, {
    fix: "handrail runs --limit 20",
  });
}

/** `handrail runs`: the runs of this project, newest last. */
export function configure(command: Command): void {
  command
    .option("--limit <n>", "how many of the newest", count, 20)
    .addHelpText("after", "\nExample:\n  handrail runs --limit 5")
    .action(async (options: RunsOptions) => {
      const { root } = await openHere();
      await comeBy(root);
      const { runs: records, unreadable } = readRuns(root, options.limit);
      for (const problem of unreadable) process.stderr.write(`handrail: ${problem}\n`);
      const runs = records.map(({ run_id, task_id, state, verdict, started, created, ended }) => ({
        run_id,
        task_id,
        state,
        verdict: verdict ?? null,
        started: started ?? created,
        ...(ended === undefined ? {} : { ended }),
      }));
      const width = Math.max(8, ...runs.map(({ state }) => state.length));
      emit(options, runs, () =>
        runs.length === 0
          ? unreadable.length > 0
            ? "no run that can be read"
            : "no runs yet: handrail run FILE"
          : runs
              .map(
                (run) =>
                  `${run.run_id}  ${run.state.padEnd(width)}  ${(run.verdict ?? "-").padEnd(12)}  ${run.task_id}`,
              )
              .join("\n"),
      );
    });
}
