import { createHash } from "node:crypto";
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  linkSync,
  lstatSync,
  openSync,
  readlinkSync,
  readSync,
  renameSync,
  rmSync,
  type Stats,
} from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";
import { privateDir, readJson, writeJson, writeStateFile } from "../state/files.ts";
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

/** What one command, and one run, may keep: bytes and files. Above it names and sizes remain. */
export const KEEP = { command: 128 * 1024 ** 2, run: 256 * 1024 ** 2, files: 5_000 };

/**
 * Keeps files that are out of scope in `<dir>/files/`, and lists them in `<dir>/manifest.json`. Nothing is
 * taken away from where it lies; what is kept already is not kept again.
 * @param dir the run's quarantine folder
 * @param root where the paths lie: the working tree, or the upper layer of a command
 * @param ours the files are Handrail's own and nobody writes them any more: they are linked, not copied
 * @returns the entries of these files
 */
export function quarantine(
  dir: string,
  root: string,
  items: readonly { path: string; code: string }[],
  ours = false,
): Quarantined[] {
  if (items.length === 0) return [];
  const known = new Map(readQuarantine(dir).map((entry) => [keyOf(entry), entry]));
  const keeper = new Keeper(dir, root, ours, [...known.values()]);
  privateDir(join(dir, "files"));
  const entries = items.map((item) => keeper.keep(item));
  for (const entry of entries) if (!known.has(keyOf(entry))) known.set(keyOf(entry), entry);
  writeJson(join(dir, "manifest.json"), { schema: 1, entries: [...known.values()] });
  return entries;
}

function keyOf({ path, code, mode, bytes, kept }: Quarantined): string {
  return [path, code, mode, bytes, kept].join("\0");
}

/** @throws HandrailError `state-unreadable` */
export function readQuarantine(dir: string): Quarantined[] {
  return readJson(join(dir, "manifest.json"), manifestSchema)?.entries ?? [];
}

/** Where the bytes of an entry are, if they were kept. */
export function quarantinedFile(dir: string, entry: Quarantined): string | undefined {
  return entry.kept === undefined ? undefined : join(dir, "files", entry.kept);
}

class Keeper {
  /** Bytes and files that may still be kept. */
  #room: number;
  #files = KEEP.files;
  readonly #dir: string;
  readonly #root: string;
  readonly #ours: boolean;

  constructor(dir: string, root: string, ours: boolean, known: readonly Quarantined[]) {
    this.#dir = dir;
    this.#root = root;
    this.#ours = ours;
    const sizes = new Map(
      known.map(({ kept, bytes }) => [kept ?? "", kept === undefined ? 0 : (bytes ?? 0)]),
    );
    const total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
    this.#room = Math.min(KEEP.command, KEEP.run - total);
  }

  keep({ path, code }: { path: string; code: string }): Quarantined {
    const at = new Date().toISOString();
    const stat = lstatOf(this.#root, path);
    if (!stat || stat.isDirectory()) return { at, path, code };
    const entry = { at, path, code, mode: gitMode(stat), bytes: stat.size };
    if (stat.size > this.#room || this.#files <= 0) return entry;
    const found = this.#ours && stat.isFile() ? this.#link(path) : this.#copy(path, stat);
    if (!found) return entry;
    this.#room -= found.bytes;
    this.#files--;
    return { ...entry, ...found };
  }

  /** A second name for a file that is ours, so that keeping a large one costs no more than reading it. */
  #link(path: string): { bytes: number; kept: string } | undefined {
    const source = below(this.#root, path);
    const hash = createHash("sha256");
    const bytes = readInto(source, (chunk) => hash.update(chunk));
    const kept = hash.digest("hex");
    const file = join(this.#dir, "files", kept);
    if (existsSync(file)) return { bytes, kept };
    const draft = `${file}.tmp`;
    rmSync(draft, { force: true });
    // Another file system, a setuid file, a file system without links: then a copy. So with a file that has
    // another name: under that one it may have come into the tree.
    const { mode, nlink } = lstatSync(source);
    if ((mode & 0o6000) !== 0 || nlink > 1 || !linked(source, draft)) copyFileSync(source, draft);
    chmodSync(draft, 0o600);
    renameSync(draft, file);
    return { bytes, kept };
  }

  #copy(path: string, stat: Stats): { bytes: number; kept: string } | undefined {
    if (stat.size > KEEP_FILE) return undefined;
    const content = stat.isSymbolicLink()
      ? readlinkSync(below(this.#root, path), { encoding: "buffer" })
      : readPlainFile(this.#root, path);
    if (!content) return undefined;
    const kept = createHash("sha256").update(content).digest("hex");
    const file = join(this.#dir, "files", kept);
    if (!existsSync(file)) writeStateFile(file, content);
    return { bytes: content.length, kept };
  }
}

const CHUNK = 1024 * 1024;

/** @returns how many bytes there were */
function readInto(file: string | Buffer, take: (chunk: Buffer) => void): number {
  const chunk = Buffer.allocUnsafe(CHUNK);
  const fd = openSync(file, "r");
  try {
    for (let total = 0; ; ) {
      const got = readSync(fd, chunk, 0, CHUNK, null);
      if (got === 0) return total;
      take(chunk.subarray(0, got));
      total += got;
    }
  } finally {
    closeSync(fd);
  }
}

function linked(source: string | Buffer, target: string): boolean {
  try {
    linkSync(source, target);
    return true;
  } catch {
    return false; // whatever it is, a copy does
  }
}
