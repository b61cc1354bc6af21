import { createHash } from "node:crypto";
import {
  accessSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  readSync,
  type Stats,
} from "node:fs";
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
  const mode = gitMode(stat);
  if (mode === "special") return { mode, oid: `stat:${stat.mode.toString(8)}` };
  if (stat.isSymbolicLink()) {
    const target = orGone(() => readlinkSync(below(root, path), { encoding: "buffer" }));
    return target && { mode, oid: blobId(target, format) };
  }
  const oid = stat.size > HASHED ? undefined : orGone(() => hashFile(root, path, format));
  if (oid !== undefined) return { mode, oid };
  return lstatOf(root, path) && { mode, oid: statId(stat) };
}

export function gitMode(stat: Stats): string {
  if (stat.isSymbolicLink()) return "120000";
  if (!stat.isFile()) return "special";
  return stat.mode & 0o100 ? "100755" : "100644";
}

/** @returns undefined when there is nothing at `path`, or nothing that can be reached */
export function lstatOf(root: string, path: string): Stats | undefined {
  try {
    return lstatSync(below(root, path), { throwIfNoEntry: false });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    if (["ENOTDIR", "ELOOP", "EACCES", "ENAMETOOLONG"].includes(code)) return undefined;
    throw error;
  }
}

/** Whether git can take the content of what is at `path`. */
export function isReadable(root: string, path: string, stat: Stats | undefined): boolean {
  if (!stat || gitMode(stat) === "special") return false;
  if (stat.isSymbolicLink()) return true;
  try {
    accessSync(below(root, path), constants.R_OK);
    return true;
  } catch {
    return false; // whatever the reason: it is known by its stat data then
  }
}

/** What belongs to another user and is closed to us is closed to the executor, too. */
export function isOwn(root: string, path: string): boolean {
  return lstatOf(root, path)?.uid === process.getuid?.();
}

/** Folders of ours that cannot be looked into: what is in them cannot be told. Nothing is closed to root. */
export function closedFolders(root: string, folders: Iterable<string>): string[] {
  if (process.getuid?.() === 0) return [];
  return [...folders].filter((folder) => {
    try {
      accessSync(below(root, folder), constants.R_OK | constants.X_OK);
      return false;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === "EACCES" && isOwn(root, folder);
    }
  });
}

/** A fingerprint that any write moves, short of setting the clock back. */
export function statId(stat: Stats): string {
  return `stat:${stat.size}:${stat.mtimeMs}:${stat.ctimeMs}:${stat.ino}`;
}

/** The bytes of a plain file; undefined where it may not be read, is gone or is none. */
export function readPlainFile(root: string, path: string): Buffer | undefined {
  return orGone(() => withFile(root, path, (file) => readFileSync(file)));
}

function hashFile(root: string, path: string, format: ObjectFormat): string {
  return withFile(root, path, (file, size) => {
    if (size <= 16 * CHUNK) return blobId(readFileSync(file), format);
    const hash = createHash(format).update(`blob ${size}\0`);
    const chunk = Buffer.alloc(CHUNK);
    for (let read = readSync(file, chunk); read > 0; read = readSync(file, chunk)) {
      hash.update(chunk.subarray(0, read));
    }
    return hash.digest("hex");
  });
}

/** A path may be swapped for a fifo or a link at any time: neither is waited for nor followed. */
function withFile<T>(root: string, path: string, use: (file: number, size: number) => T): T {
  const { O_RDONLY, O_NONBLOCK = 0, O_NOFOLLOW = 0 } = constants;
  const file = openSync(below(root, path), O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) throw Object.assign(new Error(`${path} is no plain file`), { code: "EACCES" });
    return use(file, stat.size);
  } finally {
    closeSync(file);
  }
}

function orGone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    const gone = ["ENOENT", "ENOTDIR", "EACCES", "EPERM", "EIO", "ELOOP", "EINVAL", "ENXIO"];
    if (gone.includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}
