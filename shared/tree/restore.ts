import { randomBytes } from "node:crypto";
import { chmodSync, realpathSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { readBlob } from "./blobs.ts";
import { below, bytesOf } from "./bytes.ts";
import { type Change, changesSince } from "./changes.ts";
import type { JournalEntry } from "./journal.ts";
import type { FileState } from "./objects.ts";
import type { Snapshot } from "./snapshot-record.ts";

export interface Restored {
  restored: string[];
  /** What was left as it is, and why. */
  left: { path: string; reason: string }[];
}

/**
 * Puts files back to what they were before a turn: only those whose present content is what the journal
 * says the executor left. What somebody changed since is not touched.
 * @param paths which of the changed files
 */
export async function restore(
  snapshot: Snapshot,
  journal: readonly JournalEntry[],
  paths: ReadonlySet<string>,
): Promise<Restored> {
  const left = new Map(journal.map((entry) => [entry.path, entry.after]));
  const result: Restored = { restored: [], left: [] };
  for (const change of (await changesSince(snapshot)).changes) {
    if (!paths.has(change.path)) continue;
    const reason = same(change.after, left.get(change.path))
      ? await putBack(snapshot, change)
      : "it was changed since";
    if (reason === undefined) result.restored.push(change.path);
    else result.left.push({ path: change.path, reason });
  }
  return result;
}

/** @returns why it could not be done, or undefined */
async function putBack(snapshot: Snapshot, { path, before }: Change): Promise<string | undefined> {
  const { root } = snapshot.tree;
  const target = below(root, path);
  if (!liesBelow(root, path)) return "a folder on its way is a link, or gone";
  if (!before) {
    unlinkSync(target);
    return undefined;
  }
  const content = await readBlob(snapshot, before.oid);
  if (!content) return "its earlier content was too large to be kept";
  const draft = below(root, join(dirname(path), `.handrail-${randomBytes(6).toString("hex")}`));
  if (before.mode === "120000") symlinkSync(content, draft);
  else {
    writeFileSync(draft, content, { flag: "wx" });
    chmodSync(draft, before.mode === "100755" ? 0o755 : 0o644);
  }
  renameSync(draft, target);
  return undefined;
}

function liesBelow(root: string, path: string): boolean {
  const folder = join(root, dirname(path));
  try {
    return realpathSync(bytesOf(folder)) === folder;
  } catch {
    return false; // gone
  }
}

function same(now: FileState | undefined, then: JournalEntry["after"]): boolean {
  if (then === undefined) return false;
  return now?.oid === then?.oid && now?.mode === then?.mode;
}
