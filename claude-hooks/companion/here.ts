import { existsSync, realpathSync, statSync } from "node:fs";
import { dirname, sep } from "node:path";
import { HandrailError } from "../../shared/errors.ts";
import { stateDir } from "../../shared/state/place.ts";
import { openRepository, type Repository } from "../../shared/tree/repository.ts";

/**
 * The working tree a verb works on, with a state folder that can be used: asked before anything is written,
 * so that nothing is left half done.
 * @param cwd a folder anywhere in the working tree
 * @throws HandrailError `bad-usage` for a state folder in the working tree, `not-writable` for one that is no
 *   folder, and what opening the repository throws
 */
export async function openHere(cwd: string = process.cwd()): Promise<Repository> {
  const repo = await openRepository(cwd);
  const folder = stateDir();
  const existing = nearest(folder);
  if (!statSync(existing).isDirectory()) {
    throw new HandrailError(
      "not-writable",
      `the state folder ${folder} cannot be made: ${existing} is a file`,
      { fix: "set HANDRAIL_STATE_DIR to a folder" },
    );
  }
  if (liesIn(folder, repo.root)) {
    throw new HandrailError(
      "bad-usage",
      `the state folder ${folder} lies inside the repository, where an executor may write`,
      { fix: "set HANDRAIL_STATE_DIR to a folder outside" },
    );
  }
  return repo;
}

/** Whether a folder, which may not be there yet, is in a working tree. @param root its real path */
export function liesIn(folder: string, root: string): boolean {
  return `${realpathSync(nearest(folder))}${sep}`.startsWith(`${root}${sep}`);
}

/** The path itself, or the nearest parent that is there. */
function nearest(path: string): string {
  return existsSync(path) ? path : nearest(dirname(path));
}
