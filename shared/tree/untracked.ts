import { readdirSync } from "node:fs";
import { join } from "node:path";
import { below, textOf } from "./bytes.ts";
import { ignoredAtStore, keepIgnoreFile } from "./ignore.ts";
import { isOwn, lstatOf } from "./objects.ts";
import { type Allowed, allowedBy, scratchMatcher } from "./patterns.ts";
import { gitDirOf } from "./repository.ts";
import type { Store } from "./store.ts";

/** Which files that the index does not hold count. */
export interface Selection {
  /** Where git ignores them as well: never. A pattern without a slash counts at every depth. */
  scratch: string[];
  /** Of the other ignored ones: all, or those that a pattern of `allow` matches. */
  ignored: "all" | "allowed";
  allow: string[];
}

/** Paths relative to the root; folders end with `/`. */
export interface Untracked {
  files: string[];
  scratch: string[];
  /** Folders with a `.git` of their own. */
  nested: string[];
  unreadable: string[];
}

/** What the taking of the store has found, for a later look at the same tree. */
export interface Earlier {
  scratch: ReadonlySet<string>;
  nested: ReadonlySet<string>;
}

/**
 * Goes into the folders that git listed as wholly untracked, and sorts what is there. While the store is
 * made (no `earlier`), ignore files met on the way become part of its rules. Later, a repository that was
 * not there before is entered: its `.git` must not hide what it holds.
 * @param listed as `git ls-files --others --directory` prints it
 */
export async function sortUntracked(
  store: Store,
  listed: readonly string[],
  selection: Selection,
  earlier?: Earlier,
): Promise<Untracked> {
  const isScratch = scratchMatcher(selection.scratch);
  const allow = allowedBy(selection.allow, store.root);
  const found: Untracked = { files: [], scratch: [], nested: [], unreadable: [] };
  for (let level = [...listed]; level.length > 0; ) {
    if (!earlier) for (const path of level) keepIgnoreFile(store, path);
    const asked = level.filter(
      (path) => !earlier?.scratch.has(path) && (selection.ignored === "allowed" || isScratch(path)),
    );
    const ignored = await ignoredAtStore(store, asked);
    const next: string[] = [];
    for (const path of level) {
      const known = earlier?.scratch.has(path);
      const kind = known
        ? "scratch"
        : ignored.has(path)
          ? sortIgnored(path, selection, isScratch, allow)
          : "counts";
      if (kind === "scratch") found.scratch.push(path);
      else if (kind === "counts" && path.endsWith("/")) next.push(...enter(store, path, found, earlier));
      else if (kind === "counts") found.files.push(path);
    }
    level = next;
  }
  return found;
}

/** What a folder holds that is to be sorted next. */
function enter(store: Store, folder: string, found: Untracked, earlier: Earlier | undefined): string[] {
  const isKnown = earlier?.nested.has(folder);
  const isRepository = earlier
    ? lstatOf(store.root, `${folder}.git`)
    : gitDirOf(join(store.root, folder)) !== undefined;
  if (isKnown || isRepository) found.nested.push(folder);
  if (isKnown || (isRepository && !earlier)) return [];
  const inside = children(store.root, folder);
  if (!inside && isOwn(store.root, folder)) found.unreadable.push(folder);
  return (inside ?? []).filter((path) => !/^(.*\/)?\.git\/?$/.test(path));
}

function sortIgnored(
  path: string,
  selection: Selection,
  isScratch: (path: string) => boolean,
  allow: Allowed,
): "counts" | "scratch" | "out" {
  if (isScratch(path) && !isNamed(path, isScratch, allow)) return "scratch";
  if (selection.ignored === "all" || allow.matches(path)) return "counts";
  return path.endsWith("/") && allow.reaches(path) ? "counts" : "out";
}

/**
 * Whether the task names a path in scratch outright. A wide pattern such as `packages/**` does not open
 * every `node_modules/` below: what lands there is counted as scratch.
 */
function isNamed(path: string, isScratch: (path: string) => boolean, allow: Allowed): boolean {
  const folder = path.endsWith("/") ? path : `${path}/`;
  return allow.bases.some((base) => base.startsWith(folder) || (folder.startsWith(base) && isScratch(base)));
}

/** @returns undefined for a folder that may not be read */
function children(root: string, folder: string): string[] | undefined {
  try {
    const plain = readdirSync(below(root, folder), { withFileTypes: true });
    if (plain.every((child) => !child.name.includes("\uFFFD"))) {
      return plain.map((child) => `${folder}${child.name}${child.isDirectory() ? "/" : ""}`);
    }
    return readdirSync(below(root, folder), { encoding: "buffer" }).map((name) => {
      const path = `${folder}${textOf(name)}`;
      return lstatOf(root, path)?.isDirectory() ? `${path}/` : path;
    });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") return []; // gone in between
    if (code === "EACCES" || code === "EPERM") return undefined;
    throw error;
  }
}
