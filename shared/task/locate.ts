import { existsSync, realpathSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { HandrailError } from "../errors.ts";

/**
 * The top level of the working tree that holds a folder: the nearest parent with a `.git` (a folder, or the
 * file of a linked worktree). Starts no git.
 * @returns its real path
 * @throws HandrailError `not-a-repository` (also: inside `.git`)
 */
export function findRoot(directory: string): string {
  let at = realpathSync(directory);
  if (at.split(sep).includes(".git"))
    throw new HandrailError("not-a-repository", `${directory} lies inside a .git folder`, {
      fix: "run this in the working tree",
    });
  for (;;) {
    if (existsSync(join(at, ".git"))) return at;
    const parent = dirname(at);
    if (parent === at)
      throw new HandrailError("not-a-repository", `${directory} is not in a git repository`, {
        fix: "run this inside the project's repository (git init makes one)",
      });
    at = parent;
  }
}

/**
 * Finds a task file that was named on the command line: from the repository root first, then from the current folder.
 * @param root real path of the working tree's top level
 * @returns its path relative to the root, `/`-separated; absolute where it lies outside. Where there is no
 *   such file, the path it would have below the root
 * @throws HandrailError `ambiguous-path` when both exist and differ
 */
export function locateTask(named: string, root: string, cwd: string): string {
  const fromRoot = resolve(root, named);
  const fromHere = resolve(cwd, named);
  const relativeTo = (path: string) =>
    path.startsWith(`${root}${sep}`) ? relative(root, path).split(sep).join("/") : path;
  if (fromRoot === fromHere || !existsSync(fromHere)) return relativeTo(fromRoot);
  if (!existsSync(fromRoot)) return relativeTo(fromHere);
  if (realpathSync(fromRoot) === realpathSync(fromHere)) return relativeTo(fromRoot);
  throw new HandrailError("ambiguous-path", `${named} is both ${fromRoot} and ${fromHere}`, {
    fix: "give the absolute path of the one you mean",
  });
}
