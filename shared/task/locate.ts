import { existsSync, realpathSync } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { HandrailError } from "../errors.ts";

/**
 * The top level of the working tree that holds a folder: the nearest parent with a `.git` (a folder, or the
 * file of a linked worktree). Starts no git.
 * @returns its real path
 * @throws HandrailError `not-a-repository`
 */
export function findRoot(directory: string): string {
  let at = realpathSync(directory);
  for (;;) {
    if (existsSync(join(at, ".git"))) return at;
    const parent = dirname(at);
    if (parent === at)
      throw new HandrailError("not-a-repository", `${directory} is in no git repository`, {
        fix: "run handrail inside the project's repository (git init makes one)",
      });
    at = parent;
  }
}

/**
 * Finds a file that was named on the command line: from the repository root first, then from the current folder.
 * @returns an absolute path; where there is no such file, the one below the root
 * @throws HandrailError `ambiguous-path` when both exist and differ
 */
export function locate(named: string, place: { root: string; cwd: string }): string {
  if (isAbsolute(named)) return named;
  const fromRoot = resolve(place.root, named);
  const fromHere = resolve(place.cwd, named);
  if (!existsSync(fromHere)) return fromRoot;
  if (!existsSync(fromRoot)) return fromHere;
  if (realpathSync(fromRoot) === realpathSync(fromHere)) return fromRoot;
  throw new HandrailError("ambiguous-path", `${named} is both ${fromRoot} and ${fromHere}`, {
    fix: "give the absolute path of the one you mean",
  });
}
