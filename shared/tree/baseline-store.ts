import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DEFAULT_SCRATCH } from "../config/config.ts";
import { readBlob } from "./blobs.ts";
import { below } from "./bytes.ts";
import { gitState } from "./git-state.ts";
import { outerExcludes } from "./ignore.ts";
import { foldersOf, GITLINK } from "./index-file.ts";
import { keepIndex, loadIndex } from "./index-load.ts";
import type { Repository } from "./repository.ts";
import { readSettings } from "./settings.ts";
import { loadSnapshot, type Snapshot, saveSnapshot } from "./snapshot-record.ts";
import { makeStore, setExcludes } from "./store.ts";
import { storeEntries, writeStoreIndex } from "./work-index.ts";

/** Puts the snapshot behind a new baseline in its place. `full` ties it to the commit it belongs to. */
export function installBaselineStore(draft: string, dir: string, full: string): void {
  writeFileSync(join(draft, "full"), full);
  rmSync(dir, { recursive: true, force: true });
  renameSync(draft, dir);
}

/**
 * Makes the snapshot behind a baseline once more from its commit, where the state folder has lost it. Ignore
 * rules are those of the commit, and today's outside the working tree: an ignore file that ignores itself is
 * not among them, so that what it hid shows as new.
 */
export async function restoreBaselineStore(repo: Repository, dir: string, full: string): Promise<Snapshot> {
  const draft = `${dir}.restored.tmp`;
  rmSync(draft, { recursive: true, force: true });
  const started = Math.floor(Date.now() / 1000) - 1;
  const store = makeStore(repo, draft);
  setExcludes(store, outerExcludes(repo, await readSettings(repo)));
  const index = await loadIndex(repo, store);
  keepIndex(store, index);
  await store.git(["read-tree", `${full}^{tree}`]);
  await store.git(["update-index", "-q", "--refresh"], { okCodes: [0, 1] });
  const entries = (await storeEntries(store)).filter((entry) => entry.mode !== GITLINK);
  writeStoreIndex(store, entries, (entry) => entry.newest >= started);
  const snapshot: Snapshot = {
    store,
    tree: repo,
    record: {
      schema: 1,
      at: new Date().toISOString(),
      tree: repo,
      selection: { scratch: DEFAULT_SCRATCH, ignored: "allowed", allow: [] },
      scratch: [],
      aside: [],
      nested: [],
      unverifiable: [],
      index: index.stat,
      gitState: gitState(repo),
    },
    folders: [...foldersOf(entries)],
  };
  for (const { path, oid } of entries.filter((entry) => /(^|\/)\.gitignore$/.test(entry.path))) {
    const rules = await readBlob(snapshot, oid);
    if (!rules) continue;
    mkdirSync(below(store.ignoreDir, dirname(path)), { recursive: true });
    writeFileSync(below(store.ignoreDir, path), rules);
  }
  saveSnapshot(snapshot, (name, data) => writeFileSync(join(draft, name), data, { mode: 0o600 }));
  installBaselineStore(draft, dir, full);
  return loadSnapshot(dir) ?? snapshot;
}
