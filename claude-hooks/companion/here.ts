import { statSync } from "node:fs";
import { HandrailError } from "../../shared/errors.ts";
import { nearest, requireStateOutside, stateDir } from "../../shared/state/place.ts";
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
  requireStateOutside(repo.root);
  return repo;
}
