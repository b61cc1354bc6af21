import { join } from "node:path";
import { HandrailError } from "../errors.ts";
import { gitState, gitStateChanges } from "./git-state.ts";
import { indexChanges, isSameIndex, keptEntries, loadIndex } from "./index-load.ts";
import { blobId, closedFolders, type FileState, fileState, lstatOf, statId } from "./objects.ts";
import { gitDirOf } from "./repository.ts";
import { loadSnapshot, type Snapshot, type Unverifiable, unreadable } from "./snapshot-record.ts";
import type { Store } from "./store.ts";
import { sortUntracked } from "./untracked.ts";
import {
  type Aside,
  foldersForFiles,
  goneBehindFiles,
  listOthers,
  type Suspect,
  storeEntries,
  suspects,
} from "./work-index.ts";

/** One path that is not as it was; relative to the root. */
export interface Change {
  path: string;
  status: "added" | "modified" | "deleted" | "type" | "mode";
  before?: FileState;
  after?: FileState;
}

/** Something in `.git` that is not as it was: `.git/HEAD`, `.git/config`, `.git/index:<path>`, ... */
export interface GitChange {
  name: string;
  before?: string | undefined;
  after?: string | undefined;
}

export interface Changes {
  /** Sorted by path. */
  changes: Change[];
  /** Sorted by name. */
  git: GitChange[];
  unverifiable: Unverifiable[];
}

/**
 * What differs between a working tree now and its snapshot: content and mode of files, and what matters in
 * `.git`. A touched file whose bytes are the same is no change. Reads only; believes neither index flags,
 * nor modification times, nor configuration, attributes or ignore rules written since.
 * @throws HandrailError `git-failed`, `state-unreadable`
 */
export async function changesSince(snapshot: Snapshot): Promise<Changes> {
  const { store, tree, record } = snapshot;
  const [suspected, others, git] = await Promise.all([
    suspects(store),
    listOthers(store),
    gitChangesSince(snapshot),
  ]);
  const folders = new Set(snapshot.folders);
  if (others.some((path) => folders.has(path))) {
    const entries = await storeEntries(store);
    suspected.push(...goneBehindFiles(others, folders, () => entries));
  }
  const planted = snapshot.folders.filter((folder) => lstatOf(tree.root, `${folder}/.git`));
  const nested = new Set(record.nested.map((one) => one.path));
  const earlier = { scratch: new Set(record.scratch), nested };
  const found = await sortUntracked(
    store,
    [...others, ...foldersForFiles(store, suspected)],
    record.selection,
    earlier,
  );
  const asides = new Set(record.aside.map((aside) => aside.path));
  const repositories = [...found.nested, ...planted.map((path) => `${path}/`)];
  const here = [
    ...suspected.map((suspect) => compare(store, suspect)),
    ...record.aside.map((aside) => compareAside(store, aside)),
    ...found.files.filter((path) => !asides.has(path)).map((path) => changeOf(store, path, undefined)),
    ...repositories.filter((path) => !nested.has(path)).map((path) => plantedRepository(store, path)),
  ].filter((change) => change !== undefined);
  const result: Changes = { changes: here, git, unverifiable: [...record.unverifiable] };
  for (const part of unreadable([...found.unreadable, ...closedFolders(tree.root, folders)])) {
    if (!record.unverifiable.some((known) => known.path === part.path)) result.unverifiable.push(part);
  }
  for (const { path, dir } of record.nested) add(result, path, await changesInside(join(store.dir, dir)));
  return {
    changes: sorted(result.changes, (change) => change.path),
    git: sorted(result.git, (change) => change.name),
    unverifiable: result.unverifiable,
  };
}

/** One for each name, in order; the last of several stands. */
function sorted<T>(items: readonly T[], nameOf: (item: T) => string): T[] {
  const unique = new Map(items.map((item) => [nameOf(item), item]));
  return [...unique].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, item]) => item);
}

async function gitChangesSince({ store, tree, record }: Snapshot): Promise<GitChange[]> {
  const changes: GitChange[] = gitStateChanges(record.gitState, gitState(tree));
  const gitDir = gitDirOf(tree.root);
  if (gitDir !== tree.gitDir) changes.push({ name: ".git", before: tree.gitDir, after: gitDir });
  if (isSameIndex(tree, record.index)) return changes;
  const before = await keptEntries(store);
  const { entries } = await loadIndex(tree, store);
  for (const { path, ...change } of indexChanges(before, entries)) {
    changes.push({ name: `.git/index:${path}`, ...change });
  }
  return changes;
}

async function changesInside(dir: string): Promise<Changes> {
  const snapshot = loadSnapshot(dir);
  if (snapshot) return changesSince(snapshot);
  throw new HandrailError("state-unreadable", `the snapshot ${dir} is gone`);
}

function add(outer: Changes, folder: string, inner: Changes): void {
  outer.changes.push(...inner.changes.map((change) => ({ ...change, path: folder + change.path })));
  outer.git.push(...inner.git.map((change) => ({ ...change, name: folder + change.name })));
  outer.unverifiable.push(...inner.unverifiable.map((one) => ({ ...one, path: folder + one.path })));
}

function compare(store: Store, { path, before, gone }: Suspect): Change | undefined {
  // A path behind a symlink is gone, though looking it up would find something.
  return gone ? { path, status: "deleted", before } : changeOf(store, path, before);
}

function compareAside(store: Store, { path, stat, mode, oid }: Aside): Change | undefined {
  const now = lstatOf(store.root, path);
  return now && statId(now) === stat ? undefined : changeOf(store, path, { mode, oid });
}

/** A repository that was not there; its files are listed besides. */
function plantedRepository(store: Store, folder: string): Change {
  const oid = blobId(Buffer.alloc(0), store.objectFormat);
  return { path: `${folder}.git`, status: "added", after: { mode: "040000", oid } };
}

function changeOf(store: Store, path: string, before: FileState | undefined): Change | undefined {
  const after = fileState(store.root, path, store.objectFormat);
  if (!before) return after && { path, status: "added", after };
  if (!after) return { path, status: "deleted", before };
  const kind = (state: FileState) => state.mode.slice(0, 3);
  if (kind(before) !== kind(after)) return { path, status: "type", before, after };
  if (before.oid !== after.oid) return { path, status: "modified", before, after };
  if (before.mode !== after.mode) return { path, status: "mode", before, after };
  return undefined;
}
