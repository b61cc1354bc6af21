import { copyFileSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { below, joinNul, splitNul } from "./bytes.ts";
import { auditGit } from "./git.ts";
import { lstatOf } from "./objects.ts";
import type { Settings } from "./settings.ts";
import type { Store, Tree } from "./store.ts";

/**
 * The ignore rules outside the working tree, weakest first: the user's, then the repository's
 * `info/exclude`. Source: gitignore(5).
 */
export function outerExcludes(tree: Tree, { excludesFile }: Settings): string {
  const home = process.env.XDG_CONFIG_HOME || join(process.env.HOME || homedir(), ".config");
  const files = [excludesFile ?? join(home, "git", "ignore"), join(tree.commonDir, "info", "exclude")];
  // A configuration can name anything: a fifo would hold us for ever.
  const isFile = (file: string) => statSync(file, { throwIfNoEntry: false })?.isFile();
  return files.map((file) => (isFile(file) ? readFileSync(file, "utf8") : "")).join("\n");
}

/** Keeps the ignore file at `path`, if that is what it is, as part of the rules of the store. */
export function keepIgnoreFile(store: Store, path: string): void {
  if (path !== ".gitignore" && !path.endsWith("/.gitignore")) return;
  // git does not follow a symlink here either (gitignore(5)).
  if (!lstatOf(store.root, path)?.isFile()) return;
  mkdirSync(below(store.ignoreDir, path.slice(0, path.lastIndexOf("/") + 1)), { recursive: true });
  copyFileSync(below(store.root, path), below(store.ignoreDir, path));
}

/**
 * Which of these paths git ignored when the store was made: the rules were copied then, so that a rule
 * the executor writes hides nothing.
 * @param paths relative to the root; a directory ends with `/`
 */
export async function ignoredAtStore(store: Store, paths: readonly string[]): Promise<Set<string>> {
  if (paths.length === 0) return new Set();
  const git = auditGit({ directory: store.root, gitDir: store.gitDir, workTree: store.ignoreDir });
  // `./` keeps a name that starts with `:` from being read as pathspec magic.
  const input = joinNul(paths.map((path) => `./${path}`));
  const found = await git(["check-ignore", "--no-index", "-z", "--stdin"], { input, okCodes: [0, 1] });
  return new Set(splitNul(found.stdout).map((path) => path.slice(2)));
}
