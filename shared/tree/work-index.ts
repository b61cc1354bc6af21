import { writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { bytesOf, joinNul, splitNul } from "./bytes.ts";
import type { Git } from "./git.ts";
import { formatIndex, type IndexEntry, parseIndex } from "./index-file.ts";
import { type FileState, fileState, isReadable, KEEP_FILE, lstatOf, statId } from "./objects.ts";
import type { ObjectFormat } from "./repository.ts";
import type { Store } from "./store.ts";

/** A file that the index does not hold: too large, unreadable or no plain file. */
export interface Aside extends FileState {
  path: string;
  /** Its stat data, so that it is hashed again only after a change. */
  stat: string;
}

/** New content of one snapshot above this is not kept, only its hash, in bytes. */
const KEEP_ALL = 256 * 1024 ** 2;

/** One line of `git diff-files --raw`: a path whose file may differ from its index entry. */
export interface Suspect {
  path: string;
  before: FileState;
  gone: boolean;
}

/**
 * Paths whose stat data says that they may have changed since an index was written. Content is not read. git
 * compares in parallel, which is what makes this fast.
 */
export async function suspects(store: Store, indexFile = store.indexFile): Promise<Suspect[]> {
  const args = ["diff-files", "--raw", "-z", "--no-abbrev", "--no-renames", "--no-ext-diff"];
  const output = await store.git([...args, "--ignore-submodules=all"], { indexFile });
  const fields = splitNul(output.stdout);
  const found: Suspect[] = [];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [mode = "", , oid = "", , status] = (fields[at] ?? "").slice(1).split(" ");
    found.push({ path: fields[at + 1] ?? "", before: { mode, oid }, gone: status === "D" });
  }
  return found;
}

/** Files and folders that an index does not hold; wholly untracked folders as one, with a slash. */
export async function listOthers(store: Store, indexFile = store.indexFile): Promise<string[]> {
  return splitNul((await store.git(["ls-files", "--others", "--directory", "-z"], { indexFile })).stdout);
}

/**
 * Entries in folders where a file or link stands now. git passes over them when the link leads to itself
 * (ELOOP), and lists them otherwise.
 */
export function goneBehindFiles(
  others: readonly string[],
  folders: ReadonlySet<string>,
  entries: () => readonly IndexEntry[],
): Suspect[] {
  const blocked = others.filter((path) => folders.has(path)).map((path) => `${path}/`);
  if (blocked.length === 0) return [];
  return entries()
    .filter(({ path }) => blocked.some((folder) => path.startsWith(folder)))
    .map(({ path, mode, oid }) => ({ path, before: { mode: mode.toString(8), oid }, gone: true }));
}

/** Whether a file of the working tree is at `path`: no folder, and none behind a symlink. */
export function isThere(store: Store, path: string): boolean {
  const stat = lstatOf(store.root, path);
  return stat !== undefined && !stat.isDirectory() && hasRealParents(store, path);
}

/** Folders that stand where the index has a file: git lists them with neither command. */
export function foldersForFiles(store: Store, suspected: readonly Suspect[]): string[] {
  return suspected
    .filter(({ path, gone }) => gone && lstatOf(store.root, path)?.isDirectory())
    .filter(({ path }) => hasRealParents(store, path))
    .map(({ path }) => `${path}/`);
}

function hasRealParents({ root }: Store, path: string): boolean {
  const names = path.split("/").slice(0, -1);
  return names.every((_name, at) => lstatOf(root, names.slice(0, at + 1).join("/"))?.isDirectory());
}

/**
 * Brings paths of the store's index up to what is on disk, content included.
 * @param paths may be gone, or of any kind
 * @returns what could not go into the index
 */
export async function recordPaths(store: Store, paths: readonly string[]): Promise<Aside[]> {
  const add: string[] = [];
  const remove: string[] = [];
  const aside: Aside[] = [];
  let kept = 0;
  for (const path of paths) {
    const stat = lstatOf(store.root, path);
    if (!stat || stat.isDirectory()) {
      remove.push(path);
      continue;
    }
    const fits = stat.size <= KEEP_FILE && kept + stat.size <= KEEP_ALL;
    if (fits && isReadable(store.root, path, stat)) {
      kept += stat.size;
      add.push(path);
      continue;
    }
    remove.push(path);
    const state = fileState(store.root, path, store.objectFormat);
    if (state) aside.push({ path, ...state, stat: statId(stat) });
  }
  await forget(store.git, remove, store.objectFormat);
  if (add.length > 0) {
    const args = ["update-index", "--add", "--remove", "--replace", "-z", "--stdin"];
    await store.git(args, { input: joinNul(add) });
  }
  return aside;
}

/** Takes paths out of an index, whatever is on disk. */
export async function forget(git: Git, paths: readonly string[], format: ObjectFormat): Promise<void> {
  const oid = "0".repeat(format === "sha256" ? 64 : 40);
  await setEntries(
    git,
    paths.map((path) => ({ path, mode: "0", oid })),
  );
}

/** Sets index entries without looking at the files; mode `0` removes one. */
export async function setEntries(
  git: Git,
  entries: readonly (FileState & { path: string })[],
): Promise<void> {
  if (entries.length === 0) return;
  const input = Buffer.concat(entries.map(({ mode, oid, path }) => bytesOf(`${mode} ${oid}\t${path}\0`)));
  await git(["update-index", "--add", "-z", "--index-info"], { input });
}

/** The entries of the store's index. */
export async function storeEntries(store: Store): Promise<IndexEntry[]> {
  return parseIndex(await readFile(store.indexFile), store.objectFormat) ?? [];
}

/**
 * Writes the store's index.
 * @param doubtful entries whose stat data must not be believed: their files are read at the next look
 */
export function writeStoreIndex(
  store: Store,
  entries: readonly IndexEntry[],
  doubtful: (entry: IndexEntry) => boolean,
): void {
  writeFileSync(store.indexFile, formatIndex(entries, doubtful, store.objectFormat), { mode: 0o600 });
}
