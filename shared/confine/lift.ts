import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import * as z from "zod/mini";
import { parseJson } from "../state/files.ts";
import { matcherOf } from "./git-layer.ts";
import { workPlacesIn } from "./places.ts";
import type { Policy } from "./policy.ts";
import { isBelow } from "./tools.ts";
import { markOpaque } from "./xattr.ts";

/** What may be copied before a command: more than that is not renamed (EXDEV). */
const MOST_ENTRIES = 2_000;
const MOST_BYTES = 32 * 1024 * 1024;
/** Words of a command that are looked at. */
const MOST_WORDS = 500;
/** A name in a folder that says nothing by itself: where it may go, all of the folder may. */
const ANY = "handrail";

/** sh: commands that may rename a folder, by their words; `mv` itself copies where it cannot. Any other starts nothing. */
export const MAY_RENAME = "*git*mv* | *rename* | *Rename* | *[!e]move*";

const liftedSchema = z.array(z.string());

/** What was lifted into a layer, and since when. */
export interface Lifted {
  /** All that lay in them then, relative to the root. */
  entries: ReadonlySet<string>;
  /** When the copying began, in nanoseconds of the file system's clock. */
  since: bigint;
}

/**
 * Overlayfs renames no folder that lies below its upper layer (EXDEV), but one that lies in it alone. Copies the
 * small folders in scope that a command names into its fresh layer, as opaque ones. An unchanged copy means
 * nothing when the layer is read; where nothing can be lifted, the command finds what it would have found.
 * Source: Linux, Documentation/filesystems/overlayfs.rst, "renaming directories".
 * @param cwd the command's folder
 * @param command the arguments of the user's shell
 */
export function liftFolders(policy: Policy, cwd: string, command: string): void {
  const { root, tools } = policy;
  const work = workPlacesIn(policy.work);
  const room = { entries: MOST_ENTRIES, bytes: MOST_BYTES };
  const entries: string[] = [];
  const folders = named(policy, cwd, command).filter((path) => {
    const found = taken(join(root, path), room);
    entries.push(...(found ?? []));
    return found !== undefined;
  });
  if (folders.length === 0) return;
  const relatives = entries.map((path) => relative(root, path));
  writeFileSync(work.lifted, JSON.stringify(relatives), { mode: 0o600 });
  const draft = join(work.layer, "lift");
  try {
    for (const path of folders) {
      const parent = join(draft, dirname(path));
      mkdirSync(parent, { recursive: true, mode: 0o700 });
      const done = spawnSync(tools.cp, ["--archive", "--", join(root, path), `${parent}/`], {
        stdio: "ignore",
      });
      if (done.status !== 0) return;
    }
    markOpaque(tools.tar, draft, folders);
    for (const path of parentsOf(folders)) markLike(join(draft, path), statSync(join(root, path)));
    for (const name of readdirSync(draft)) renameSync(join(draft, name), join(work.top, "upper", name));
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** @param taken the folder of a layer @returns undefined where nothing was lifted */
export function readLifted(taken: string): Lifted | undefined {
  const file = join(taken, "lifted");
  const stats = statSync(file, { bigint: true, throwIfNoEntry: false });
  if (!stats) return undefined;
  // It is written before the first copy; cut off within it, nothing has been lifted.
  const parsed = parseJson(readFileSync(file, "utf8"), liftedSchema);
  return { entries: new Set(parsed.ok ? parsed.value : []), since: stats.mtimeNs };
}

/** The outermost folders in scope that a command names, relative to the root. */
function named(policy: Policy, cwd: string, command: string): string[] {
  const { root } = policy;
  const matcher = matcherOf(policy);
  const quoted = [/"([^"]+)"/g, /'([^']+)'/g].flatMap((quotes) =>
    [...command.matchAll(quotes)].map(([, inner = ""]) => inner),
  );
  const words = [...new Set([...quoted, ...command.split(/[\s"'`()[\]{};|&<>=,\\]+/)])]
    .filter((word) => word !== "")
    .slice(0, MOST_WORDS);
  const here = words.map((word) => resolve(cwd, word)).filter((path) => isPlainFolder(path, root));
  // After a `cd`.
  const there = here.flatMap((folder) => words.map((word) => resolve(folder, word)));
  const found = [...new Set([...here, ...there])]
    .filter((path) => path !== root && isPlainFolder(path, root))
    .map((path) => relative(root, path))
    .filter((path) => matcher.classify(`${path}/${ANY}`, "delete").decision === "allow");
  return found.filter((path) => !found.some((other) => other !== path && isBelow(path, other)));
}

/** A folder of the repository that is reached without a link. */
function isPlainFolder(path: string, root: string): boolean {
  if (!isBelow(path, root)) return false;
  try {
    return lstatSync(path).isDirectory() && realpathSync(path) === path;
  } catch {
    return false; // not there, or no path at all
  }
}

/**
 * Takes the room that a folder needs.
 * @returns all that it holds; undefined unless that is files, links and folders of this user alone, and there is room
 */
function taken(folder: string, room: { entries: number; bytes: number }): string[] | undefined {
  const left = { ...room };
  const found: string[] = [];
  const fits = (path: string): boolean => {
    const stats = lstatSync(path);
    left.entries -= 1;
    found.push(path);
    left.bytes -= stats.isFile() ? stats.size : 0;
    if (left.entries < 0 || left.bytes < 0 || !isOurs(stats)) return false;
    if (!stats.isDirectory()) return stats.isFile() || stats.isSymbolicLink();
    return readdirSync(path).every((name) => name !== ".git" && fits(join(path, name)));
  };
  try {
    if (!fits(folder)) return undefined;
  } catch {
    return undefined; // closed to us, or just gone
  }
  Object.assign(room, left);
  return found;
}

/** Whether a copy can have the same owner. */
function isOurs({ uid, gid }: Stats): boolean {
  if (process.geteuid?.() === 0) return true;
  return (
    uid === process.geteuid?.() &&
    (gid === process.getegid?.() || process.getgroups?.().includes(gid) === true)
  );
}

/** The folders around others, the innermost first. */
function parentsOf(folders: readonly string[]): string[] {
  const found = new Set<string>();
  for (const folder of folders) {
    for (let path = dirname(folder); path !== "."; path = dirname(path)) found.add(path);
  }
  return [...found].sort((a, b) => b.length - a.length);
}

function markLike(path: string, { mode, uid, gid }: Stats): void {
  if (process.geteuid?.() === 0) chownSync(path, uid, gid);
  chmodSync(path, mode & 0o7777);
}
