import picomatch, { type PicomatchOptions } from "picomatch";
import type { Surroundings } from "./around.ts";

const globOptions = { dot: true, nonegate: true, nobrace: true, posix: true, flags: "s" };
/** A class for certain: a negation, or ranges and next to nothing else (`[user-id]` is a route). */
const ranges = /\[([!^]|(\w-\w)+\w{0,3}\]|\w{1,2}(\w-\w)+\])/;

/** What a glob names and what is below it; `x*` + `/**` alone would leave out `xy` itself. */
export function matchesTree(globs: string[]): (path: string) => boolean {
  return matcherOf([...new Set(globs.flatMap((glob) => [glob, `${glob}/**`]))], globOptions);
}

/** A name at any depth is one of the segments of the path. */
export function matchesAnywhere(globs: string[]): (path: string) => boolean {
  const isName = matcherOf(
    globs.filter((glob) => !glob.includes("/")),
    globOptions,
  );
  const crosses = matchesTree(globs.filter((glob) => glob.includes("/")).map((glob) => `**/${glob}`));
  return (path) => path.split("/").some(isName) || crosses(path);
}

/** Without extended globs: what a task does not mean as one is not read as one. */
export function matchesGlobs(globs: string[]): (path: string) => boolean {
  return matcherOf(globs, { ...globOptions, noextglob: true });
}

/** One test for several globs. The expressions alone are several times faster than picomatch's own test. */
function matcherOf(globs: string[], options: PicomatchOptions): (path: string) => boolean {
  const shapes = globs.map((glob) => picomatch.makeRe(glob, options));
  return (path) => shapes.some((shape) => shape.test(path));
}

/**
 * Escapes what a glob does not mean as one: parentheses and the like always, brackets where the segment is
 * a route of a framework (`[id]`, `[...rest].vue`, `(group)`) or exists under that very name.
 */
export function literalSegments(glob: string, around: Surroundings): string {
  let before = "";
  return glob
    .split("/")
    .map((segment) => {
      before += before ? `/${segment}` : segment;
      if (!segment.includes("[") || /[*?]/.test(segment)) return escapeOutsideClasses(segment);
      const isClass = ranges.test(segment) || matchesNow(before, around);
      const isName = around.kindOf?.(before) !== undefined || !isClass;
      return isName ? segment.replace(/[!-,:-@[-^`{-~]/g, "\\$&") : escapeOutsideClasses(segment);
    })
    .join("/");
}

/** Leaves `*`, `?` and classes; picomatch knows negation as `[^`, with `nonegate` not as `[!`. */
function escapeOutsideClasses(segment: string): string {
  return segment.replace(/\[[^\]]+\]|[!-),:->@[-^`{-~+]/g, (found) =>
    found.length > 1 ? found.replace("[!", "[^") : `\\${found}`,
  );
}

/** Whether one of the names that a class such as `[ab].ts` stands for exists (a few are tried). */
function matchesNow(path: string, around: Surroundings): boolean {
  const [, head, members, tail] = /^([^[]*)\[([^\]]{1,16})\]([^[]*)$/.exec(path) ?? [];
  if (!around.kindOf || head === undefined || !members) return false;
  return [...members].some((char) => around.kindOf?.(`${head}${char}${tail ?? ""}`) !== undefined);
}

export function unquote(glob: string): string {
  return glob.replace(/\\(.)/g, "$1");
}

/** The folders before the first wildcard, with a slash at the end. */
export function fixedBeginning(glob: string): string {
  const first = glob.search(/[*?[{(]/);
  const before = first < 0 ? glob : glob.slice(0, first);
  return unquote(before.slice(0, before.lastIndexOf("/") + 1));
}

/** Patterns on which a regular expression could take for ever. */
export function isCostly(glob: string): boolean {
  return (
    glob.length > 1000 ||
    glob.split("/").some((segment) => (segment.match(/\*+/g) ?? []).length > 4) ||
    (glob.match(/\*\*/g) ?? []).length > 6
  );
}
