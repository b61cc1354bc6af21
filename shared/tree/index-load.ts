import { copyFileSync, readdirSync, rmSync, type Stats, statSync, utimesSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { auditGit } from "./git.ts";
import { type IndexEntry, parseIndex } from "./index-file.ts";
import type { Store, Tree } from "./store.ts";

/** The user's index, read and never written. */
export interface LoadedIndex {
  bytes: Buffer;
  /** The same index in a format that `IndexEntry` reads, flags and all. */
  plain: Buffer;
  /** A copy of it in the store, as old as the original: git trusts no entry that is as new as its index. */
  file: string;
  entries: IndexEntry[];
  /** When the original was written, in whole seconds; 0 when there is none. */
  written: number;
}

/** The bytes of the repository's index, none when there is none; a lock on it does not matter. */
export async function readIndex(tree: Tree): Promise<{ bytes: Buffer; stat: Stats | undefined }> {
  const file = join(tree.gitDir, "index");
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat?.isFile() ? { bytes: await readFile(file), stat } : { bytes: Buffer.alloc(0), stat: undefined };
}

/** Reads the repository's index and copies it into the store. */
export async function loadIndex(tree: Tree, store: Store): Promise<LoadedIndex> {
  const file = join(store.dir, "index.user");
  const { bytes, stat } = await readIndex(tree);
  if (!stat) {
    rmSync(file, { force: true });
    return { bytes, plain: bytes, file, entries: [], written: 0 };
  }
  const plain = await plainIndex(bytes, join(tree.gitDir, "index"), tree, store);
  writeFileSync(file, plain, { mode: 0o600 });
  utimesSync(file, stat.atime, stat.mtime);
  const entries = parseIndex(plain, tree.objectFormat) ?? [];
  return { bytes, plain, file, entries, written: Math.floor(stat.mtimeMs / 1000) };
}

/** The entries of an index that was read before. @param file where `bytes` are kept */
export async function indexEntries(
  bytes: Buffer,
  file: string,
  tree: Tree,
  store: Store,
): Promise<IndexEntry[]> {
  if (bytes.length === 0) return [];
  return parseIndex(await plainIndex(bytes, file, tree, store), tree.objectFormat) ?? [];
}

async function plainIndex(bytes: Buffer, file: string, tree: Tree, store: Store): Promise<Buffer> {
  if (parseIndex(bytes, tree.objectFormat)) return bytes;
  // Version 4, split or sparse. A split index names the file it builds on, which lies beside it.
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
