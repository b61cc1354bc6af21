import { convertedEntries } from "./conversions.ts";
import { foldersOf, GITLINK, type IndexEntry } from "./index-file.ts";
import { keepIndex, type LoadedIndex, loadIndex } from "./index-load.ts";
import { lstatOf } from "./objects.ts";
import type { Settings } from "./settings.ts";
import type { Store, Tree } from "./store.ts";
import {
  goneBehindFiles,
  isThere,
  listOthers,
  type Suspect,
  suspects,
  writeStoreIndex,
} from "./work-index.ts";

/** A working tree compared with the user's index. */
export interface FirstLook {
  user: LoadedIndex;
  /** What the store's index holds: one entry a file. */
  entries: IndexEntry[];
  /** Paths that may differ from their entries, or that git was told not to look at. */
  dirty: Suspect[];
  others: string[];
  /** Folders that hold entries; without slash. */
  folders: Set<string>;
}

/**
 * Looks for what differs from a copy of the user's index, so that nothing else has to be read, and writes
 * the store's first index: without submodules, conflicts and flags that hide a file. An entry whose stat data
 * does not vouch for the raw content loses it.
 */
/** @param settings may still be on their way */
export async function firstLook(tree: Tree, store: Store, settings: Promise<Settings>): Promise<FirstLook> {
  const user = await loadIndex(tree, store);
  const file = keepIndex(store, user);
  const [listed, others, { entries, doubtful, folders }] = await Promise.all([
    suspects(store, file),
    listOthers(store, file),
    chooseEntries(tree, store, settings, user),
  ]);
  writeStoreIndex(store, entries, (entry) => doubtful.has(entry));
  listed.push(...goneBehindFiles(others, folders, () => entries));
  const dirty = new Map(listed.map((suspect) => [suspect.path, suspect]));
  for (const entry of doubtful) {
    const { path, mode, oid } = entry;
    dirty.set(path, { path, before: { mode: mode.toString(8), oid }, gone: !isThere(store, path) });
  }
  // git does not list what lies in the folder of a submodule that is not checked out.
  const submodules = user.entries.filter((entry) => entry.mode === GITLINK).map((entry) => entry.path);
  others.push(
    ...submodules.filter((path) => lstatOf(tree.root, path)?.isDirectory()).map((path) => `${path}/`),
  );
  return { user, entries, dirty: [...dirty.values()], others: [...new Set(others)], folders };
}

async function chooseEntries(
  tree: Tree,
  store: Store,
  settings: Promise<Settings>,
  user: LoadedIndex,
): Promise<{ entries: IndexEntry[]; doubtful: Set<IndexEntry>; folders: Set<string> }> {
  const entries = user.entries.filter(
    (entry, at) => entry.mode !== GITLINK && (entry.stage === 0 || user.entries[at - 1]?.path !== entry.path),
  );
  const folders = foldersOf(entries);
  const doubtful = await convertedEntries(tree, store, await settings, user, entries);
  const written = Math.floor(user.mtime.getTime() / 1000);
  for (const entry of entries) {
    // git without nanoseconds cannot see a second write within the second it last looked.
    if (!entry.isPlain || entry.newest >= written) doubtful.add(entry);
  }
  return { entries, doubtful, folders };
}
