import type { Command } from "commander";
import { loadConfig } from "../../../shared/config/config.ts";
import { lineage } from "../../../shared/task/lineage.ts";
import { locateTask } from "../../../shared/task/locate.ts";
import { listTaskFiles } from "../../../shared/task/prompt.ts";
import { requireTask } from "../../../shared/task/require.ts";
import type { TaskSpec } from "../../../shared/task/spec.ts";
import { captureBaseline } from "../../../shared/tree/baseline.ts";
import { listBaselines } from "../../../shared/tree/baseline-refs.ts";
import { latestTask } from "../../../shared/tree/diff.ts";
import type { Repository } from "../../../shared/tree/repository.ts";
import { openHere } from "../here.ts";
import { emit } from "../output.ts";
import { evidenceOf, readableTask } from "../task-evidence.ts";

interface BaselineOptions {
  json?: boolean;
  task?: string;
  renew?: boolean;
}

/** Used where there is no task yet; not named in the answer. */
const NO_TASK = "working-tree";

/** `handrail baseline`: captures the working tree, or shows what was captured. */
export function configure(command: Command): void {
  command
    .option("--task <file>", "a task file, or the slug of a task")
    .option("--renew", "capture again, replacing what there is")
    .addHelpText("after", "\nExample:\n  handrail baseline --task opencode_tasks/20261121-add-retry.txt")
    .action(async (options: BaselineOptions) => {
      const repo = await openHere();
      const { scratch } = loadConfig(repo.root);
      const { slug, allow } = await subject(repo, options.task);
      const captured = await captureBaseline(repo, { slug, allow, scratch, renew: options.renew ?? false });
      const { task, notes, ...ids } = captured;
      const value = { ...ids, ...(task === NO_TASK ? {} : { task }), notes };
      emit(options, value, () =>
        [
          `baseline ${ids.baseline}${task === NO_TASK ? "" : ` of ${task}`}: ${ids.created ? "captured" : "kept from before"}`,
          ...notes.map((note) => `  note: ${note}`),
        ].join("\n"),
      );
    });
}

/** Whose baseline it is: the named task, else the one captured last, else the newest task file. */
async function subject(
  repo: Repository,
  given: string | undefined,
): Promise<{ slug: string; allow: string[] }> {
  const known = await listBaselines(repo);
  const slug = given ?? (known.size > 0 ? await latestTask(repo) : undefined);
  if (slug !== undefined && known.has(slug)) {
    return { slug, allow: evidenceOf(repo, slug).allow };
  }
  if (given !== undefined)
    return ofTask(requireTask(locateTask(given, repo.root, process.cwd()), repo.root), repo.root);
  const newest = listTaskFiles(repo.root)[0];
  const spec = newest === undefined ? undefined : readableTask(newest, repo.root);
  return spec ? ofTask(spec, repo.root) : { slug: NO_TASK, allow: [] };
}

function ofTask(spec: TaskSpec, root: string): { slug: string; allow: string[] } {
  return { slug: lineage(spec, root), allow: spec.scope.allow };
}
