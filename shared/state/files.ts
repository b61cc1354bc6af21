import { randomBytes } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import type * as z from "zod/mini";
import { HandrailError } from "../errors.ts";

/** Makes a folder that only the user can enter (0700), with its parents. */
export function privateDir(path: string): string {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  return path;
}

/**
 * Writes a file by temporary file, fsync and rename, mode 0600, making the folder where it is missing.
 * A reader sees the old bytes or the new ones, never a half.
 */
export function writeStateFile(path: string, data: string | Buffer): void {
  privateDir(dirname(path));
  // Not write-file-atomic: it hooks the process's signals, which inside OpenCode are not ours.
  const draft = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  const fd = openSync(draft, "wx", 0o600);
  try {
    writeFileSync(fd, data);
    fsyncSync(fd);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
  renameSync(draft, path);
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
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new HandrailError("state-unreadable", `cannot read ${path}`, { cause: error });
  }
  const parsed = parseJson(text, schema);
  if (parsed.ok) return parsed.value;
  const aside = `${path}.unreadable-${Date.now()}`;
  renameSync(path, aside);
  throw new HandrailError("state-unreadable", `${path} does not parse (${parsed.problem}); kept as ${aside}`);
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
  return { ok: false, problem: `${first?.path.join(".") || "value"}: ${first?.message ?? "invalid"}` };
}
