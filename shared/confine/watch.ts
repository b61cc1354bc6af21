import { existsSync, lstatSync, readdirSync, readFileSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { below, textOf } from "../tree/bytes.ts";
import { workPlacesIn } from "./places.ts";
import type { Policy } from "./policy.ts";

/** What one command may write, in bytes, and what must stay free where it writes. */
const MOST_WRITTEN = 16 * 1024 ** 3;
const LEAST_FREE = 256 * 1024 ** 2;
const EVERY = 2_000;
/** Bytes of a path that is looked into; the kernel takes none of 4,096. */
const LONGEST = 3_800;

/**
 * Ends the command that runs when it writes without end: a layer must not fill the disk.
 * @param most bytes that one command may write
 * @returns a function that stops looking
 */
export function watchLayer(policy: Policy, most = MOST_WRITTEN, every = EVERY): () => void {
  const { layer, busy } = workPlacesIn(policy.work);
  const before = freeBytes(policy.work);
  const look = () => {
    const free = freeBytes(policy.work);
    // What the file system says costs nothing; only where much is gone the layer is counted.
    const gone = before - free;
    const full = free < LEAST_FREE && gone > LEAST_FREE;
    if (!full && (gone < most || bytesIn(layer) < most)) return;
    const first = firstProcess(busy);
    if (first === undefined) return;
    writeFileSync(join(layer, FULL), "", { mode: 0o600 });
    process.kill(first, "SIGKILL");
  };
  const timer = setInterval(() => {
    try {
      look();
    } catch (error) {
      // The command has just ended, or its run is being removed; anything else is no reason to end the host.
      if (!["ESRCH", "ENOENT"].includes((error as NodeJS.ErrnoException).code ?? "")) clearInterval(timer);
    }
  }, every);
  timer.unref();
  return () => clearInterval(timer);
}

/** In a layer: its command was ended because it wrote too much. */
export const FULL = "full";

function freeBytes(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}

function bytesIn(folder: string): number {
  if (Buffer.byteLength(folder) > LONGEST) return Number.POSITIVE_INFINITY;
  let sum = 0;
  for (const name of namesIn(folder)) {
    const stats = lstatSync(below(folder, name), { throwIfNoEntry: false });
    if (stats?.isDirectory()) sum += bytesIn(`${folder}/${name}`);
    else if (stats?.isFile()) sum += stats.blocks * 512;
  }
  return sum;
}

/** The command writes while it is looked at: what is gone or closed does not count. What lies too deep to be counted counts as too much. */
function namesIn(folder: string): string[] {
  try {
    // Without file types: Bun has none for names that are bytes.
    return readdirSync(below(folder, ""), { encoding: "buffer" }).map(textOf);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    if (["ENOENT", "EACCES", "ENOTDIR"].includes(code)) return [];
    throw error;
  }
}

/** It is named in the layer while a command runs; with it everything else ends. */
function firstProcess(busy: string): number | undefined {
  if (!existsSync(busy)) return undefined;
  const text = readFileSync(busy, "utf8");
  const pid = Number(/"child-pid": (\d+)/.exec(text)?.[1] ?? text.split(" ")[0]);
  return pid > 1 ? pid : undefined;
}
