import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";
import type { Scope } from "../task/spec.ts";
import type { Kind, Surroundings } from "./around.ts";
import { createMatcher, type Matcher } from "./matcher.ts";

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

/** What a scope's names were when a run started; kept with the run, and the same for whoever asks later. */
export const frozenSchema = z.object({
  caseInsensitive: z.boolean(),
  kinds: z.record(z.string(), z.enum(["file", "directory"])),
});
export type Frozen = z.infer<typeof frozenSchema>;

/** Asks a working tree, now, what compiling this scope needs to know of it. */
export function freezeSurroundings(scope: Scope, root: string): Frozen {
  const around = surroundingsOf(root);
  const kinds: Frozen["kinds"] = {};
  createMatcher(scope, {
    ...around,
    kindOf(path) {
      const kind = around.kindOf?.(path);
      if (kind) kinds[path] = kind;
      return kind;
    },
  });
  return { caseInsensitive: around.caseInsensitive ?? false, kinds };
}

/** Compiles a scope as of when its surroundings were frozen. */
export function frozenMatcher(scope: Scope, { caseInsensitive, kinds }: Frozen): Matcher {
  return createMatcher(scope, { caseInsensitive, kindOf: (path) => kinds[path] });
}
