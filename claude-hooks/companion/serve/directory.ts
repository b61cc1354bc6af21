import { realpathSync } from "node:fs";
import { resolve } from "node:path";
import { HandrailError } from "../../../shared/errors.ts";
import type { SessionRecord } from "../../../shared/serve/session-record.ts";
import { findRoot } from "../../../shared/task/locate.ts";
import { openHere } from "../here.ts";

/**
 * The project that `--directory` means, or the current folder: the top level of the working tree around it.
 * @returns its real path
 * @throws HandrailError what opening the repository throws
 */
export async function projectRoot(given: string | undefined): Promise<string> {
  return (await openHere(given === undefined ? process.cwd() : resolve(given))).root;
}

/** As `projectRoot`, for verbs that look up ids: undefined outside of any repository. Starts no git. */
export function rootIfAny(given: string | undefined): string | undefined {
  try {
    return findRoot(given ?? process.cwd());
  } catch (error) {
    if (given === undefined && error instanceof HandrailError && error.code === "not-a-repository")
      return undefined;
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      throw new HandrailError("not-found", `there is no folder ${given}`, { fix: "--directory PROJECT" });
    }
    throw error;
  }
}

/**
 * Holds a session to the folder it was started in: an id without it is not enough to go on with safely.
 * @throws HandrailError `wrong-directory` when another project was asked for
 */
export function requireSameProject(record: SessionRecord, given: string | undefined): void {
  if (given === undefined || rootIfAny(given) === realpathSync(record.directory)) return;
  throw new HandrailError(
    "wrong-directory",
    `session ${record.session_id} was started in ${record.directory}, not in ${given}`,
    { fix: `--directory ${shellWord(record.directory)}` },
  );
}

/** A word as a POSIX shell reads it back. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
