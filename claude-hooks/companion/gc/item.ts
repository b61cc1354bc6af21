import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** One thing that `gc` may remove. */
export interface Item {
  kind: "run" | "exec" | "baseline" | "callback" | "session" | "job" | "copy" | "project" | "leftover";
  /** What it is, for a person: a run id, a ref, a path. */
  name: string;
  bytes: number;
  remove: () => void | Promise<void>;
}

/** Something old that stays, and why. */
export interface Kept {
  kind: Item["kind"];
  name: string;
  why: string;
}

export interface Found {
  items: Item[];
  kept: Kept[];
}

/** Bytes on disk below a path, 0 where there is nothing. Links are not followed. */
export function sizeOf(path: string): number {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat) return 0;
  const own = stat.blocks * 512;
  if (!stat.isDirectory()) return own;
  return entriesOf(path).reduce((sum, name) => sum + sizeOf(join(path, name)), own);
}

/** Names in a folder; [] where there is none, or none that may be read. */
export function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    if (["ENOENT", "ENOTDIR", "EACCES"].includes(code)) return [];
    throw error;
  }
}

/** When a path was changed last, in milliseconds since 1970; now where it is gone. */
export function changedAt(path: string): number {
  return lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
}
