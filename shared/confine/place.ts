import { createHash } from "node:crypto";
import {
  chmodSync,
  chownSync,
  constants,
  copyFileSync,
  lchownSync,
  lstatSync,
  readlinkSync,
  renameSync,
  rmSync,
  statfsSync,
  symlinkSync,
  utimesSync,
} from "node:fs";
import { posix } from "node:path";
import { below, bytesOf } from "../tree/bytes.ts";
import type { Marks } from "./layer.ts";

/** Copying a larger file takes long; moving it may leave the overlay's note of its origin on it. */
const COPIED = 32 * 1024 * 1024;

export interface Placing {
  /** Where the new file is, below `from`. */
  from: string;
  root: string;
  path: string;
  marks: Marks;
  /** May take the layer's own file instead of a copy. */
  move: boolean;
}

/**
 * Puts a file or a link of a layer into the tree: temporary file and rename, so that whoever looks sees the
 * old one or the new one. The temporary name follows from the path: a second try replaces what a first left.
 */
export function placeFile({ from, root, path, marks, move }: Placing): void {
  const source = below(from, path);
  const target = below(root, path);
  const stats = lstatSync(source);
  if (stats.isFile() && (move || stats.size > COPIED) && stats.nlink === 1 && moved(source, target, marks))
    return;
  const temporary = below(root, temporaryFor(path));
  rmSync(temporary, { force: true });
  try {
    if (stats.isSymbolicLink()) {
      symlinkSync(readlinkSync(source, "buffer"), temporary);
      if (lstatSync(temporary).uid !== marks.uid) lchownSync(temporary, marks.uid, marks.gid);
    } else {
      if (stats.size > COPIED) needRoom(stats.size, below(root, posix.dirname(path)));
      copyFileSync(source, temporary, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
      mark(temporary, marks);
      utimesSync(temporary, stats.atime, stats.mtime);
    }
    renameSync(temporary, target);
  } catch (error) {
    // The disk is full, or a folder in which something refused remains is in the way.
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** @throws Error when a copy cannot fit: of a file full of holes it would fill the disk first */
function needRoom(bytes: number, folder: string | Buffer): void {
  const { bavail, bsize } = statfsSync(folder);
  if (bytes > bavail * bsize) throw new Error("there is no room for a copy of it");
}

/** Gives a file or folder its owner and mode; the owner first, for changing it clears bits of the mode. */
export function mark(path: string | Buffer, marks: Marks): void {
  const now = lstatSync(path);
  if (now.uid !== marks.uid || now.gid !== marks.gid) chownSync(path, marks.uid, marks.gid);
  chmodSync(path, marks.mode);
}

/** Moves by rename. @returns false where the two are on different file systems */
export function moved(source: string | Buffer, target: string | Buffer, marks?: Marks): boolean {
  try {
    if (marks) mark(source, marks);
    renameSync(source, target);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EXDEV") return false;
    throw error;
  }
}

/** The name beside `path` under which its new content is prepared. */
export function temporaryFor(path: string): string {
  const slash = path.lastIndexOf("/") + 1;
  const id = createHash("sha256").update(bytesOf(path)).digest("hex").slice(0, 16);
  return `${path.slice(0, slash)}.handrail-${id}`;
}

/** Changed after `since` (nanoseconds of the file system's clock). */
export function changedSince(stats: { ctimeNs: bigint }, since: bigint): boolean {
  return stats.ctimeNs > since;
}
