import { createHash } from "node:crypto";
import { closeSync, lstatSync, openSync, readFileSync, readlinkSync, readSync, type Stats } from "node:fs";
import { below } from "./bytes.ts";
import type { ObjectFormat } from "./repository.ts";

/** What a path holds: git's mode (`100644`, `100755`, `120000`; `special` for a fifo, socket or device). */
export interface FileState {
  mode: string;
  /** git's id of the raw bytes; `stat:...` where they could not be read or are too many. */
  oid: string;
}

/** Content of a larger file is not kept, only its hash, in bytes. */
export const KEEP_FILE = 100 * 1024 ** 2;
/** Above this a file is known by its stat data alone, in bytes: hashing takes about 2 s for each GiB. */
const HASHED = 2 * 1024 ** 3;
const CHUNK = 1024 * 1024;

/** git's id of a blob of these bytes. */
export function blobId(content: Buffer, format: ObjectFormat): string {
  return createHash(format).update(`blob ${content.length}\0`).update(content).digest("hex");
}

/**
 * What is at `path` now, by its raw bytes, without any filter.
 * @returns undefined when there is nothing, or a directory
 */
export function fileState(root: string, path: string, format: ObjectFormat): FileState | undefined {
  const stat = lstatOf(root, path);
  if (!stat || stat.isDirectory()) return undefined;
  try {
    return { mode: gitMode(stat), oid: hashPath(root, path, stat, format) };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT") return undefined;
    if (code === "EACCES" || code === "EPERM" || code === "EIO") {
      return { mode: gitMode(stat), oid: statId(stat) };
    }
    throw error;
  }
}

export function gitMode(stat: Stats): string {
  if (stat.isSymbolicLink()) return "120000";
  if (!stat.isFile()) return "special";
  return stat.mode & 0o100 ? "100755" : "100644";
}

/** @returns undefined when there is nothing at `path` (or above it) */
export function lstatOf(root: string, path: string): Stats | undefined {
  try {
    return lstatSync(below(root, path));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}

/** A fingerprint that any write moves, short of setting the clock back. */
export function statId(stat: Stats): string {
  return `stat:${stat.size}:${stat.mtimeMs}:${stat.ctimeMs}:${stat.ino}`;
}

function hashPath(root: string, path: string, stat: Stats, format: ObjectFormat): string {
  if (stat.isSymbolicLink()) return blobId(readlinkSync(below(root, path), { encoding: "buffer" }), format);
  if (!stat.isFile()) return `stat:${stat.mode.toString(8)}`;
  if (stat.size > HASHED) return statId(stat);
  if (stat.size <= 16 * CHUNK) return blobId(readFileSync(below(root, path)), format);
  return hashInChunks(root, path, stat.size, format);
}

function hashInChunks(root: string, path: string, size: number, format: ObjectFormat): string {
  const hash = createHash(format).update(`blob ${size}\0`);
  const chunk = Buffer.alloc(CHUNK);
  const file = openSync(below(root, path), "r");
  try {
    for (let read = readSync(file, chunk); read > 0; read = readSync(file, chunk)) {
      hash.update(chunk.subarray(0, read));
    }
  } finally {
    closeSync(file);
  }
  return hash.digest("hex");
}
