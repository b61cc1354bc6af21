import { copyFileSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { auditGit } from "./git.ts";
import { type IndexEntry, parseIndex } from "./index-file.ts";
import { statId } from "./objects.ts";
import type { Store, Tree } from "./store.ts";

/** The user's index, read and never written; a lock on it does not matter. */
export interface LoadedIndex {
  /** In a format that `IndexEntry` reads, flags and all; empty when there is no index. */
  bytes: Buffer;
  entries: IndexEntry[];
  /** When git wrote it. */
  mtime: Date;
  /** Its stat data: as long as they are the same, so is the index. */
  stat: string;
}

const NONE = "none";
const KEPT = "index.user";

export async function loadIndex(tree: Tree, store: Store): Promise<LoadedIndex> {
  const file = join(tree.gitDir, "index");
  const stat = statSync(file, { throwIfNoEntry: false });
  if (!stat?.isFile()) return { bytes: Buffer.alloc(0), entries: [], mtime: new Date(0), stat: NONE };
  const own = await readFile(file);
  const entries = parseIndex(own, tree.objectFormat);
  if (entries) return { bytes: own, entries, mtime: stat.mtime, stat: statId(stat) };
  const bytes = await rewritten(file, tree, store);
  return {
    bytes,
    entries: parseIndex(bytes, tree.objectFormat) ?? [],
    mtime: stat.mtime,
    stat: statId(stat),
  };
}

/** Whether the index is the one that was loaded, without reading it. */
export function isSameIndex(tree: Tree, stat: string): boolean {
  const now = statSync(join(tree.gitDir, "index"), { throwIfNoEntry: false });
  return (now ? statId(now) : NONE) === stat;
}

/**
 * Keeps a copy in the store, as old as the original: git trusts no entry that is as new as its index.
 * @returns the file, which is not there when there is no index
 */
export function keepIndex(store: Store, { bytes, mtime }: LoadedIndex): string {
  const file = join(store.dir, KEPT);
  rmSync(file, { force: true });
  if (bytes.length > 0) {
    writeFileSync(file, bytes, { mode: 0o600 });
    utimesSync(file, mtime, mtime);
  }
  return file;
}

/** The entries of the copy that `keepIndex` made. */
export async function keptEntries(store: Store): Promise<IndexEntry[]> {
  const file = join(store.dir, KEPT);
  if (!statSync(file, { throwIfNoEntry: false })) return [];
  return parseIndex(await readFile(file), store.objectFormat) ?? [];
}

/** Version 4, split or sparse. A split index names the file it builds on, which lies beside it. */
async function rewritten(file: string, tree: Tree, store: Store): Promise<Buffer> {
  const copy = join(store.dir, "index.rewritten");
  copyFileSync(file, copy);
  for (const name of readdirSync(tree.gitDir)) {
    if (name.startsWith("sharedindex.")) copyFileSync(join(tree.gitDir, name), join(store.gitDir, name));
  }
  const git = auditGit({ directory: tree.root, gitDir: store.gitDir, workTree: tree.root, indexFile: copy });
  await git(["update-index", "--index-version", "2", "--no-split-index", "--force-write-index"]);
  return readFile(copy);
}

/**
 * What two indexes say differently, by path: `git status` may have refreshed the rest.
 * @returns sorted by path; `before` and `after` as `IndexEntry.meaning` (of all stages of a conflict)
 */
export function indexChanges(
  before: readonly IndexEntry[],
  after: readonly IndexEntry[],
): { path: string; before: string | undefined; after: string | undefined }[] {
  const [old, now] = [meanings(before), meanings(after)];
  return [...new Set([...old.keys(), ...now.keys()])]
    .filter((path) => old.get(path) !== now.get(path))
    .sort()
    .map((path) => ({ path, before: old.get(path), after: now.get(path) }));
}

function meanings(entries: readonly IndexEntry[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const { path, meaning } of entries) {
    const other = found.get(path);
    found.set(path, other === undefined ? meaning : `${other}, ${meaning}`);
  }
  return found;
}
