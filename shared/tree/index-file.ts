import { createHash } from "node:crypto";
import { textOf } from "./bytes.ts";
import type { ObjectFormat } from "./repository.ts";

// Source: gitformat-index(5), versions 2 and 3. Version 4, split and sparse indexes are first rewritten by
// git (`loadIndex`).

const HEADER = 12;
const OID = 40;
const ASSUME_UNCHANGED = 0x8000;
const EXTENDED = 0x4000;
const STAGE = 0x3000;
const SKIP_WORKTREE = 0x4000;

export const GITLINK = 0o160000;

/**
 * One entry, read from the file's bytes on demand: an index may hold hundreds of thousands, so nothing is
 * made of an entry that nobody asks for.
 */
export class IndexEntry {
  private readonly bytes: Buffer;
  readonly start: number;
  private readonly hashLength: number;
  private readonly nameEnd: number;

  constructor(bytes: Buffer, start: number, hashLength: number) {
    this.bytes = bytes;
    this.start = start;
    this.hashLength = hashLength;
    this.nameEnd = bytes.indexOf(0, this.nameStart);
    if (this.nameEnd < 0 || this.end > bytes.length) throw new RangeError("index entry runs over the end");
  }

  /** Where the next entry starts: padded with one to eight NUL bytes to a multiple of eight. */
  get end(): number {
    return this.start + ((this.nameEnd - this.start) & ~7) + 8;
  }
  get path(): string {
    return textOf(this.bytes.subarray(this.nameStart, this.nameEnd));
  }
  /** The folder it lies in, without slash; `""` at the root. */
  get folder(): string {
    return textOf(this.bytes.subarray(this.nameStart, Math.max(this.nameStart, this.slash)));
  }
  /** Whether its name ends so; made for a look at every entry. */
  endsWith(suffix: Buffer): boolean {
    const at = this.nameEnd - suffix.length;
    if (this.bytes[at] !== suffix[0]) return false;
    return at >= this.nameStart && this.bytes.compare(suffix, 0, suffix.length, at, this.nameEnd) === 0;
  }
  /** Whether it lies in the same folder as another entry of the same index. */
  isBeside(other: IndexEntry): boolean {
    const [from, to] = [this.nameStart, Math.max(this.nameStart, this.slash)];
    const [start, end] = [other.nameStart, Math.max(other.nameStart, other.slash)];
    return to - from === end - start && this.bytes.compare(this.bytes, start, end, from, to) === 0;
  }
  get mode(): number {
    return this.bytes.readUInt32BE(this.start + 24);
  }
  get oid(): string {
    return this.bytes.toString("hex", this.start + OID, this.flagsAt);
  }
  get size(): number {
    return this.bytes.readUInt32BE(this.start + 36);
  }
  get stage(): number {
    return (this.flags & STAGE) >> 12;
  }
  /** git would not look at the file: assume-unchanged or skip-worktree. */
  get hidden(): boolean {
    return (this.flags & ASSUME_UNCHANGED) !== 0 || (this.extra & SKIP_WORKTREE) !== 0;
  }
  /** The later of ctime and mtime, whole seconds. */
  get newest(): number {
    return Math.max(this.bytes.readUInt32BE(this.start), this.bytes.readUInt32BE(this.start + 8));
  }
  /** What the entry says, without the stat data that `git status` refreshes. */
  get meaning(): string {
    return `${this.mode.toString(8)} ${this.oid} ${this.stage} ${this.flags & ASSUME_UNCHANGED} ${this.extra}`;
  }

  /** Of stage 0 and without a flag that changes what git makes of it. */
  get isPlain(): boolean {
    return (this.flags & (ASSUME_UNCHANGED | STAGE)) === 0 && this.extra === 0;
  }
  /** A copy of the entry's bytes as a plain one; `forget` also drops its stat data. */
  plain(forget: boolean): Buffer {
    const copy = Buffer.from(this.bytes.subarray(this.start, this.end));
    const flags = this.flagsAt - this.start;
    copy.writeUInt16BE(this.flags & ~(ASSUME_UNCHANGED | STAGE), flags);
    if (this.flags & EXTENDED) copy.writeUInt16BE(0, flags + 2);
    if (forget) copy.fill(0, 0, 24).fill(0, 28, OID);
    return copy;
  }
  /** The index that the entry is of: how many it holds, and its extensions. */
  get source(): Buffer {
    return this.bytes;
  }
  /** The bytes from this entry to another of the same index. */
  through(last: IndexEntry): Buffer {
    return this.bytes.subarray(this.start, last.end);
  }

