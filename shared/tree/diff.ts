import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { HandrailError } from "../errors.ts";
import type { AuditedChange } from "./audit.ts";
import { type BaselineIds, baselineDir, baselineName, listBaselines } from "./baseline-refs.ts";
import { restoreBaselineStore } from "./baseline-store.ts";
import { changeTrees, diffText, lineCounts } from "./change-trees.ts";
import { type Change, changesSince } from "./changes.ts";
import { ignoredAtStore } from "./ignore.ts";
import { allowedBy } from "./patterns.ts";
import type { Repository } from "./repository.ts";
import { loadSnapshot, type Snapshot } from "./snapshot-record.ts";
import { BASELINE_FILE, readBaselineFile, TASKS } from "./task-folder.ts";

/** What has changed since a baseline. */
export interface Contribution extends BaselineIds {
  task: string;
  files: AuditedChange[];
  /** git's own diff of the executor's files. */
  text(options: { stat?: boolean | undefined; color?: boolean | undefined }): Promise<Buffer>;
}

export interface ContributionOptions {
  /** Whether a task of this baseline allows a path; without it everything counts as in scope. */
  inScope?: ((path: string) => boolean) | undefined;
  /** What the journals of the task's runs name; without any run everything is the executor's. */
  executorPaths?: ReadonlySet<string> | undefined;
  /** Patterns of the tasks by now: a correction may allow an ignored file that the baseline left out. */
  allow?: readonly string[] | undefined;
}

/**
 * The executor's whole contribution since the full baseline of a task: staged, committed, unstaged and new
 * files, without what the user had changed before. Believes nothing that lies in the repository.
 * @throws HandrailError `no-baseline`, `git-failed`
 */
export async function contribution(
  repo: Repository,
  task: string,
  { inScope = () => true, executorPaths, allow = [] }: ContributionOptions = {},
): Promise<Contribution> {
  const ids = (await listBaselines(repo)).get(task);
  if (!ids) {
    throw new HandrailError("no-baseline", `there is no baseline of ${task}`, { fix: "handrail baseline" });
  }
  const snapshot = await storeBehind(repo, task, ids);
  const isExecutors = (path: string) => !executorPaths || executorPaths.has(path);
  const changes = (await changesUnder(snapshot, allow, isExecutors)).filter((change) => !isHandrails(change));
  const counts = await lineCounts(await changeTrees(snapshot, changes));
  const files = changes.map(
    ({ path, status }): AuditedChange => ({
      path,
      status,
      ...counts.get(path),
      inScope: inScope(path),
      by: isExecutors(path) ? "executor" : "foreign",
    }),
  );
  const own = changes.filter((change) => isExecutors(change.path));
  const text: Contribution["text"] = async (options) => diffText(await changeTrees(snapshot, own), options);
  return { task, ...ids, files, text };
}

/** Of ignored files that only `allow` brings in, the baseline knows nothing: only the executor's count. */
async function changesUnder(
  snapshot: Snapshot,
  allow: readonly string[],
  isExecutors: (path: string) => boolean,
): Promise<Change[]> {
  const { store, tree, record } = snapshot;
  const { selection } = record;
  const wider = { ...selection, allow: [...new Set([...selection.allow, ...allow])] };
  const { changes } = await changesSince({ ...snapshot, record: { ...record, selection: wider } });
  if (wider.allow.length === selection.allow.length) return changes;
  const before = allowedBy(selection.allow, tree.root);
  const asked = changes.filter(
    ({ path, status }) => status === "added" && !isExecutors(path) && !before.matches(path),
  );
  const ignored = await ignoredAtStore(
    store,
    asked.map((change) => change.path),
  );
  return changes.filter((change) => !ignored.has(change.path));
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

/** What Handrail and the planner write in `opencode_tasks/` is nobody's contribution. */
function isHandrails({ path, status }: Change): boolean {
  return path === BASELINE_FILE || (status === "added" && path.startsWith(`${TASKS}/`));
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
