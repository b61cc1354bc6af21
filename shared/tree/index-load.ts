import { copyFileSync, readdirSync, statSync } from "node:fs";
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
  entries: IndexEntry[];
  /** When the file was written, in whole seconds; 0 when there is none. */
  written: number;
}

/** Reads the repository's index as it is; a lock on it does not matter. @returns no entries when there is none */
export async function loadIndex(tree: Tree, store: Store): Promise<LoadedIndex> {
  const file = join(tree.gitDir, "index");
  const stat = statSync(file, { throwIfNoEntry: false });
  if (!stat?.isFile()) return { bytes: NONE, plain: NONE, entries: [], written: 0 };
  const bytes = await readFile(file);
  const plain = await plainIndex(bytes, file, tree, store);
  return {
    bytes,
    plain,
    entries: parseIndex(plain, tree.objectFormat) ?? [],
    written: Math.floor(stat.mtimeMs / 1000),
  };
}
const NONE = Buffer.alloc(0);

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
