import { HandrailError } from "../../shared/errors.ts";
import type { RunRecord } from "../../shared/run/record.ts";
import { listRunIds, readRun, turnDir } from "../../shared/run/store.ts";
import { createMatcher } from "../../shared/scope/matcher.ts";
import { surroundingsOf } from "../../shared/scope/surroundings.ts";
import { lineage } from "../../shared/task/lineage.ts";
import { loadTask } from "../../shared/task/load.ts";
import { locateTask } from "../../shared/task/locate.ts";
import { listTaskFiles } from "../../shared/task/prompt.ts";
import type { TaskSpec } from "../../shared/task/spec.ts";
import { listBaselines } from "../../shared/tree/baseline-refs.ts";
import { latestTask } from "../../shared/tree/diff.ts";
import { pathsChangedBy, readJournal } from "../../shared/tree/journal.ts";
import type { Repository } from "../../shared/tree/repository.ts";

/**
 * The slug that `--task` means: that of a baseline, or of a task file.
 * @param given a slug or a file, from the root or `cwd`; without it the task captured last
 * @throws HandrailError `no-baseline`, and what locating a task file throws
 */
export async function taskSlug(repo: Repository, given: string | undefined, cwd: string): Promise<string> {
  if (given === undefined) return latestTask(repo);
  if ((await listBaselines(repo)).has(given)) return given;
  if (!/[./\\]/.test(given)) {
    throw new HandrailError("no-baseline", `there is no baseline of ${given}`, { fix: "handrail baseline" });
  }
  return lineage(loadTask(locateTask(given, repo.root, cwd), repo.root), repo.root);
}

/** What a task and its corrections allow, and what their runs are known to have written. */
export interface TaskEvidence {
  /** The scopes as the runs had them frozen; without any run, of the task files as they are. */
  specs: TaskSpec[];
  inScope: ((path: string) => boolean) | undefined;
  /** undefined when no run is on record. */
  executorPaths: ReadonlySet<string> | undefined;
}

export function evidenceOf(repo: Repository, slug: string): TaskEvidence {
  const runs = listRunIds(repo.root)
    .flatMap((id) => readRun(repo.root, id) ?? [])
    .filter((run) => run.turn > 0 && lineage(run.spec, repo.root) === slug);
  const specs = runs.length > 0 ? runs.map((run) => run.spec) : specsFromFiles(repo.root, slug);
  const around = surroundingsOf(repo.root);
  const matchers = specs.map((spec) => createMatcher(spec.scope, around));
  return {
    specs,
    inScope:
      matchers.length === 0
        ? undefined
        : (path) => matchers.some((matcher) => matcher.classify(path).decision === "allow"),
    executorPaths: runs.length === 0 ? undefined : new Set(runs.flatMap((run) => [...writtenBy(run)])),
  };
}

function specsFromFiles(root: string, slug: string): TaskSpec[] {
  return listTaskFiles(root)
    .map((file) => loadTask(file, root))
    .filter((spec) => spec.ok && lineage(spec, root) === slug);
}

function writtenBy(run: RunRecord): Set<string> {
  const turns = Array.from({ length: run.turn }, (_none, at) => turnDir({ ...run, turn: at + 1 }));
  return pathsChangedBy(turns.flatMap((dir) => readJournal(dir)));
}
