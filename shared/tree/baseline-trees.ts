import { copyFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { HandrailError } from "../errors.ts";
import { joinNul, splitNul } from "./bytes.ts";
import { captureGit, type Git } from "./git.ts";
import { GITLINK, type IndexEntry } from "./index-file.ts";
import { lstatOf } from "./objects.ts";
import { gitDirOf, type Repository } from "./repository.ts";
import type { TakenSnapshot } from "./snapshot.ts";
import { forget, setEntries } from "./work-index.ts";

/**
 * The tree of tracked paths with their dirty content, as git itself would store it: with the user's filters
 * and line endings, and with the index's content where git was told not to look. Plain `git diff` against
 * it shows nothing.
 * @returns the tree's id, and what went wrong on the way
 */
export async function trackedTree(
  repo: Repository,
  { store, user, dirty }: TakenSnapshot,
): Promise<{ tree: string; notes: string[] }> {
  const indexFile = join(store.dir, "tracked-index");
  if (user.plain.length > 0) {
    writeFileSync(indexFile, user.plain, { mode: 0o600 });
    utimesSync(indexFile, user.written, user.written);
  }
  const git = captureGit({ directory: repo.root, gitDir: repo.gitDir, workTree: repo.root, indexFile });

  const hidden = new Set(user.entries.filter((entry) => entry.hidden).map((entry) => entry.path));
  const shown = dirty.filter((suspect) => !hidden.has(suspect.path));
  const gone = shown.filter((suspect) => suspect.gone).map((suspect) => suspect.path);
  await forget(git, gone, repo.objectFormat);
  const submodules = user.entries.filter((entry) => entry.mode === GITLINK && hasMoved(repo.root, entry));
  const notes = await add(git, [
    ...shown.filter((suspect) => !suspect.gone).map((suspect) => suspect.path),
    ...submodules.map((entry) => entry.path),
  ]);
  // Not with the user's configuration: writing the index back, git would run filters once more.
  return { tree: (await store.git(["write-tree"], { indexFile })).text, notes };
}

/** A submodule that git would compare: one that is checked out, or gone altogether. */
function hasMoved(root: string, entry: IndexEntry): boolean {
  return gitDirOf(join(root, entry.path)) !== undefined || !lstatOf(root, entry.path);
}

async function add(git: Git, paths: readonly string[]): Promise<string[]> {
  if (paths.length === 0) return [];
  const input = joinNul(paths);
  const args = ["update-index", "--add", "--remove", "--replace", "-z", "--stdin"];
  try {
    await git(args, { input });
    return [];
  } catch (error) {
    const off = error instanceof HandrailError && /filter/.test(error.message) ? await filtersOff(git) : [];
    if (off.length === 0) throw error;
    await git([...off, ...args], { input });
    return ["a filter failed, so changed files are in the baseline without any filter"];
  }
}

/** A filter that fails and is `required` would keep everything from being captured. */
async function filtersOff(git: Git): Promise<string[]> {
  const found = await git(["config", "-z", "--name-only", "--get-regexp", "^filter\\."], { okCodes: [0, 1] });
  return splitNul(found.stdout).flatMap((key) => [
    "-c",
    key.endsWith(".required") ? `${key}=false` : `${key}=`,
  ]);
}

/** The tree of the raw snapshot, with what the working tree lacks on purpose: sparse files and submodules. */
export async function rawTree({ store, user, tree }: TakenSnapshot): Promise<string> {
  const lacking = user.entries.filter(
    (entry) => entry.mode === GITLINK || (entry.skipWorktree && !lstatOf(tree.root, entry.path)),
  );
  if (lacking.length === 0) return (await store.git(["write-tree"])).text;
  const indexFile = join(store.dir, "raw-index");
  copyFileSync(store.indexFile, indexFile);
  const git: Git = (args, call) => store.git(args, { ...call, indexFile });
  const entries = lacking.map((entry) => ({
    path: entry.path,
    mode: entry.mode.toString(8),
    oid: entry.oid,
  }));
  await setEntries(git, entries);
  return (await git(["write-tree"])).text;
}
