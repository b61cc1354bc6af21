import picomatch from "picomatch";
import { expandBraces } from "../scope/braces.ts";
import { compileNarrow } from "../scope/pattern.ts";
import { surroundingsOf } from "../scope/surroundings.ts";

// Paths are relative to the root; a folder ends with `/`.

/** Whether a path is what the configuration calls scratch; a pattern without a slash counts at every depth. */
export function scratchMatcher(patterns: readonly string[]): (path: string) => boolean {
  const globs = patterns.map((pattern) => {
    const plain = pattern.replace(/^\.?\//, "").replace(/\/$/, "");
    return pattern.slice(0, -1).includes("/") ? plain : `**/${plain}`;
  });
  const match = picomatch(
    // What names a folder stands for all of it.
    globs.flatMap((glob) => [glob, `${glob}/**`]),
    { dot: true, nonegate: true },
  );
  return (path) => match(bare(path));
}

/** The allow list of a task, for files that git ignores. */
export interface Allowed {
  matches(path: string): boolean;
  /** Whether something below the folder can match. */
  reaches(folder: string): boolean;
  /** The folder before the first wildcard of each pattern. */
  bases: string[];
}

export function allowedBy(patterns: readonly string[], root: string): Allowed {
  const around = surroundingsOf(root);
  const compiled = patterns.flatMap((pattern) => compileNarrow(pattern, around));
  return {
    matches: (path) => compiled.some((one) => one.covers(bare(path))),
    reaches: (folder) => compiled.some((one) => one.reachesBelow(bare(folder))),
    bases: patterns
      .flatMap((pattern) => expandBraces(pattern))
      .map((pattern) => picomatch.scan(pattern).base)
      .filter((base) => base !== "")
      .map((base) => `${base}/`),
  };
}

function bare(path: string): string {
  return path.endsWith("/") ? path.slice(0, -1) : path;
}
