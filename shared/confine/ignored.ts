import picomatch from "picomatch";
import { controlDepth } from "../scope/control.ts";
import { joinNul, splitNul } from "../tree/bytes.ts";
import type { Git } from "../tree/git.ts";
import { ignoredAtStore } from "../tree/ignore.ts";
import type { Store } from "../tree/store.ts";
import type { IgnoredPaths } from "./judge.ts";

/**
 * Asks git which of these paths it ignores, and which of them are scratch: ignored, below a folder (or a
 * file) that the scratch patterns name, and not tracked.
 * @param frozen the snapshot with the rules that count; without one, the rules as they are
 * @param patterns of the configuration: `dir/` at any depth, or file patterns
 * @param paths relative to the root; a folder ends with `/`
 */
export async function findIgnored(
  git: Git,
  frozen: Store | undefined,
  patterns: readonly string[],
  paths: readonly string[],
): Promise<IgnoredPaths> {
  const scratchRoot = scratchRoots(patterns);
  const mine = paths.filter((path) => !`/${path}`.startsWith("/.git/"));
  const roots = new Map(mine.flatMap((path) => pair(path, scratchRoot(path))));
  const rootNames = [...new Set(roots.values())];
  const asked = [...rootNames, ...mine.filter((path) => !roots.has(path))];
  const ignored = await (frozen ? ignoredThen(git, frozen, asked) : checkIgnore(git, asked));
  const found = rootNames.filter((root) => ignored.has(root));
  const tracked = await listTracked(git, found);
  const root = (path: string) => {
    const name = roots.get(path);
    return name !== undefined && ignored.has(name) ? name : undefined;
  };
  return {
    scratch: (path) => (tracked.has(path) ? undefined : root(path)),
    ignored: (path) => (root(path) !== undefined && !tracked.has(path)) || ignored.has(path),
  };
}

function pair(path: string, root: string | undefined): [string, string][] {
  return root === undefined ? [] : [[path, root]];
}

/** @returns for a path the outermost folder (with a slash) or file on its way that is scratch by name */
function scratchRoots(patterns: readonly string[]): (path: string) => string | undefined {
  const options = { dot: true };
  const folders = patterns.filter((one) => one.endsWith("/")).map((one) => one.slice(0, -1));
  const files = patterns.filter((one) => !one.endsWith("/"));
  const matcher = (list: readonly string[]) =>
    list.length === 0 ? () => false : picomatch(list.map(anyDepth), options);
  const isFolder = remembering(matcher(folders));
  const isFile = matcher(files);
  return (path) => {
    const steps = path.split("/");
    for (let count = 1; count < steps.length; count++) {
      const folder = steps.slice(0, count).join("/");
      const step = steps[count - 1] ?? "";
      // What lies in `.opencode/node_modules` is loaded into the next OpenCode.
      if (step === ".git" || controlDepth(step, true) > 0) return undefined;
      if (isFolder(folder)) return `${folder}/`;
    }
    return isFile(path) ? path : undefined;
  };
}

/** Paths of one layer share most of their folders. */
function remembering(ask: (folder: string) => boolean): (folder: string) => boolean {
  const known = new Map<string, boolean>();
  return (folder) => {
    const answer = known.get(folder) ?? ask(folder);
    known.set(folder, answer);
    return answer;
  };
}

function anyDepth(pattern: string): string {
  return pattern.includes("/") ? pattern.replace(/^\//, "") : `**/${pattern}`;
}

async function checkIgnore(git: Git, paths: readonly string[]): Promise<Set<string>> {
  if (paths.length === 0) return new Set();
  // `./` keeps a name that starts with `:` from being read as pathspec magic.
  const input = joinNul(paths.map((path) => `./${path}`));
  // 128: a path lies in a submodule; nothing there is taken for ignored.
  const { stdout } = await git(["check-ignore", "-z", "--stdin"], { input, okCodes: [0, 1, 128] });
  return new Set(splitNul(stdout).map((path) => path.slice(2)));
}

/** By the rules of then; what git tracks now is not ignored, whatever they say. */
async function ignoredThen(git: Git, frozen: Store, paths: readonly string[]): Promise<Set<string>> {
  const found = await ignoredAtStore(frozen, paths);
  if (found.size === 0) return found;
  const { stdout } = await git(["ls-files", "-z"]);
  for (const path of splitNul(stdout)) found.delete(path);
  return found;
}

async function listTracked(git: Git, folders: readonly string[]): Promise<Set<string>> {
  if (folders.length === 0) return new Set();
  const { stdout } = await git(["ls-files", "-z", "--", ...folders.map((one) => `:(top,literal)${one}`)]);
  return new Set(splitNul(stdout));
}
