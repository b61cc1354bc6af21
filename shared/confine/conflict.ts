import { type BigIntStats, lstatSync } from "node:fs";
import { posix } from "node:path";
import { below } from "../tree/bytes.ts";
import { sameBytes } from "./compare.ts";
import type { LayerChange } from "./layer.ts";
import { wasCopiedUp } from "./xattr.ts";

export interface ConflictInput {
  root: string;
  upper: string;
  tar: string;
  /** What was copied into the layer before the command: all that lay in some folders. */
  lifted: ReadonlySet<string>;
  /** When the command began, or the copying, in nanoseconds of the file system's clock. */
  since: bigint;
}

export interface Conflicts {
  found: ReadonlySet<LayerChange>;
  /** Whether the place of a change is no longer what it was when conflicts were looked for. */
  isLate(change: LayerChange): boolean;
}

/**
 * Finds changes of a layer whose place in the tree somebody else changed while the command ran: by the
 * file's time of change, which nobody but root can set. Asked before the first change is applied; what
 * changes while they are applied is late.
 */
export function findConflicts(changes: readonly LayerChange[], input: ConflictInput): Conflicts {
  const finder = new Finder(input);
  const found = new Set(changes.filter((change) => finder.inConflict(change)));
  return { found, isLate: (change) => finder.isLate(change) };
}

class Finder {
  private readonly input: ConflictInput;
  /** Folders by whether the way to them is what the command saw. */
  private readonly ways = new Map<string, boolean>();
  private readonly movedHere = new Map<string, boolean>();
  private readonly linked = new Map<string, boolean>();
  private readonly lost = new Set<string>();
  /** What lay at the place of a change; a folder makes way step by step. */
  private readonly seen = new Map<LayerChange, string>();

  constructor(input: ConflictInput) {
    this.input = input;
  }

  inConflict(change: LayerChange): boolean {
    const conflict = !this.isPlainWay(posix.dirname(change.path)) || this.isMoved(change);
    if (change.op === "mkdir") {
      if (conflict) this.lost.add(change.path);
      else this.ways.set(change.path, true);
    }
    return conflict;
  }

  isLate(change: LayerChange): boolean {
    const seen = this.seen.get(change);
    return seen !== undefined && seen !== signature(this.stat(change.path));
  }

  private isMoved(change: LayerChange): boolean {
    const now = this.stat(change.path);
    if (change.op === "chmod") return false;
    if (change.op === "rmdir") return this.wasMovedHere(change.path);
    if (change.op === "delete" && this.wasMovedHere(posix.dirname(change.path))) return true;
    if (change.op === "touch") return (now?.ctimeNs ?? 0n) > this.input.since;
    if (change.op !== "mkdir" && !now?.isDirectory()) this.seen.set(change, signature(now));
    if (!now) return change.op !== "delete" && this.wasDeleted(change.path);
    if (now.isDirectory() && change.op === "mkdir") return false;
    if (now.ctimeNs <= this.input.since || now.isDirectory()) return false;
    return !(change.op === "put" && this.isDone(change, now));
  }

  /**
   * Whether a folder came from elsewhere, or lies in one that did, while the command ran: its files are as old as
   * ever, but its own time of change is not, and nothing in it was made or removed, as by an earlier try.
   */
  private wasMovedHere(folder: string): boolean {
    if (folder === "." || folder === "") return false;
    const known = this.movedHere.get(folder);
    if (known !== undefined) return known;
    const stats = this.stat(folder);
    const { since } = this.input;
    const itself = stats !== undefined && stats.ctimeNs > since && stats.mtimeNs <= since;
    const moved = itself || this.wasMovedHere(posix.dirname(folder));
    this.movedHere.set(folder, moved);
    return moved;
  }

  /** Gone from below the layer, rather than new in it: the layer has a copy of it. */
  private wasDeleted(path: string): boolean {
    const parent = this.nearest(path);
    if (parent.ctimeNs <= this.input.since) return false;
    if (this.input.lifted.has(path)) return true;
    return wasCopiedUp(this.input.tar, this.input.upper, path);
  }

  /** An earlier try has applied it. */
  private isDone(change: LayerChange & { op: "put" }, now: BigIntStats): boolean {
    const { root, upper } = this.input;
    if (!now.isFile() || change.kind !== "file" || Number(now.size) !== change.size) return false;
    return sameBytes(below(upper, change.path), below(root, change.path));
  }

  private isPlainWay(folder: string): boolean {
    if (folder === "." || folder === "") return true;
    const known = this.ways.get(folder);
    if (known !== undefined) return known;
    const stats = this.stat(folder);
    const plain =
      !this.lost.has(folder) && (!stats || stats.isDirectory()) && this.isPlainWay(posix.dirname(folder));
    this.ways.set(folder, plain);
    return plain;
  }

  private nearest(path: string): BigIntStats {
    const folder = posix.dirname(path);
    const stats = this.stat(folder === "." ? "" : folder);
    return stats ?? this.nearest(folder);
  }

  /** What lies behind a link does not lie here: the layer has a folder in its place. */
  private isLinked(folder: string): boolean {
    if (folder === "." || folder === "") return false;
    const known = this.linked.get(folder);
    if (known !== undefined) return known;
    const linked = this.isLinked(posix.dirname(folder)) || this.stat(folder)?.isSymbolicLink() === true;
    this.linked.set(folder, linked);
    return linked;
  }

  private stat(path: string): BigIntStats | undefined {
    if (this.isLinked(posix.dirname(path))) return undefined;
    try {
      return lstatSync(below(this.input.root, path), { bigint: true });
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === "ENOENT" || code === "ENOTDIR") return undefined;
      throw error;
    }
  }
}

/** Not the time of change: it moves with a file's other names, which the same layer may remove. */
function signature(stats: BigIntStats | undefined): string {
  return stats ? [stats.ino, stats.mode, stats.size, stats.mtimeNs].join(" ") : "";
}
