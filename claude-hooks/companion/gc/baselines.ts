import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { RunRecord } from "../../../shared/run/record.ts";
import { lineage } from "../../../shared/task/lineage.ts";
import {
  type BaselineRef,
  baselineDir,
  listBaselineRefs,
  removeBaselineRefs,
} from "../../../shared/tree/baseline-refs.ts";
import type { Repository } from "../../../shared/tree/repository.ts";
import { BASELINE_FILE, readBaselineFile } from "../../../shared/tree/task-folder.ts";
import { type Found, type Item, sizeOf } from "./item.ts";

/**
 * Baselines of tasks that no run is left of, and those of working trees that are gone. Other working trees of
 * the repository share its refs; theirs are left to a `gc` there.
 * @param staying the runs that stay; undefined where that is not known: then nothing is found
 */
export async function oldBaselines(
  repo: Repository,
  before: number,
  staying: readonly RunRecord[] | undefined,
): Promise<Found> {
  if (staying === undefined) return { items: [], kept: [] };
  const needed = new Set(staying.map((run) => lineage(run.spec, repo.root)));
  const refs = (await listBaselineRefs(repo)).filter((ref) => ref.at < before);
  const mine = refs.filter((ref) => ref.here && !needed.has(ref.slug));
  const gone = refs.filter(
    (ref) => ref.tree !== undefined && !ref.here && !existsSync(treeOf(repo, ref.tree)),
  );
  const names = new Map<string, BaselineRef[]>();
  for (const ref of [...mine, ...gone]) names.set(ref.name, [...(names.get(ref.name) ?? []), ref]);
  const items = [...names].map(([name, of]): Item => {
    const dir = baselineDir(repo, name);
    return {
      kind: "baseline",
      name: `refs/handrail/${name}`,
      bytes: sizeOf(dir),
      remove: () => removeBaseline(repo, of, dir),
    };
  });
  return { items, kept: [] };
}

/** Source: gitrepository-layout(5), `worktrees/`. */
function treeOf(repo: Repository, tree: string): string {
  return join(repo.commonDir, "worktrees", tree);
}

async function removeBaseline(repo: Repository, refs: readonly BaselineRef[], dir: string): Promise<void> {
  await removeBaselineRefs(repo, refs);
  rmSync(dir, { recursive: true, force: true });
  // It names a commit that git may now drop.
  const named = readBaselineFile(repo.root);
  if (refs.some((ref) => ref.here && ref.id === named))
    rmSync(join(repo.root, BASELINE_FILE), { force: true });
}
