import picomatch from "picomatch";
import { expandBraces } from "./braces.ts";
import { fold } from "./names.ts";

export type Kind = "file" | "directory" | undefined;

/** What compiling needs to know of the working tree; nothing is asked after that. */
export interface Surroundings {
  /** What lies at a path relative to the root when the run starts. */
  kindOf?: (relPath: string) => Kind;
  caseInsensitive?: boolean;
}

/** A pattern of a scope, compiled. All paths are relative to the root, `/`-separated and folded. */
export interface Pattern {
  /** As the task says it. */
  text: string;
  /** The path it names outright, without a slash at its end; undefined for a glob. */
  literal: string | undefined;
  /** How exactly it speaks of a path: infinite for a file, else the length of its fixed beginning. */
  weight: number;
  covers(path: string): boolean;
}

export interface AllowPattern extends Pattern {
  /** Whether something it covers may lie below the folder. */
  reachesBelow(folder: string): boolean;
}

const globOptions = { dot: true, nonegate: true, nobrace: true, posix: true, flags: "s" };
const magic = /[*?[\]]/;
/** A class for certain: a negation, or ranges and next to nothing else (`[user-id]` is a route). */
const ranges = /\[([!^]|(\w-\w)+\w{0,3}\]|\w{1,2}(\w-\w)+\])/;
/** Nothing but wildcards: as an allow list it would be everything. */
const everything = /^[*?./{},()!+@|\s-]*$/;

/**
 * Compiles a pattern of `allow`. Where it can be read two ways, the narrower reading: a glob without a
 * slash stays at the root, `app/[id]/x.ts` is that one path, a name is a folder only where it is one now,
 * and what would be everything is nothing.
 */
export function compileNarrow(text: string, around: Surroundings): AllowPattern[] {
  const given = tidy(text);
  if (given === undefined || everything.test(given)) return [];
  const name = given.replace(/\/+$/, "");
  const kind = around.kindOf?.(name);
  if (kind !== undefined || !/[*?[\]{}]/.test(name)) {
    return [named(text, name, given.endsWith("/") || kind === "directory" ? "below" : "file", around)];
  }
  return expandBraces(given).flatMap((one) => {
    if (everything.test(one) || isCostly(one)) return [];
    const glob = literalSegments(one, around);
    const plain = unquote(glob.replace(/\/$/, ""));
    const outright = one === given;
    if (!magic.test(glob.replace(/\\./g, "")))
      return [named(text, plain, glob.endsWith("/") ? "below" : "file", around, outright)];
    return [globbed(text, glob, around)];
  });
}

/**
 * Compiles a pattern of `forbid` or `noRead` (any depth where it has no slash but at its end), or of
 * `inspect` (from the root). Where it can be read two ways, both readings: file and tree, literal and glob.
 */
