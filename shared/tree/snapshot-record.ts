import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";
import { HandrailError } from "../errors.ts";
import { readJson, writeJson } from "../state/files.ts";
import { joinNul, splitNul } from "./bytes.ts";
import { openStore, type Store, type Tree } from "./store.ts";

const unverifiableSchema = z.object({ path: z.string(), reason: z.string() });
/** A part of the tree whose changes cannot be told. */
export type Unverifiable = z.infer<typeof unverifiableSchema>;

/** Folders that cannot be read, as parts whose changes cannot be told. */
export function unreadable(folders: readonly string[]): Unverifiable[] {
  const names = new Set(folders.map((folder) => folder.replace(/\/?$/, "/")));
  return [...names].map((path) => ({ path, reason: "the folder cannot be read" }));
}

/** `snapshot.json`: what a store's index cannot hold. Written last: without it there is no snapshot. */
export const snapshotRecordSchema = z.object({
  schema: z.literal(1),
  /** ISO 8601, UTC. */
  at: z.string(),
  tree: z.object({
    root: z.string(),
    gitDir: z.string(),
    commonDir: z.string(),
    objectFormat: z.enum(["sha1", "sha256"]),
  }),
  selection: z.object({
    scratch: z.array(z.string()),
    ignored: z.enum(["all", "allowed"]),
    allow: z.array(z.string()),
  }),
  /** Scratch found then; folders end with `/`. */
  scratch: z.array(z.string()),
  /** Known by hash or stat data only. */
  aside: z.array(z.object({ path: z.string(), mode: z.string(), oid: z.string(), stat: z.string() })),
  /** Repositories inside, each with a snapshot of its own in `nested/<n>`; folders end with `/`. */
  nested: z.array(z.object({ path: z.string(), dir: z.string() })),
  unverifiable: z.array(unverifiableSchema),
  /** Stat data of the user's index (`LoadedIndex.stat`); the store has a copy of it. */
  index: z.string(),
  gitState: z.record(z.string(), z.string()),
});
export type SnapshotRecord = z.infer<typeof snapshotRecordSchema>;

/** The state of a working tree at one moment, kept outside of it. */
export interface Snapshot {
  store: Store;
  tree: Tree;
  record: SnapshotRecord;
  /** Folders that held files of the index then; without slash. */
  folders: string[];
}

export function saveSnapshot(snapshot: Snapshot, write: (name: string, data: Buffer) => void): void {
  write("folders", joinNul(snapshot.folders));
  writeJson(join(snapshot.store.dir, "snapshot.json"), snapshot.record);
}

/**
 * Reads a snapshot that was taken earlier.
 * @returns undefined when there is none, or one that was never finished
 * @throws HandrailError `state-unreadable`
 */
export function loadSnapshot(dir: string): Snapshot | undefined {
  const record = readJson(join(dir, "snapshot.json"), snapshotRecordSchema);
  if (!record) return undefined;
  const part = (name: string) => {
    try {
      return readFileSync(join(dir, name));
    } catch (error) {
      throw new HandrailError("state-unreadable", `the snapshot ${dir} has lost its ${name}`, {
        cause: error,
      });
    }
  };
  return {
    store: openStore(record.tree, dir),
    tree: record.tree,
    record,
    folders: splitNul(part("folders")),
  };
}
