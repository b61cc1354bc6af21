import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  realpathSync,
  type Stats,
} from "node:fs";
import { isAbsolute, join, relative, resolve, sep } from "node:path";
import { HandrailError } from "../errors.ts";
import { parseTask } from "./parse.ts";
import type { TaskSpec } from "./spec.ts";
import type { KindOf } from "./text/names.ts";

/** A task is read by people; a larger file is none. */
export const MAX_TASK_BYTES = 1024 * 1024;

/**
 * Reads and parses a task file or coding packet.
 * @param file absolute, or relative to the root
 * @param root real path of the working tree's top level
 * @returns the spec, also one with errors
 * @throws HandrailError `bad-input` for a file that cannot be read as text: missing, a folder, a device, too
 *   large, binary, not UTF-8, or a link that leads out of the repository
 */
export function loadTask(file: string, root: string): TaskSpec {
  const text = readTaskText(file, root);
  return parseTask(text, { fileName: shownAs(resolve(root, file), root), root, kindOf: kindOfIn(root) });
}

/**
 * Reads a file that people write for Handrail: a task file, a packet, an exec plan.
 * @throws HandrailError `bad-input`, as `loadTask`
 */
export function readTaskText(file: string, root: string): string {
  const path = resolve(root, file);
  const shown = shownAs(path, root);
  return decode(readBytes(path, shown, root), shown);
}

function shownAs(path: string, root: string): string {
  return isInside(root, path) ? relative(root, path).split(sep).join("/") : path;
}

/** What lies at paths below a root; a link is a file, whatever it leads to. */
export function kindOfIn(root: string): KindOf {
  return (relPath) => {
    if (relPath === "" || relPath.includes("\0") || isAbsolute(relPath)) return undefined;
    const path = join(root, relPath);
    if (!isInside(root, path)) return undefined;
    const stats = statsOf(path);
    if (!stats) return undefined;
    return stats.isDirectory() ? "directory" : "file";
  };
}

function isInside(root: string, path: string): boolean {
  return path.startsWith(root.endsWith(sep) ? root : `${root}${sep}`);
}

function statsOf(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    // No name for a file here: too long, or below a file.
    return undefined;
  }
}

function readBytes(path: string, shown: string, root: string): Buffer {
  const fail = (problem: string, fix: string, cause?: unknown): never => {
    throw new HandrailError("bad-input", `${shown}: ${problem}`, { fix, cause });
  };
  const entry = statsOf(path);
  if (!entry) return fail("no such file", "handrail task new <slug> writes a task file to fill in");
  const target = realTarget(path);
  if (target === undefined) return fail("the link leads nowhere", "give the task file itself");
  if (isInside(root, path) && !isInside(root, target))
    return fail("the link leads out of the repository", "copy the task file into opencode_tasks/");
  let descriptor: number;
  try {
    // Without O_NONBLOCK a named pipe would wait for a writer for ever.
    descriptor = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    return fail(
      `cannot be read (${error instanceof Error && "code" in error ? error.code : "unknown"})`,
      "check its permissions",
      error,
    );
  }
  try {
    const stats = fstatSync(descriptor);
    if (stats.isDirectory())
      return fail("is a folder", "give a task file, for example opencode_tasks/20261121-add-retry.txt");
    if (!stats.isFile()) return fail("is no plain file", "give a task file");
    if (stats.size > MAX_TASK_BYTES)
      return fail(
        `is larger than 1 MiB (${stats.size} bytes); a task is text for people`,
        "shorten it, or refer to long material by its path",
      );
    return readAll(descriptor) ?? fail("is larger than 1 MiB", "shorten it");
  } finally {
    closeSync(descriptor);
  }
}

function realTarget(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    // A dangling link or a loop.
    return undefined;
  }
}

/** Reads what is there, at most one byte more than a task may have. */
function readAll(descriptor: number): Buffer | undefined {
  const buffer = Buffer.alloc(MAX_TASK_BYTES + 1);
  let length = 0;
  for (;;) {
    const read = readSync(descriptor, buffer, length, buffer.length - length, null);
    if (read === 0) return buffer.subarray(0, length);
    length += read;
    if (length > MAX_TASK_BYTES) return undefined;
  }
}

function decode(bytes: Buffer, shown: string): string {
  const fail = (problem: string): never => {
    throw new HandrailError("bad-input", `${shown}: ${problem}`, { fix: "save the task as UTF-8 text" });
  };
  if (bytes.includes(0)) return fail("is binary, or UTF-16 (it holds NUL bytes)");
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return fail("is not valid UTF-8");
  }
}
