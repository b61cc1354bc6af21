import type { Command } from "commander";
import { reap } from "../../../shared/run/reap.ts";
import { listRunIds, readRun } from "../../../shared/run/store.ts";
import { openRepository } from "../../../shared/tree/repository.ts";
import { emit } from "../output.ts";

interface RunsOptions {
  json?: boolean;
  limit: string;
}

/** `handrail runs`: the runs of this project, newest last. */
export function configure(command: Command): void {
  command.option("--limit <n>", "how many of the newest", "20").action(async (options: RunsOptions) => {
    const { root } = await openRepository(process.cwd());
    await reap(root);
    const limit = Number.parseInt(options.limit, 10) || 20;
    const runs = listRunIds(root)
      .slice(-limit)
      .flatMap((id) => readRun(root, id) ?? [])
      .map(({ run_id, task_id, state, verdict, started, created, ended }) => ({
        run_id,
        task_id,
        state,
        verdict: verdict ?? null,
        started: started ?? created,
        ...(ended === undefined ? {} : { ended }),
      }));
    emit(options, runs, () =>
      runs.length === 0
        ? "no runs yet: handrail run FILE"
        : runs
            .map(
              (run) =>
                `${run.run_id}  ${run.state.padEnd(8)}  ${(run.verdict ?? "-").padEnd(12)}  ${run.task_id}`,
            )
            .join("\n"),
    );
  });
}
