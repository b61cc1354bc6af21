import { createHash } from "node:crypto";
import { existsSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";
import { privateDir, readJson, writeJson } from "../state/files.ts";
import { below } from "./bytes.ts";
import { gitMode, KEEP_FILE, lstatOf, readPlainFile } from "./objects.ts";

const entrySchema = z.object({
  /** ISO 8601, UTC. */
  at: z.string(),
  /** Relative to the working tree. */
  path: z.string(),
  /** Why it was refused (see shared/scope/decision.ts). */
  code: z.string(),
  /** git's mode; absent for a deletion. */
  mode: z.optional(z.string()),
  /** Size of the file. */
  bytes: z.optional(z.number()),
  /** Name of the kept bytes in `files/`, the sha256 of them; absent where only name and size are kept. */
  kept: z.optional(z.string()),
});
export type Quarantined = z.infer<typeof entrySchema>;
const manifestSchema = z.object({ schema: z.literal(1), entries: z.array(entrySchema) });

/** All that one run may keep, in bytes; above it names and sizes remain. */
const KEEP_RUN = 256 * 1024 ** 2;

/**
 * Copies files that are out of scope to `<dir>/files/`, and lists them in `<dir>/manifest.json`. Nothing is
 * taken away from where it lies.
 * @param dir the run's quarantine folder
 * @param root where the paths lie: the working tree, or the upper layer of a command
 * @returns the new entries
 */
export function quarantine(
  dir: string,
  root: string,
  items: readonly { path: string; code: string }[],
): Quarantined[] {
  if (items.length === 0) return [];
  const known = readQuarantine(dir);
  let total = known.reduce((sum, entry) => sum + (entry.kept === undefined ? 0 : (entry.bytes ?? 0)), 0);
  privateDir(join(dir, "files"));
  const entries = items.map((item) => {
    const entry = keep(dir, root, item, KEEP_RUN - total);
    total += entry.kept === undefined ? 0 : (entry.bytes ?? 0);
    return entry;
  });
  writeJson(join(dir, "manifest.json"), { schema: 1, entries: [...known, ...entries] });
  return entries;
}

/** @throws HandrailError `state-unreadable` */
export function readQuarantine(dir: string): Quarantined[] {
  return readJson(join(dir, "manifest.json"), manifestSchema)?.entries ?? [];
}

/** Where the bytes of an entry are, if they were kept. */
export function quarantinedFile(dir: string, entry: Quarantined): string | undefined {
  return entry.kept === undefined ? undefined : join(dir, "files", entry.kept);
}

function keep(dir: string, root: string, item: { path: string; code: string }, room: number): Quarantined {
  const { path, code } = item;
  const at = new Date().toISOString();
  const stat = lstatOf(root, path);
  if (!stat || stat.isDirectory()) return { at, path, code };
  const entry = { at, path, code, mode: gitMode(stat), bytes: stat.size };
  if (stat.size > Math.min(room, KEEP_FILE)) return entry;
  const content = stat.isSymbolicLink()
    ? readlinkSync(below(root, path), { encoding: "buffer" })
    : readPlainFile(root, path);
  if (!content) return entry;
  const kept = createHash("sha256").update(content).digest("hex");
  const file = join(dir, "files", kept);
  if (!existsSync(file)) writeFileSync(file, content, { mode: 0o600 });
  return { ...entry, bytes: content.length, kept };
}
