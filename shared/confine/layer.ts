import { chmodSync, lstatSync, readdirSync, readlinkSync, type Stats } from "node:fs";
import { below, bytesOf, textOf } from "../tree/bytes.ts";
import { sameBytes } from "./compare.ts";
import { overlayAttributes } from "./xattr.ts";

/** Mode bits and owner, as the command left them. */
export interface Marks {
  mode: number;
  uid: number;
  gid: number;
}

/**
 * What an upper layer means for the tree below it, in the order in which it can be done. Paths are relative
 * to the root, as `shared/tree/bytes` writes names; "" is the root itself. `exists`: something that is no
 * folder lies there already.
 */
export type LayerChange =
  | { op: "delete" | "rmdir"; path: string }
  | { op: "mkdir" | "chmod"; path: string; marks: Marks }
  | { op: "put"; path: string; kind: "file" | "link"; marks: Marks; exists: boolean; size: number }
  /** Nothing but the time of change: what builds go by. */
  | { op: "touch"; path: string; mtime: Date }
  | { op: "special"; path: string; what: string };

export interface Layer {
  /** Absolute, both. */
  upper: string;
  lower: string;
  tar: string;
  /** The folder itself may have been replaced by a command: it lies in the layer of another. */
  inner?: boolean;
  /** Paths that are somebody else's to read. */
  skip?: (path: string) => boolean;
}

/**
 * Reads an upper layer of overlayfs: a character device 0/0 deletes, an opaque folder hides all that was
 * below it, an unchanged copy means nothing. Source: Linux, Documentation/filesystems/overlayfs.rst.
 * Makes what the command left unreadable readable in the layer; the change keeps the command's mode.
 * @throws HandrailError `confinement-failed` when the layer cannot be read
 */
export function readLayer(layer: Layer): LayerChange[] {
  return new Walk(layer).run();
}

/** What a special file is called that has bytes to be kept. */
export const SETUID = "setuid or setgid file";

/** What a path is called that no program could reach by its name. */
const TOO_LONG = "path that is too long";
/** Bytes of a path, its end included (PATH_MAX, path_resolution(7)); and what a temporary name may add. */
const PATH_MAX = 4_096;
const ROOM = 64;

/** What the tree below the layer adds to a folder: its entries, entries that are hidden, or nothing. */
type Under = "merged" | "hidden" | "nothing";

class Walk {
  private readonly changes: LayerChange[] = [];
  private readonly layer: Layer;
  private readonly modes = new Map<string, number>();
  private opaque = new Set<string>();
  /** Of paths in the layer, in bytes. */
  private readonly longest: number;

  constructor(layer: Layer) {
    this.layer = layer;
    const roots = [layer.upper, layer.lower].map((root) => Buffer.byteLength(root));
    this.longest = PATH_MAX - ROOM - Math.max(...roots);
  }

  run(): LayerChange[] {
    const shared = [...(this.layer.inner ? [""] : []), ...this.sharedFolders("")];
    const attributes = overlayAttributes(this.layer.tar, this.layer.upper, shared);
    this.opaque = new Set(shared.filter((_, index) => attributes[index]?.get("opaque") === "y"));
    const upper = lstat(this.layer.upper, "");
    const lower = lstat(this.layer.lower, "");
    if (upper && lower) this.marks("", upper, lower);
    this.folder("", "merged");
    return this.changes;
  }

  /** Folders of the layer that are folders below it too, at any depth. */
  private sharedFolders(path: string): string[] {
    this.unlock(path, 0o700);
    const found = path === "" ? [] : [path];
    for (const inner of this.entries(this.layer.upper, path)) {
      if (this.isTooLong(inner) || !lstat(this.layer.upper, inner)?.isDirectory()) continue;
      if (lstat(this.layer.lower, inner)?.isDirectory()) found.push(...this.sharedFolders(inner));
    }
    return found;
  }

  private folder(path: string, above: Under): void {
    this.unlock(path, 0o700);
    const under = above === "merged" && this.opaque.has(path) ? "hidden" : above;
    const mine = this.entries(this.layer.upper, path);
    if (under === "hidden") {
      const here = new Set(mine);
      for (const inner of this.entries(this.layer.lower, path)) if (!here.has(inner)) this.remove(inner);
    }
    for (const inner of mine) this.entry(inner, under);
  }

