import type { Command } from "commander";
import { EXIT, HandrailError } from "../../../shared/errors.ts";
import { isOver } from "../../../shared/run/record.ts";
import { requireRun } from "../../../shared/run/store.ts";
import { originsOf } from "../../../shared/run/strayed.ts";
import { quote } from "../../../shared/scope/quote.ts";
import { openRepository } from "../../../shared/tree/repository.ts";
import { type Restored, restore } from "../../../shared/tree/restore.ts";
import { comeBy } from "../come-by.ts";
import { emit } from "../output.ts";

interface RestoreOptions {
  json?: boolean;
  path?: string[];
}

/** `handrail restore RUN`: puts back, on request, what a run changed out of scope. */
export function configure(command: Command): void {
  command
    .argument("<run>", "run id")
    .option("--path <path...>", "only these files, relative to the repository root")
    .addHelpText("after", "\nExample:\n  handrail restore r20261121T093012-1a2b3c --path src/b.ts")
    .action(async (id: string, options: RestoreOptions) => {
      const { root } = await openRepository(process.cwd());
      await comeBy(root);
      const run = requireRun(root, id);
      if (!isOver(run)) {
        throw new HandrailError("busy", `run ${id} is still ${run.state}`, { fix: `handrail show ${id}` });
      }
      const outside = run.changes.filter((change) => change.by === "executor" && !change.inScope);
      const wanted = new Set(outside.map((change) => change.path));
      for (const path of options.path ?? []) {
        if (wanted.has(path)) continue;
        throw new HandrailError("not-found", `run ${id} did not change ${quote(path)} out of scope`, {
          fix: `handrail verify --run ${id}`,
        });
      }
      const { origins, journal } = originsOf(run, new Set(options.path ?? wanted));
      if (origins.length === 0 && wanted.size > 0) {
        throw new HandrailError("not-found", `run ${id} has no snapshot to restore from`);
      }
      const done: Restored = { restored: [], left: [] };
      for (const { snapshot, paths } of origins) {
        const { restored, left } = await restore(snapshot, journal, paths);
        done.restored.push(...restored);
        done.left.push(...left);
      }
      emit(
        options,
        done,
        () =>
          [
            ...done.restored.map((path) => `restored ${quote(path)}`),
            ...done.left.map(({ path, reason }) => `left ${quote(path)}: ${reason}`),
            done.restored.length + done.left.length === 0 ? "nothing to restore" : "",
          ]
            .filter(Boolean)
            .join("\n"),
        done.left.length > 0 ? EXIT.failed : EXIT.done,
      );
    });
}
