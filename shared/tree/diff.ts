import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { HandrailError } from "../errors.ts";
import type { Matcher } from "../scope/matcher.ts";
import type { AuditedChange } from "./audit.ts";
import { type BaselineIds, baselineDir, baselineName, listBaselines } from "./baseline-refs.ts";
import { restoreBaselineStore } from "./baseline-store.ts";
import { type ChangeTrees, changeTrees, lineCounts } from "./change-trees.ts";
import { changesSince } from "./changes.ts";
import type { Repository } from "./repository.ts";
import { loadSnapshot, type Snapshot } from "./snapshot-record.ts";
import { BASELINE_FILE, readBaselineFile } from "./task-folder.ts";

/** What has changed since a baseline. */
export interface Contribution extends BaselineIds {
  task: string;
  files: AuditedChange[];
  /** Both sides, for git's own diff (`diffText`). */
  trees: ChangeTrees;
}

export interface ContributionOptions {
  /** Tells what is in scope; without it everything counts as such. */
  matcher?: Matcher | undefined;
  /** What the journals of the task's runs name; without any run everything is the executor's. */
  executorPaths?: ReadonlySet<string> | undefined;
}

/**
 * The executor's whole contribution since the full baseline of a task: staged, committed, unstaged and new
 * files, without what the user had changed before. Believes nothing that lies in the repository.
 * @throws HandrailError `no-baseline`, `git-failed`
 */
export async function contribution(
  repo: Repository,
  task: string,
  options: ContributionOptions = {},
): Promise<Contribution> {
  const { matcher, executorPaths } = options;
  const ids = (await listBaselines(repo)).get(task);
  if (!ids) {
    throw new HandrailError("no-baseline", `there is no baseline of ${task}`, { fix: "handrail baseline" });
  }
  const snapshot = await storeBehind(repo, task, ids);
  const changes = (await changesSince(snapshot)).changes.filter((change) => change.path !== BASELINE_FILE);
  const trees = await changeTrees(snapshot, changes);
  const counts = await lineCounts(trees);
  const files = changes.map(
    ({ path, status }): AuditedChange => ({
      path,
      status,
      ...counts.get(path),
      inScope: matcher ? matcher.classify(path).decision === "allow" : true,
      by: !executorPaths || executorPaths.has(path) ? "executor" : "foreign",
    }),
  );
  return { task, ...ids, files, trees };
}

/**
 * The task whose baseline is in `baseline.txt`, else the one captured last.
 * @throws HandrailError `no-baseline`
 */
export async function latestTask(repo: Repository): Promise<string> {
  const known = [...(await listBaselines(repo))];
  const named = readBaselineFile(repo.root);
  const latest = known.find(([, ids]) => ids.baseline === named) ?? known[0];
  if (latest) return latest[0];
  throw new HandrailError("no-baseline", "there is no baseline yet", { fix: "handrail baseline" });
}

async function storeBehind(repo: Repository, task: string, ids: BaselineIds): Promise<Snapshot> {
  const dir = baselineDir(repo, baselineName(repo, task));
  const tie = join(dir, "full");
  if (existsSync(tie) && readFileSync(tie, "utf8") === ids.full) {
    const snapshot = loadSnapshot(dir);
    if (snapshot) return snapshot;
  }
  return restoreBaselineStore(repo, dir, ids.full);
}
