import { existsSync, realpathSync } from "node:fs";
import { delimiter, dirname, isAbsolute, join, relative, sep } from "node:path";

// What an executor can write must not be what is started or loaded by name.

/** `/` itself is left out: a repository there would hold every git there is. */
export function workingTreesAround(directory: string): string[] {
  const roots: string[] = [];
  const start = existsSync(directory) ? realpathSync(directory) : directory;
  for (let folder = start; dirname(folder) !== folder; folder = dirname(folder)) {
    if (existsSync(join(folder, ".git"))) roots.push(folder);
  }
  return roots;
}

/**
 * PATH without what lies in a working tree around `directory`, and without relative entries: started by
 * `npx` or with direnv a program has `node_modules/.bin` of the repository first, which an executor can write.
 */
export function pathOutside(directory: string, path: string): string {
  const roots = workingTreesAround(directory);
  return path
    .split(delimiter)
    .filter((entry) => isAbsolute(entry) && isOutside(entry, roots))
    .join(delimiter);
}

/** What every program loads at its start, or with its locale. Source: ld.so(8), iconv(1). */
const LOADED = ["LD_LIBRARY_PATH", "LD_PRELOAD", "LD_AUDIT", "GCONV_PATH"];
/** Of these, lists of libraries: a name without a folder is looked for in the system's own. */
const LIBRARIES = ["LD_PRELOAD", "LD_AUDIT"];

/**
 * Variables by which the programs that hold a command, or OpenCode's own, would load a library of a working tree
 * around `directory`: there an executor can write.
 * @returns those that have to change; undefined for one that has to go
 */
export function loadedOutside(directory: string, env: NodeJS.ProcessEnv): Record<string, string | undefined> {
  const set = LOADED.filter((name) => env[name] !== undefined);
  if (set.length === 0) return {};
  const roots = workingTreesAround(directory);
  const isSafe = (entry: string, name: string) =>
    isAbsolute(entry) ? isOutside(entry, roots) : LIBRARIES.includes(name) && !entry.includes("/");
  const changed = set.map((name): [string, string | undefined] => {
    const entries = (env[name] ?? "").split(/[:;\s]/).filter((entry) => isSafe(entry, name));
    return [name, entries.length === 0 ? undefined : entries.join(":")];
  });
  return Object.fromEntries(changed.filter(([name, value]) => value !== env[name]));
}

/** The variables by which programs and libraries are found, as they are set in `env`. */
export function searched(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    ["PATH", ...LOADED].flatMap((name): [string, string][] => {
      const value = env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

export function isOutside(entry: string, roots: readonly string[]): boolean {
  const real = existsSync(entry) ? realpathSync(entry) : entry;
  return !roots.some((root) => isInside(entry, root) || isInside(real, root));
}

/** Whether `path` is `folder` or lies below it; both absolute. */
export function isInside(path: string, folder: string): boolean {
  const steps = relative(folder, path);
  return steps === "" || (steps !== ".." && !steps.startsWith(`..${sep}`) && !isAbsolute(steps));
}
