import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";

export type Kind = "file" | "directory" | undefined;

/** What compiling needs to know of the working tree; nothing is asked after that. */
export interface Surroundings {
  /** What lies at a path relative to the root when the run starts. */
  kindOf?: (relPath: string) => Kind;
  caseInsensitive?: boolean;
}

/**
 * What compiling a scope needs to know of a working tree. Use it when a run starts: later the executor
 * may have made a folder where the task names a file.
 * @param root real path of the working tree's top level
 */
export function surroundingsOf(root: string): Surroundings {
  return { kindOf: (relPath) => kindOf(join(root, relPath)), caseInsensitive: isCaseInsensitive(root) };
}

function kindOf(path: string): Kind {
  try {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (!stats) return undefined;
    return stats.isDirectory() ? "directory" : "file";
  } catch {
    // Not a path here (a file stands on the way, the name is too long): nothing lies there.
    return undefined;
  }
}

/** Asks the file system itself: is an entry of the folder found under its name in the other case? */
function isCaseInsensitive(root: string): boolean {
  const entry = readdirSync(root).find((name) => swapCase(name) !== name);
  if (entry === undefined) return false;
  const stats = lstatSync(join(root, entry), { throwIfNoEntry: false });
  const other = lstatSync(join(root, swapCase(entry)), { throwIfNoEntry: false });
  return stats !== undefined && other !== undefined && stats.ino === other.ino && stats.dev === other.dev;
}

function swapCase(name: string): string {
  return name.replace(/[a-z]/gi, (char) =>
    char === char.toLowerCase() ? char.toUpperCase() : char.toLowerCase(),
  );
}