  private get flagsAt(): number {
    return this.start + OID + this.hashLength;
  }
  private get flags(): number {
    return this.bytes.readUInt16BE(this.flagsAt);
  }
  private get extra(): number {
    return this.flags & EXTENDED ? this.bytes.readUInt16BE(this.flagsAt + 2) : 0;
  }
  private get slash(): number {
    return this.bytes.lastIndexOf(0x2f, this.nameEnd);
  }
  private get nameStart(): number {
    return this.flagsAt + (this.flags & EXTENDED ? 4 : 2);
  }
}

/**
 * Reads an index file's entries.
 * @returns undefined where the format is one that git has to rewrite first
 * @throws RangeError when the bytes are no index
 */
export function parseIndex(bytes: Buffer, format: ObjectFormat): IndexEntry[] | undefined {
  if (bytes.length < HEADER || bytes.toString("latin1", 0, 4) !== "DIRC")
    throw new RangeError("not an index");
  const version = bytes.readUInt32BE(4);
  if (version > 3) return undefined;
  const hashLength = format === "sha256" ? 32 : 20;
  const entries: IndexEntry[] = [];
  let at = HEADER;
  for (let left = bytes.readUInt32BE(8); left > 0; left--) {
    const entry = new IndexEntry(bytes, at, hashLength);
    entries.push(entry);
    at = entry.end;
  }
  // Capital letters mark extensions a reader may skip; `link` (split) and `sdir` (sparse) it may not.
  const needed = [...extensionsOf(bytes, at, hashLength)].some(({ name }) => /^[a-z]/.test(name));
  return needed ? undefined : entries;
}

function* extensionsOf(bytes: Buffer, start: number, hashLength: number) {
  const end = bytes.length - hashLength;
  for (let at = start; at + 8 <= end; ) {
    const next = at + 8 + bytes.readUInt32BE(at + 4);
    yield { name: bytes.toString("latin1", at, at + 4), bytes: bytes.subarray(at, Math.min(next, end)) };
    at = next;
  }
}

/**
 * The cache of tree ids (extension `TREE`) for a copy of an index. It spares `write-tree` every folder in
 * which nothing changes, which is most of its time. Only for a copy that says the same of every path.
 */
function cachedTrees(entries: readonly IndexEntry[], hashLength: number): Buffer {
  const last = entries.at(-1);
  const same = last?.source.readUInt32BE(8) === entries.length && entries.every((entry) => entry.isPlain);
  if (!last || !same) return Buffer.alloc(0);
  const found = [...extensionsOf(last.source, last.end, hashLength)].find(({ name }) => name === "TREE");
  return found?.bytes ?? Buffer.alloc(0);
}

/**
 * An index file of these entries, as plain ones of stage 0, with no extension but the cache of trees.
 * @param entries of one index, in its order
 * @param doubtful entries that lose their stat data
 */
export function formatIndex(
  entries: readonly IndexEntry[],
  doubtful: (entry: IndexEntry) => boolean,
  format: ObjectFormat,
): Buffer {
  const header = Buffer.alloc(HEADER);
  header.write("DIRC", "latin1");
  // Version 3 allows extended entries, and has no rules of its own for the others.
  header.writeUInt32BE(3, 4);
  header.writeUInt32BE(entries.length, 8);
  const parts: Buffer[] = [header];
  // Most entries stay as they are: they are taken over in runs.
  let run: { from: IndexEntry; to: IndexEntry } | undefined;
  const flush = () => {
    if (run) parts.push(run.from.through(run.to));
    run = undefined;
  };
  for (const entry of entries) {
    const forget = doubtful(entry);
    if (run?.to.end !== entry.start || forget || !entry.isPlain) flush();
    if (forget || !entry.isPlain) parts.push(entry.plain(forget));
    else run = { from: run?.from ?? entry, to: entry };
  }
  flush();
  const hashLength = format === "sha256" ? 32 : 20;
  parts.push(cachedTrees(entries, hashLength));
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const file = Buffer.concat(parts, length + hashLength);
  createHash(format).update(file.subarray(0, length)).digest().copy(file, length);
  return file;
}

/** Folders that hold entries, without slash. Entries come sorted, so those of one folder mostly follow each other. */
export function foldersOf(entries: readonly IndexEntry[]): Set<string> {
  const folders = new Set<string>();
  let last: IndexEntry | undefined;
  for (const entry of entries) {
    if (last?.isBeside(entry)) continue;
    last = entry;
    addFolders(folders, entry.folder);
  }
  return folders;
}

/** Adds a folder and those that it lies in. */
export function addFolders(folders: Set<string>, folder: string): void {
  for (let at = folder.length; at > 0; at = folder.lastIndexOf("/", at - 1)) folders.add(folder.slice(0, at));
}
