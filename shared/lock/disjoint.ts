import { type Area, compileNarrow, compileWide } from "../scope/pattern.ts";
import { quote } from "../scope/quote.ts";
import { frozenMatcher } from "../scope/surroundings.ts";
import type { Claims } from "./claims.ts";
import { type ModuleMap, related } from "./modules.ts";

/** Whether two tasks may be worked on at the same time, and why or why not, in words. */
export interface Comparison {
  disjoint: boolean;
  reason: string;
}

/**
 * Whether two tasks are proven not to get in each other's way: both allow work beside others, their paths do
 * not overlap, their modules do not ripple into each other, and they touch no shared group at once. What
 * cannot be proven is not disjoint.
 */
export function proveDisjoint(one: Claims, other: Claims, modules: ModuleMap): Comparison {
  const against =
    overlapOf(one, other) ??
    sharedGroup(one, other) ??
    wholeRepository(one, other) ??
    unwilling(one, other) ??
    sharedModule(one, other, modules);
  if (against !== undefined) return { disjoint: false, reason: against };
  const proven = ["paths", ...(one.modules && other.modules ? ["modules"] : []), "shared groups"];
  return { disjoint: true, reason: `${list(proven)} do not overlap` };
}

/** Whether two scopes allow no path together. */
export function disjoint(one: PathClaim, other: PathClaim): Comparison {
  const against = overlapOf(one, other);
  return against === undefined
    ? { disjoint: true, reason: "paths do not overlap" }
    : { disjoint: false, reason: against };
}

type PathClaim = Pick<Claims, "scope" | "around">;

function unwilling(one: Claims, other: Claims): string | undefined {
  const sides = [one, other].filter((side) => !side.parallel).length;
  if (sides === 0) return undefined;
  return `${sides === 2 ? "neither packet allows" : "one packet does not allow"} other work beside it (conflict_policy.parallel_allowed)`;
}

/** The index and the branches belong to the whole repository. */
function wholeRepository(one: Claims, other: Claims): string | undefined {
  const opens = [one, other].some(({ scope }) =>
    scope.rules.some((rule) => rule === "may-commit" || rule === "may-stage"),
  );
  return opens ? "one of them may stage or commit, which concerns the whole repository" : undefined;
}

function sharedGroup(one: Claims, other: Claims): string | undefined {
  const group = one.groups.find((name) => other.groups.includes(name));
  return group === undefined ? undefined : `both touch the shared group ${quote(group)}`;
}

function sharedModule(one: Claims, other: Claims, modules: ModuleMap): string | undefined {
  // Task files know no modules: between two of them paths and groups are all there is.
  if (!one.modules && !other.modules) return undefined;
  if (!one.modules?.length || !other.modules?.length)
    return "one of them names no modules (scope.module_boundaries), so a shared one cannot be ruled out";
  for (const left of one.modules) {
    for (const right of other.modules) {
      const reason = related(left, right, modules);
      if (reason !== undefined) return reason;
    }
  }
  return undefined;
}

interface Side {
  text: string;
  area: Area;
  covers: (path: string) => boolean;
  reachesBelow: (folder: string) => boolean;
}

interface Compiled {
  sides: Side[];
  /** Whether the scope as a whole allows this very file. */
  allows: (path: string) => boolean;
  /** Whether nothing below the folder is allowed, because a prohibition names the folder. */
  closes: (folder: string) => boolean;
  insensitive: boolean;
}

function compile({ scope, around }: PathClaim): Compiled {
  const surroundings = {
    kindOf: (path: string) => around.kinds[path],
    caseInsensitive: around.caseInsensitive,
  };
  const matcher = frozenMatcher(scope, around);
  const forbidden = scope.forbid.flatMap((text) => compileWide(text, surroundings));
  return {
    sides: scope.allow.flatMap((text) => compileNarrow(text, surroundings)),
    allows: (path) => matcher.classify(path).decision === "allow",
    closes: (folder) => forbidden.some((one) => one.literal !== undefined && one.covers(folder)),
    insensitive: around.caseInsensitive,
  };
}

function overlapOf(one: PathClaim, other: PathClaim): string | undefined {
  const [left, right] = [compile(one), compile(other)];
  if (left.insensitive !== right.insensitive) return "they compare names in different ways";
  for (const mine of left.sides) {
    for (const theirs of right.sides) {
      const reason = meet(mine, theirs, left, right);
      if (reason !== undefined) return reason;
    }
  }
  return undefined;
}

/** Why two patterns may mean one path; undefined where they cannot. */
function meet(mine: Side, theirs: Side, left: Compiled, right: Compiled): string | undefined {
  if (mine.area.kind === "file") return fileIn(mine.area.path, theirs, left, right);
  if (theirs.area.kind === "file") return fileIn(theirs.area.path, mine, right, left);
  if (mine.area.kind !== "glob") return folderIn(mine.area.path, theirs, left, right);
  if (theirs.area.kind !== "glob") return folderIn(theirs.area.path, mine, right, left);
  return globsApart(mine.area, theirs.area)
    ? undefined
    : `it cannot be proven that ${quote(mine.text)} and ${quote(theirs.text)} mean different files`;
}

function fileIn(path: string, area: Side, own: Compiled, other: Compiled): string | undefined {
  const isFolder =
    area.area.kind === "glob"
      ? area.reachesBelow(path) && !area.covers(path)
      : area.area.path.startsWith(`${path}/`) ||
        (area.area.kind === "below" ? area.area.path === path : path.startsWith(`${area.area.path}/`));
  if (isFolder) return `${quote(path)} is a file for one and a folder for the other`;
  if (!area.covers(path)) return undefined;
  if (!own.allows(path) || !other.allows(path)) return undefined;
  return area.area.kind === "file"
    ? `${quote(path)} is in both`
    : `${quote(path)} lies in ${quote(area.text)}`;
}

function folderIn(folder: string, area: Side, own: Compiled, other: Compiled): string | undefined {
  if (area.area.kind === "below") {
    const { path } = area.area;
    if (path === folder) return `${quote(`${folder}/`)} is in both`;
    if (path.startsWith(`${folder}/`))
      return own.closes(path) ? undefined : `${quote(`${path}/`)} lies in ${quote(`${folder}/`)}`;
    if (folder.startsWith(`${path}/`))
      return other.closes(folder) ? undefined : `${quote(`${folder}/`)} lies in ${quote(`${path}/`)}`;
    return undefined;
  }
  if (!area.reachesBelow(folder) || other.closes(folder)) return undefined;
  return `${quote(area.text)} may mean files in ${quote(`${folder}/`)}`;
}

type Glob = Extract<Area, { kind: "glob" }>;

/** Certain only by how they begin and how they end. */
function globsApart(one: Glob, other: Glob): boolean {
  const apart = (left: string, right: string) => !left.startsWith(right) && !right.startsWith(left);
  if (apart(one.base, other.base)) return true;
  const [left, right] = [ending(one.glob), ending(other.glob)];
  return !left.endsWith(right) && !right.endsWith(left);
}

/** What follows the last wildcard of a glob. */
function ending(glob: string): string {
  return glob.slice(glob.search(/[^*?[\](){}\\|!+@]*$/));
}

function list(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}
