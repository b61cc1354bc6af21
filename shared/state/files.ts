import { randomBytes } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type * as z from "zod/mini";
import { HandrailError } from "../errors.ts";

/**
 * Makes a folder that only the user can enter (0700), with its parents.
 * @throws HandrailError `not-writable`
 */
export function privateDir(path: string): string {
  try {
    makeDir(path);
  } catch (error) {
    throw notWritable(path, error);
  }
  return path;
}

/** Not `recursive: true`: where a parent cannot hold folders (/proc), Node 20 tries for ever. */
function makeDir(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  const parent = dirname(path);
  if (parent !== path) makeDir(parent);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Somebody else was first; what is there and no folder is an error all the same.
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
}

function notWritable(path: string, error: unknown): unknown {
  const { code } = error instanceof Error ? (error as NodeJS.ErrnoException) : {};
  if (code === undefined) return error;
  const full = code === "ENOSPC" || code === "EDQUOT";
  return new HandrailError(
    "not-writable",
    `${path} cannot be written (${full ? `its disk is full: ${code}` : code})`,
    {
      fix: full
        ? "make room and repeat the command; `handrail gc` removes what is old"
        : "make it writable, or set HANDRAIL_STATE_DIR to a folder that is",
      cause: error,
    },
  );
}

/**
 * Writes a file by temporary file, fsync and rename, mode 0600, making the folder where it is missing.
 * A reader sees the old bytes or the new ones, never a half.
 */
export function writeStateFile(path: string, data: string | Buffer): void {
  privateDir(dirname(path));
  // Not write-file-atomic: it hooks the process's signals, which inside OpenCode are not ours.
  const draft = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  const fd = openDraft(draft, path);
  try {
    writeFileSync(fd, data);
    fsyncSync(fd);
  } catch (error) {
    rmSync(draft, { force: true });
    throw notWritable(path, error);
  } finally {
    closeSync(fd);
  }
  renameSync(draft, path);
}

function openDraft(draft: string, path: string): number {
  try {
    return openSync(draft, "wx", 0o600);
  } catch (error) {
    throw notWritable(path, error);
  }
}

export function writeJson(path: string, value: unknown): void {
  writeStateFile(path, `${JSON.stringify(value, null, 2)}\n`);
}

/**
 * Reads a state file through its schema.
 * @returns the value, or undefined when there is no such file
 * @throws HandrailError `state-unreadable` when it does not parse: the file is set aside first (renamed
 *   to `<path>.unreadable-<time>`), so that nothing is lost and it is never taken for empty
 */
export function readJson<T extends z.ZodMiniType>(path: string, schema: T): z.infer<T> | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    throw new HandrailError("state-unreadable", `cannot read ${path} (${code})`, {
      fix: "make it readable, or set HANDRAIL_STATE_DIR to another folder",
      cause: error,
    });
  }
  const parsed = parseJson(text, schema);
  if (parsed.ok) return parsed.value;
  const aside = `${path}${ASIDE}${Date.now()}`;
  setAside(path, aside);
  throw new HandrailError(
    "state-unreadable",
    `${path} does not parse (${parsed.problem}); kept as ${aside}`,
    {
      fix: "repeat the command; what else is on record is not affected",
    },
  );
}

const ASIDE = ".unreadable-";

function setAside(path: string, aside: string): void {
  try {
    renameSync(path, aside);
  } catch (error) {
    // Somebody else has read it at the same time.
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

/**
 * Files that `readJson` has set aside: what they were about is not on record any more, and was.
 * @param name of the file; without it, those of all files in the folder
 * @returns their paths, oldest first for each file
 */
export function keptAside(folder: string, name = ""): string[] {
  try {
    return readdirSync(folder)
      .filter((one) => /\.unreadable-\d+$/.test(one) && (name === "" || one.startsWith(`${name}${ASIDE}`)))
      .sort()
      .map((one) => join(folder, one));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** Parses JSON text through a schema. @returns the value, or what is wrong with it, in one line. */
export function parseJson<T extends z.ZodMiniType>(
  text: string,
  schema: T,
): { ok: true; value: z.infer<T> } | { ok: false; problem: string } {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (error) {
    return { ok: false, problem: error instanceof Error ? error.message : "not JSON" };
  }
  const result = schema.safeParse(raw);
  if (result.success) return { ok: true, value: result.data };
  const first = result.error.issues[0];
  const at = first?.path.join(".") || "value";
  if (at === "schema" && typeof (raw as { schema?: unknown }).schema === "number")
    return { ok: false, problem: "another version of Handrail wrote it" };
  return { ok: false, problem: `${at}: ${first?.message ?? "invalid"}` };
}
