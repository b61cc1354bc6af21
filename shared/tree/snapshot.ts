import { appendFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { HandrailError } from "../errors.ts";
import { type FirstLook, firstLook } from "./first-look.ts";
import { type GitState, gitState } from "./git-state.ts";
import { keepIgnoreFile, outerExcludes } from "./ignore.ts";
import { addFolders, GITLINK } from "./index-file.ts";
import type { LoadedIndex } from "./index-load.ts";
import { closedFolders, lstatOf } from "./objects.ts";
import { findWorkingTree, gitDirOf } from "./repository.ts";
import { readSettings, type Settings } from "./settings.ts";
import {
  type Snapshot,
  type SnapshotRecord,
  saveSnapshot,
  type Unverifiable,
  unreadable,
} from "./snapshot-record.ts";
import { makeStore, type Store, setExcludes, type Tree } from "./store.ts";
import { type Selection, sortUntracked } from "./untracked.ts";
import {
  type Aside,
  foldersForFiles,
  forget,
  recordPaths,
  type Suspect,
  storeEntries,
  writeStoreIndex,
} from "./work-index.ts";

export interface SnapshotOptions extends Omit<Selection, "ignored"> {
  ignored?: Selection["ignored"];
  /** Where content goes; default into the snapshot itself. */
  objectDir?: string;
}

/** A snapshot with what its taking has shown. */
export interface TakenSnapshot extends Snapshot {
  /** Paths that differ from the user's index, or that git was told not to look at. */
  dirty: Suspect[];
  user: LoadedIndex;
  settings: Settings;
}

/**
 * Keeps the state of a working tree: raw content (no filter, no line-ending conversion) of everything but
 * scratch, ignored files too, and what matters in `.git`. Writes nothing in the repository but objects, and
 * those only where `objectDir` says so.
 *
 * It starts from a copy of the user's index, so that only what differs from it is read.
 * @param dir a folder of its own, outside the repository
 * @throws HandrailError `git-failed`; `internal` when `dir` holds a snapshot already
 */
export async function takeSnapshot(
  tree: Tree,
  dir: string,
  options: SnapshotOptions,
): Promise<TakenSnapshot> {
  if (lstatOf(dir, "snapshot.json")) throw new HandrailError("internal", `${dir} holds a snapshot already`);
  // The clock of a file system may run a little behind.
  const started = Math.floor(Date.now() / 1000) - 1;
  for (const part of ["git", "ignore", "nested"]) rmSync(join(dir, part), { recursive: true, force: true });
  const { scratch, allow, ignored = "all" } = options;
  const selection = { scratch, allow, ignored };
  const store = makeStore(tree, dir, options.objectDir);
  const reading = readSettings(tree);
  const [look, state, settings] = await Promise.all([
    firstLook(tree, store, reading),
    readGitState(tree),
    reading,
  ]);
  setExcludes(store, outerExcludes(tree, settings));
  const { user, dirty } = look;
  keepIgnoreFiles(store, look);
  const listed = [...look.others, ...foldersForFiles(store, dirty)];
  const found = await sortUntracked(store, listed, selection);
  const aside = await bringUpToDate(store, dirty, found.files, started);

  for (const path of found.files) addFolders(look.folders, path.slice(0, Math.max(0, path.lastIndexOf("/"))));
  const folders = [...look.folders];
  const inside = new Set([
    ...found.nested,
    ...user.entries.filter((entry) => entry.mode === GITLINK).map((entry) => `${entry.path}/`),
    ...folders.filter((folder) => lstatOf(tree.root, `${folder}/.git`)).map((folder) => `${folder}/`),
  ]);
  const nested = await snapshotNested(tree, dir, [...inside], selection);
  const record: SnapshotRecord = {
    schema: 1,
    at: new Date().toISOString(),
    tree: {
      root: tree.root,
      gitDir: tree.gitDir,
      commonDir: tree.commonDir,
      objectFormat: tree.objectFormat,
    },
    selection,
    scratch: found.scratch,
    aside,
    nested: nested.taken,
    unverifiable: [
      ...nested.unverifiable,
      ...unreadable([...found.unreadable, ...closedFolders(tree.root, folders)]),
    ],
    index: user.stat,
    gitState: state,
  };
  const snapshot: Snapshot = { store, tree, record, folders };
  saveSnapshot(snapshot, (name, data) => writeFileSync(join(dir, name), data, { mode: 0o600 }));
  return { ...snapshot, dirty, user, settings };
}

/** Async only so that it runs beside git. */
async function readGitState(tree: Tree): Promise<GitState> {
  return gitState(tree);
}

function keepIgnoreFiles(store: Store, { entries }: FirstLook): void {
  for (const entry of entries) if (entry.endsWith(IGNORE_FILE)) keepIgnoreFile(store, entry.path);
}
const IGNORE_FILE = Buffer.from(".gitignore");

/** @returns what could not go into the store's index */
async function bringUpToDate(
  store: Store,
  dirty: readonly Suspect[],
  untracked: readonly string[],
  started: number,
): Promise<Aside[]> {
  const gone = dirty.filter((suspect) => suspect.gone).map((suspect) => suspect.path);
  const there = dirty.filter((suspect) => !suspect.gone).map((suspect) => suspect.path);
  await forget(store.git, gone, store.objectFormat);
  const aside = await recordPaths(store, [...there, ...untracked]);
  if (there.length + untracked.length === 0) return aside;
  const entries = await storeEntries(store);
  if (entries.some((entry) => entry.newest >= started)) {
    writeStoreIndex(store, entries, (entry) => entry.newest >= started);
  }
  return aside;
}

async function snapshotNested(
  tree: Tree,
  dir: string,
  folders: readonly string[],
  selection: Selection,
): Promise<{ taken: SnapshotRecord["nested"]; unverifiable: Unverifiable[] }> {
  const taken: SnapshotRecord["nested"] = [];
  const unverifiable: Unverifiable[] = [];
  for (const path of folders.toSorted()) {
    const root = join(tree.root, path);
    if (gitDirOf(root) === undefined) continue; // a submodule that is not checked out: a plain folder
    try {
      const { head: _head, ...inner } = await findWorkingTree(root);
      const own = join("nested", String(taken.length));
      await takeSnapshot(inner, join(dir, own), { ...selection, allow: allowBelow(selection.allow, path) });
      taken.push({ path, dir: own });
      if (inner.objectFormat === tree.objectFormat) shareObjects(dir, own);
    } catch (error) {
      if (!(error instanceof HandrailError)) throw error;
      unverifiable.push({ path, reason: error.message });
    }
  }
  return { taken, unverifiable };
}

/** So that one look finds what either keeps; relative, since the folder may be moved. */
function shareObjects(dir: string, inner: string): void {
  appendFileSync(join(dir, "git/objects/info/alternates"), `../../${inner}/git/objects\n`);
}

/** Patterns that can match in a folder, relative to it. */
function allowBelow(allow: readonly string[], folder: string): string[] {
  return allow.flatMap((pattern) => {
    if (pattern.startsWith(folder)) return [pattern.slice(folder.length) || "**"];
    return pattern.startsWith("**/") ? [pattern] : [];
  });
}
