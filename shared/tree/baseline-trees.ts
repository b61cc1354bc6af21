import { copyFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { HandrailError } from "../errors.ts";
import { quote } from "../scope/quote.ts";
import { joinNul } from "./bytes.ts";
import { untrustedFilters } from "./filter-trust.ts";
import { captureGit, type Git } from "./git.ts";
import { GITLINK, type IndexEntry } from "./index-file.ts";
import { isReadable, lstatOf } from "./objects.ts";
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
  { store, user, dirty, settings }: TakenSnapshot,
): Promise<{ tree: string; notes: string[] }> {
  const indexFile = join(store.dir, "tracked-index");
  if (user.bytes.length > 0) {
    writeFileSync(indexFile, user.bytes, { mode: 0o600 });
    utimesSync(indexFile, user.mtime, user.mtime);
  }
  const git = captureGit({ directory: repo.root, gitDir: repo.gitDir, workTree: repo.root, indexFile });

  const hidden = new Set(user.entries.filter((entry) => entry.hidden).map((entry) => entry.path));
  const shown = dirty.filter((suspect) => !hidden.has(suspect.path));
  const gone = shown.filter((suspect) => suspect.gone).map((suspect) => suspect.path);
  await forget(git, gone, repo.objectFormat);
  const submodules = user.entries.filter((entry) => entry.mode === GITLINK && hasMoved(repo.root, entry));
  const paths = [
    ...shown
      .filter(({ path, gone }) => !gone && isReadable(repo.root, path, lstatOf(repo.root, path)))
      .map((suspect) => suspect.path),
    ...submodules.map((entry) => entry.path),
  ];
  const strange = untrustedFilters(repo.root, settings.filters);
  const raw: Git = (args, call) => store.git(args, { ...call, indexFile });
  const notes = strange.length > 0 ? [strangers(strange)] : await addFiltered(git, paths);
  if (notes.length > 0) await add(raw, paths);
  // Not with the user's configuration: writing the index back, git would run filters once more.
  return { tree: (await raw(["write-tree"])).text, notes };
}

/** A submodule that git would compare: one that is checked out, or gone altogether. */
function hasMoved(root: string, entry: IndexEntry): boolean {
  return gitDirOf(join(root, entry.path)) !== undefined || !lstatOf(root, entry.path);
}

function strangers(names: readonly string[]): string {
  const named = names.map((name) => quote(name)).join(", ");
  return `filters that are new in this repository were not run (${named}): changed files are in the baseline as they are`;
}

/** @returns why it did not work: a filter that fails and is `required` would keep everything out */
async function addFiltered(git: Git, paths: readonly string[]): Promise<string[]> {
  try {
    await add(git, paths);
    return [];
  } catch (error) {
    if (!(error instanceof HandrailError) || !/filter/.test(error.message)) throw error;
    return ["a filter failed: changed files are in the baseline as they are"];
  }
}

async function add(git: Git, paths: readonly string[]): Promise<void> {
  if (paths.length === 0) return;
  const args = ["update-index", "--add", "--remove", "--replace", "-z", "--stdin"];
  await git(args, { input: joinNul(paths) });
}

/** The tree of the raw snapshot, and submodules: what is in the working tree, so not what a sparse one lacks. */
export async function rawTree({ store, user }: TakenSnapshot): Promise<string> {
  const submodules = user.entries.filter((entry) => entry.mode === GITLINK);
  if (submodules.length === 0) return (await store.git(["write-tree"])).text;
  const indexFile = join(store.dir, "raw-index");
  copyFileSync(store.indexFile, indexFile);
  const git: Git = (args, call) => store.git(args, { ...call, indexFile });
  await setEntries(
    git,
    submodules.map(({ path, oid }) => ({ path, mode: "160000", oid })),
  );
  return (await git(["write-tree"])).text;
}
