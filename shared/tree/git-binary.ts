import { accessSync, constants, realpathSync, statSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import { HandrailError } from "../errors.ts";
import { isInside, isOutside, workingTreesAround } from "./outside.ts";

const NAME = process.platform === "win32" ? "git.exe" : "git";

/** A git that the working tree cannot replace, and the PATH that its own children may use. */
export interface GitBinary {
  /** Absolute, symlinks resolved. */
  file: string;
  /** PATH entries outside the repository, joined. */
  path: string;
}

const found = new Map<string, GitBinary>();

/**
 * Finds git in the PATH entries that lie outside every working tree around `directory`: an executor can
 * write `node_modules/.bin/git`, which is what `npm run` finds first. Relative entries do not count.
 * @param directory absolute; where the repository is looked for
 * @throws HandrailError `git-missing`
 */
export function findGit(directory: string, path: string = process.env.PATH ?? ""): GitBinary {
  const key = `${directory}\0${path}`;
  const known = found.get(key);
  if (known) return known;
  const roots = workingTreesAround(directory);
  const entries = path.split(delimiter).filter((entry) => isAbsolute(entry) && isForeign(entry, roots));
  for (const entry of entries) {
    const file = executable(join(entry, NAME));
    if (file === undefined || roots.some((root) => isInside(file, root))) continue;
    const binary = { file, path: entries.join(delimiter) };
    found.set(key, binary);
    return binary;
  }
  throw new HandrailError("git-missing", "git was not found in any PATH entry outside the repository", {
    fix: "install git, or add its folder to PATH",
  });
}

function isForeign(entry: string, roots: readonly string[]): boolean {
  return !entry.split(/[/\\]/).includes("node_modules") && isOutside(entry, roots);
}

function executable(file: string): string | undefined {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile() ? realpathSync(file) : undefined;
  } catch {
    return undefined; // not there, or not ours to run: the next entry may have it
  }
}
