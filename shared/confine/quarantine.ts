import { appendFileSync, cpSync, lstatSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { privateDir } from "../state/files.ts";
import { below, textOf } from "../tree/bytes.ts";
import { moved } from "./place.ts";

export interface QuarantineLimits {
  /** Bytes for one command, and for all of a run. */
  commandBytes: number;
  runBytes: number;
  /** Files of one command. */
  files: number;
}

/**
 * Keeps what a command wrote and was not applied: moved out of the layer, each file under its own path.
 * Above the limits only names and sizes are kept, in `not-kept.jsonl`.
 */
export class Quarantine {
  /** `quarantine/<command>/`. */
  readonly dir: string;
  private readonly limits: QuarantineLimits;
  private bytes = 0;
  private files = 0;
  private readonly used: number;

  constructor(parent: string, command: string, limits: QuarantineLimits) {
    this.dir = join(parent, command);
    this.limits = limits;
    this.used = sizeOf(parent);
  }

  /**
   * Moves a file, link or folder in.
   * @param from the folder that `path` is relative to
   * @param as where it is kept, relative to this command's folder
   * @returns the absolute path it is kept at, or undefined when the limits are reached
   */
  keep(from: string, path: string, as = path): string | undefined {
    const source = below(from, path);
    const size = sizeOf(source);
    if (!this.fits(size)) {
      privateDir(this.dir);
      const line = JSON.stringify({ path: as, bytes: size });
      appendFileSync(join(this.dir, "not-kept.jsonl"), `${line}\n`, { mode: 0o600 });
      return undefined;
    }
    this.bytes += size;
    this.files += 1;
    const target = below(this.dir, as);
    privateDir(this.dir);
    mkdirSync(below(this.dir, dirname(as)), { recursive: true, mode: 0o700 });
    rmSync(target, { recursive: true, force: true });
    if (!moved(source, target))
      cpSync(source.toString(), target.toString(), { recursive: true, verbatimSymlinks: true });
    return target.toString();
  }

  private fits(size: number): boolean {
    return (
      this.files < this.limits.files &&
      this.bytes + size <= this.limits.commandBytes &&
      this.used + this.bytes + size <= this.limits.runBytes
    );
  }
}

function sizeOf(path: string | Buffer): number {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (!stats) return 0;
  if (!stats.isDirectory()) return stats.isFile() ? stats.blocks * 512 : 0;
  const names = readdirSync(path, { encoding: "buffer" }).map(textOf);
  return names.reduce((sum, name) => sum + sizeOf(below(path.toString(), name)), 0);
}