  private entry(path: string, under: Under): void {
    // A command comes to such a place step by step; whatever lies there is left out as a whole.
    if (this.isTooLong(path)) {
      this.changes.push({ op: "special", path, what: TOO_LONG });
      return;
    }
    const upper = lstat(this.layer.upper, path);
    const lower = under === "nothing" ? undefined : lstat(this.layer.lower, path);
    if (!upper) return;
    if (upper.isCharacterDevice() && upper.rdev === 0) {
      if (lower) this.remove(path);
    } else if (upper.isDirectory()) {
      this.directory(path, upper, lower, under);
    } else if (upper.isFile() || upper.isSymbolicLink()) {
      this.file(path, upper, lower);
    } else {
      this.changes.push({ op: "special", path, what: kindOf(upper) });
    }
  }

  private directory(path: string, upper: Stats, lower: Stats | undefined, under: Under): void {
    if (lower?.isDirectory()) {
      this.marks(path, upper, lower);
      this.folder(path, under);
      return;
    }
    if (lower) this.remove(path);
    this.changes.push({ op: "mkdir", path, marks: this.marksOf(path, upper) });
    this.folder(path, "nothing");
  }

  private marks(path: string, upper: Stats, lower: Stats): void {
    const marks = this.marksOf(path, upper);
    if (!sameMarks(marks, lower)) this.changes.push({ op: "chmod", path, marks });
  }

  private file(path: string, upper: Stats, lower: Stats | undefined): void {
    this.unlock(path, 0o400);
    const marks = this.marksOf(path, upper);
    const kind = upper.isFile() ? "file" : "link";
    if (lower && this.same(path, upper, lower, marks)) {
      if (kind === "file" && upper.mtimeMs !== lower.mtimeMs) {
        this.changes.push({ op: "touch", path, mtime: upper.mtime });
      }
      return;
    }
    if (kind === "file" && (marks.mode & 0o6000) !== 0) {
      this.changes.push({ op: "special", path, what: SETUID });
      return;
    }
    if (lower?.isDirectory()) this.remove(path);
    const exists = lower !== undefined && !lower.isDirectory();
    this.changes.push({ op: "put", path, kind, marks, exists, size: upper.size });
  }

  private same(path: string, upper: Stats, lower: Stats, marks: Marks): boolean {
    const above = below(this.layer.upper, path);
    const under = below(this.layer.lower, path);
    if (upper.isSymbolicLink()) {
      return lower.isSymbolicLink() && readlinkSync(above, "buffer").equals(readlinkSync(under, "buffer"));
    }
    return lower.isFile() && sameMarks(marks, lower) && upper.size === lower.size && sameBytes(above, under);
  }

  /** Everything that lies below the layer at this path goes. */
  private remove(path: string): void {
    if (this.isTooLong(path)) return;
    if (!lstat(this.layer.lower, path)?.isDirectory()) {
      this.changes.push({ op: "delete", path });
      return;
    }
    for (const inner of this.entries(this.layer.lower, path)) this.remove(inner);
    this.changes.push({ op: "rmdir", path });
  }

  private isTooLong(path: string): boolean {
    return bytesOf(path).length > this.longest;
  }

  private unlock(path: string, bits: number): void {
    const stats = lstat(this.layer.upper, path);
    if (!stats || stats.isSymbolicLink() || (stats.mode & bits) === bits) return;
    this.modes.set(path, stats.mode & 0o7777);
    chmodSync(below(this.layer.upper, path), (stats.mode & 0o7777) | bits);
  }

  private marksOf(path: string, { mode, uid, gid }: Stats): Marks {
    return { mode: this.modes.get(path) ?? mode & 0o7777, uid, gid };
  }

  private entries(root: string, path: string): string[] {
    return readdirSync(below(root, path), { encoding: "buffer" })
      .map((name) => (path ? `${path}/${textOf(name)}` : textOf(name)))
      .filter((inner) => !this.layer.skip?.(inner))
      .sort();
  }
}

function sameMarks(marks: Marks, { mode, uid, gid }: Stats): boolean {
  return marks.mode === (mode & 0o7777) && marks.uid === uid && marks.gid === gid;
}

function lstat(root: string, path: string): Stats | undefined {
  return lstatSync(below(root, path), { throwIfNoEntry: false });
}

function kindOf(stats: Stats): string {
  if (stats.isFIFO()) return "fifo";
  return stats.isSocket() ? "socket" : "device";
}