export function compileWide(text: string, around: Surroundings, anchored = false): Pattern[] {
  const given = tidy(text);
  if (given === undefined) return /^[./\s]*$/.test(text) ? [all(text)] : [];
  const name = given.replace(/\/+$/, "");
  const anyDepth = !anchored && !name.includes("/");
  const result = [anyDepth ? namedAnywhere(text, name, around) : named(text, name, "both", around)];
  if (!/[*?[\]{}()]/.test(name)) return result;
  const insensitive = around.caseInsensitive ?? false;
  for (const one of expandBraces(name)) {
    if (isCostly(one)) {
      result.push(named(text, fixedBeginning(one).replace(/\/$/, ""), "both", around));
      continue;
    }
    const crossing = one.replace(/([^/*])\*\*|\*\*(?=[^/*])/g, "$1**/*").replace(/\[!/g, "[^");
    const globs = [one.replace(/\[!/g, "[^"), crossing].map((glob) => fold(glob, insensitive));
    const shapes = globs.flatMap((glob) => (anyDepth ? [glob, `**/${glob}`] : [glob]));
    const matches = picomatch([...new Set(shapes.flatMap((glob) => [glob, `${glob}/**`]))], globOptions);
    result.push({
      text,
      literal: undefined,
      weight: fixedBeginning(one).length + 0.5,
      covers: matches,
    });
  }
  return result;
}

/** Makes a pattern relative and plain. @returns undefined where nothing is left or it leads out of the root */
function tidy(text: string): string | undefined {
  const plain = text
    .trim()
    .replace(/\/{2,}/g, "/")
    .replace(/^\/|^(\.\/)+/, "")
    .replace(/\/\.(?=\/|$)/g, "");
  if (plain === "" || plain === "." || plain.split("/").includes("..")) return undefined;
  return plain;
}

type Extent = "file" | "below" | "both";

function named(
  text: string,
  name: string,
  extent: Extent,
  around: Surroundings,
  outright = true,
): AllowPattern {
  const path = fold(name, around.caseInsensitive ?? false);
  const inside = `${path}/`;
  const covers = {
    file: (other: string) => other === path,
    below: (other: string) => other.startsWith(inside),
    both: (other: string) => other === path || other.startsWith(inside),
  };
  return {
    text,
    literal: outright ? path : undefined,
    weight: extent === "file" ? Number.POSITIVE_INFINITY : inside.length,
    covers: covers[extent],
    reachesBelow: (folder) =>
      path.startsWith(`${folder}/`) || (extent !== "file" && `${folder}/`.startsWith(inside)),
  };
}

function namedAnywhere(text: string, name: string, around: Surroundings): Pattern {
  const path = fold(name, around.caseInsensitive ?? false);
  const inside = `/${path}/`;
  return {
    text,
    literal: path,
    weight: path.length,
    covers: (other) => `/${other}/`.includes(inside),
  };
}

function all(text: string): Pattern {
  return { text, literal: undefined, weight: 0, covers: () => true };
}

function globbed(text: string, glob: string, around: Surroundings): AllowPattern {
  const insensitive = around.caseInsensitive ?? false;
  // `dir/**` and `dir*/` mean what is below; the folder itself is not a file to write.
  const below = fold(glob.replace(/\/$/, "/**").replace(/\/\*\*$/, "/**/*"), insensitive);
  const segments = below.split("/");
  const open = segments.indexOf("**");
  const fixed = open < 0 ? segments.length - 1 : open;
  let folders: ((path: string) => boolean) | undefined;
  return {
    text,
    literal: undefined,
    weight: fixedBeginning(glob).length + 0.5,
    covers: picomatch(below, { ...globOptions, noextglob: true }),
    reachesBelow: (folder) => {
      folders ??= picomatch(
        [
          ...segments.slice(0, fixed).map((_, index) => segments.slice(0, index + 1).join("/")),
          ...(open < 0 ? [] : [[...segments.slice(0, open), "**"].join("/")]),
        ],
        { ...globOptions, noextglob: true },
      );
      return folders(folder);
    },
  };
}

/**
 * Escapes what a glob does not mean as one: parentheses and the like always, brackets where the segment is
 * a route of a framework (`[id]`, `[...rest].vue`, `(group)`) or exists under that very name.
 */
function literalSegments(glob: string, around: Surroundings): string {
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

function unquote(glob: string): string {
  return glob.replace(/\\(.)/g, "$1");
}

/** The folders before the first wildcard, with a slash at the end. */
function fixedBeginning(glob: string): string {
  const first = glob.search(/[*?[{(]/);
  const before = first < 0 ? glob : glob.slice(0, first);
  return unquote(before.slice(0, before.lastIndexOf("/") + 1));
}

/** Patterns on which a regular expression could take for ever. */
function isCostly(glob: string): boolean {
  return (
    glob.length > 1000 ||
    glob.split("/").some((segment) => (segment.match(/\*+/g) ?? []).length > 4) ||
    (glob.match(/\*\*/g) ?? []).length > 6
  );
}
