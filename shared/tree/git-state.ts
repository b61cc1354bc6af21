import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync, type Stats, statSync } from "node:fs";
import { join } from "node:path";
import { statId } from "./objects.ts";
import type { Tree } from "./store.ts";

/**
 * What matters in the git directory but for the index, by name: `.git/HEAD`, `.git/refs/heads/main`,
 * `.git/config`, `.git/hooks/pre-commit`, ... with the value of a ref or a hash of a file. Left out are
 * objects, reflogs (but the stash's), what a mere look refreshes, and Handrail's own refs. In a linked
 * working tree the shared part is named `.git/common/...`.
 */
export type GitState = Record<string, string>;

/** Below a git directory: says nothing about the user's work, or is read in another way. */
const LEFT_OUT = new RegExp(
  [
    "^(objects/(?!info)|objects/info/(packs|commit-graph)|logs/(?!refs)|logs/refs/(?!stash)|lfs/|modules/|rr-cache/)",
    "^(index|packed-refs|info/refs|FETCH_HEAD|ORIG_HEAD|COMMIT_EDITMSG|gc\\.log|gc\\.pid)$",
    // OpenCode keeps its id of the project there.
    "^opencode$",
    "^(refs$|refs/|sharedindex\\.|fsmonitor--daemon)",
    "\\.lock$",
    // Indexes and logs of other working trees are theirs.
    "^worktrees/[^/]+/(?!HEAD$|gitdir$|commondir$|locked$|config\\.worktree$)",
  ].join("|"),
);
const READ_WHOLE = 4 * 1024 * 1024;

export function gitState(tree: Tree): GitState {
  const state: GitState = {};
  collect(tree.gitDir, ".git/", state);
  if (tree.gitDir !== tree.commonDir) {
    const own = tree.gitDir.slice(tree.commonDir.length + 1);
    collect(tree.commonDir, ".git/common/", state, own);
  }
  for (const [name, value] of packedRefs(join(tree.commonDir, "packed-refs"))) state[`.git/${name}`] = value;
  for (const dir of new Set([tree.commonDir, tree.gitDir])) looseRefs(dir, "refs", state);
  for (const name of Object.keys(state)) if (name.startsWith(".git/refs/handrail/")) delete state[name];
  return state;
}

/** Names whose values differ, sorted, with both values; undefined where there is none. */
export function gitStateChanges(
  before: GitState,
  after: GitState,
): { name: string; before?: string | undefined; after?: string | undefined }[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((name) => before[name] !== after[name])
    .sort()
    .map((name) => ({ name, before: before[name], after: after[name] }));
}

function collect(gitDir: string, prefix: string, state: GitState, leaveOut?: string): void {
  const walk = (path: string) => {
    for (const name of names(join(gitDir, path))) {
      const inner = path ? `${path}/${name}` : name;
      if (LEFT_OUT.test(inner) || inner === leaveOut) continue;
      const stat = lstatSync(join(gitDir, inner), { throwIfNoEntry: false });
      if (stat?.isDirectory()) walk(inner);
      else if (stat) state[`${prefix}${inner}`] = fingerprint(join(gitDir, inner), stat);
    }
  };
  walk("");
}

function fingerprint(file: string, stat: Stats): string {
  if (stat.isSymbolicLink()) return `link ${readlinkSync(file)}`;
  if (!stat.isFile() || stat.size > READ_WHOLE) return statId(stat);
  const mode = stat.mode & 0o111 ? "x" : "-";
  return `${mode} ${createHash("sha256")
    .update(read(file) ?? "")
    .digest("hex")}`;
}

/** Source: gitrepository-layout(5); `#` starts the header, `^` the object an annotated tag stands for. */
function packedRefs(file: string): [string, string][] {
  return (read(file)?.toString("utf8") ?? "").split("\n").flatMap((line): [string, string][] => {
    const [id, name] = line.split(" ");
    return id && name && !/^[#^]/.test(line) ? [[name, id]] : [];
  });
}

function looseRefs(gitDir: string, path: string, state: GitState): void {
  for (const name of names(join(gitDir, path))) {
    const inner = `${path}/${name}`;
    const stat = lstatSync(join(gitDir, inner), { throwIfNoEntry: false });
    if (stat?.isDirectory()) looseRefs(gitDir, inner, state);
    else if (stat && !name.endsWith(".lock")) {
      state[`.git/${inner}`] = read(join(gitDir, inner))?.toString("utf8").trim() ?? statId(stat);
    }
  }
}

function names(folder: string): string[] {
  return orMissing(() => readdirSync(folder)) ?? [];
}

/** @returns undefined for what is missing, no file (a fifo would hold us for ever) or too large for a ref file */
function read(file: string): Buffer | undefined {
  return orMissing(() => {
    const stat = statSync(file);
    return stat.isFile() && stat.size <= READ_WHOLE * 16 ? readFileSync(file) : undefined;
  });
}

/** git replaces its files by rename, and removes refs it has packed, at any time. */
function orMissing<T>(look: () => T | undefined): T | undefined {
  try {
    return look();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}
