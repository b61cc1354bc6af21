import { lstatSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { splitNul } from "../tree/bytes.ts";
import type { Git } from "../tree/git.ts";
import type { LayerChange } from "./layer.ts";

/** What a layer changes in a git directory that matters, by name: `.git/HEAD`, `.git/index:src/a.ts`, ... */
export interface GitChange {
  name: string;
  kind: "ref" | "stage" | "other";
}

/** Says nothing about the repository's state, or follows from what is named anyway. */
const MEANS_NOTHING = new RegExp(
  [
    "^objects(/(?!info/alternates|info/grafts)|$)",
    "^logs(/|$)",
    "^refs$",
    "^(index|FETCH_HEAD|ORIG_HEAD|COMMIT_EDITMSG|MERGE_RR|gc\\.log|gc\\.pid)$",
    "^(lfs|rr-cache)(/|$)",
    "^info/refs$",
    "^(sharedindex\\.|fsmonitor--daemon|next-index-)",
    "\\.lock$",
    "(^|/)tmp_[^/]*$",
  ].join("|"),
);
const MOST_STAGED = 200;

export interface GitLayer {
  /** The folder as it is, and its upper layer. */
  lower: string;
  upper: string;
  /** Prefix of this working tree's own files: "" or `worktrees/<name>/`. */
  own: string;
  changes: readonly LayerChange[];
  /** Runs git on the repository with the given index file. */
  git: (indexFile: string) => Git;
}

/** Compares a git directory with what a layer makes of it, by meaning. */
export async function gitChanges(layer: GitLayer): Promise<GitChange[]> {
  const marks = ["chmod", "touch"];
  const paths = layer.changes.filter((change) => !marks.includes(change.op)).map((change) => change.path);
  const refs = changedRefs(layer, paths);
  const others = layer.changes
    .filter((change) => !isFolderChange(change) && !marks.includes(change.op))
    .map((change) => change.path)
    .filter((path) => !isRefFile(path) && !MEANS_NOTHING.test(withoutOwn(path, layer.own)));
  const staged = paths.includes(`${layer.own}index`) ? await stagedPaths(layer) : [];
  return [
    ...refs.map((name): GitChange => ({ name: `.git/${name}`, kind: "ref" })),
    ...staged.map((path): GitChange => ({ name: `.git/index:${path}`, kind: "stage" })),
    ...others.map((path): GitChange => ({ name: `.git/${path}`, kind: "other" })),
  ];
}

function withoutOwn(path: string, own: string): string {
  return own !== "" && path.startsWith(own) ? path.slice(own.length) : path;
}

function isRefFile(path: string): boolean {
  return path === "packed-refs" || /^refs\/.*(?<!\.lock)$/.test(path);
}

/** Refs whose value differs: packing them or deleting a packed one's file changes none. */
function changedRefs(layer: GitLayer, paths: readonly string[]): string[] {
  const loose = paths.filter((path) => isRefFile(path) && path !== "packed-refs");
  const before = packedRefs(join(layer.lower, "packed-refs"));
  const after = paths.includes("packed-refs") ? packedRefs(join(layer.upper, "packed-refs")) : before;
  const gone = new Set(layer.changes.filter((one) => one.op === "delete").map((one) => one.path));
  const names = new Set([...loose, ...(after === before ? [] : [...before.keys(), ...after.keys()])]);
  return [...names].filter((name) => {
    if (layer.changes.some((change) => change.path === name && isFolderChange(change))) return false;
    const old = read(join(layer.lower, name)) ?? before.get(name);
    const touched = loose.includes(name);
    const loosely = touched
      ? gone.has(name)
        ? undefined
        : read(join(layer.upper, name))
      : read(join(layer.lower, name));
    return old !== (loosely ?? after.get(name));
  });
}

function isFolderChange(change: LayerChange): boolean {
  return change.op === "mkdir" || change.op === "rmdir";
}

/** Source: gitrepository-layout(5); `#` starts the header, `^` the object an annotated tag stands for. */
function packedRefs(file: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const line of (read(file) ?? "").split("\n")) {
    const [id, name] = line.split(" ");
    if (id && name && !/^[#^]/.test(line)) found.set(name, id);
  }
  return found;
}

function read(file: string): string | undefined {
  return isFile(file) ? readFileSync(file, "utf8").trim() : undefined;
}

/** Paths whose index entries differ in more than what `git status` refreshes. */
async function stagedPaths(layer: GitLayer): Promise<string[]> {
  const list = async (folder: string) => {
    const file = join(folder, `${layer.own}index`);
    if (!isFile(file)) return new Set<string>();
    // 128: no index at all. Then every entry is gone.
    const { stdout } = await layer.git(file)(["ls-files", "--stage", "-v", "-z"], { okCodes: [0, 128] });
    return new Set(splitNul(stdout));
  };
  const [before, after] = await Promise.all([list(layer.lower), list(layer.upper)]);
  const differing = [...before, ...after].filter((line) => !(before.has(line) && after.has(line)));
  const paths = new Set(differing.map((line) => line.slice(line.indexOf("\t") + 1)));
  return [...paths].slice(0, MOST_STAGED);
}

/** What a layer deletes is a device there. */
function isFile(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
