import { readdirSync, realpathSync, statSync } from "node:fs";
import { tmpdir } from "node:os";

/** What lies in the file system before the command runs. Paths are absolute. */
export interface World {
  /** What a path leads to, links followed. */
  kindOf(path: string): "file" | "directory" | undefined;
  /** The names in a folder; none where there is no folder. */
  list(path: string): string[];
  /** Whether the path, followed through its links, is the path itself. */
  isReal(path: string): boolean;
  /** Variables of the environment that the command starts with, as far as they are certain. */
  variables: Readonly<Record<string, string | undefined>>;
}

/** The world as the file system and the environment have it. */
export function worldOf(env: NodeJS.ProcessEnv): World {
  return {
    kindOf: (path) => {
      const stats = attempt(() => statSync(path, { throwIfNoEntry: false }));
      return stats?.isDirectory() ? "directory" : stats ? "file" : undefined;
    },
    list: (path) => attempt(() => readdirSync(path)) ?? [],
    isReal: (path) => realOf(path) === path,
    variables: { HOME: env.HOME, PATH: env.PATH, TMPDIR: env.TMPDIR ?? tmpdir() },
  };
}

/** The real path; the path itself where nothing is. */
export function realOf(path: string): string {
  return attempt(() => realpathSync.native(path)) ?? path;
}

/** What the system refuses to look at (a loop of links, a file on the way) is not there for the command either. */
function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
