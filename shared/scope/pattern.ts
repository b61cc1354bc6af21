import type { Surroundings } from "./around.ts";
import { expandBraces } from "./braces.ts";
import {
  fixedBeginning,
  isCostly,
  literalSegments,
  matchesAnywhere,
  matchesGlobs,
  matchesTree,
  unquote,
} from "./globs.ts";
import { fold } from "./names.ts";

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
  /** What it covers, for comparing it with another pattern. */
  area: Area;
  /** Whether something it covers may lie below the folder. */
  reachesBelow(folder: string): boolean;
}

/** A file, everything below a folder, or what a glob means. Paths and globs are folded. */
export type Area = { kind: "file" | "below"; path: string } | { kind: "glob"; glob: string; base: string };

const magic = /[*?[\]]/;
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
    const matches = anyDepth ? matchesAnywhere(globs) : matchesTree(globs);
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
    area: { kind: extent === "file" ? "file" : "below", path },
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
    area: { kind: "glob", glob: below, base: fixedBeginning(below) },
    literal: undefined,
    weight: fixedBeginning(glob).length + 0.5,
    covers: matchesGlobs([below]),
    reachesBelow: (folder) => {
      folders ??= matchesGlobs([
        ...segments.slice(0, fixed).map((_, index) => segments.slice(0, index + 1).join("/")),
        ...(open < 0 ? [] : [[...segments.slice(0, open), "**"].join("/")]),
      ]);
      return folders(folder);
    },
  };
}
