import type { Scope } from "../task/spec.ts";
import type { Surroundings } from "./around.ts";
import { controlDepth } from "./control.ts";
import type { Refusal } from "./decision.ts";
import { isManifest, isTest } from "./ecosystems.ts";
import { fold, holdsGitDir } from "./names.ts";
import { type AllowPattern, compileNarrow, compileWide, type Pattern } from "./pattern.ts";

/**
 * What happens to a path. `write` is a write of which it is not known whether the file exists; `mkdir` and
 * `rmdir` are folders alone, which may be made where something allowed may lie below.
 */
export type Change = "write" | "create" | "modify" | "delete" | "mkdir" | "rmdir";
export type Answer = { decision: "allow" } | Refusal;

/** A scope, compiled: answers for paths that are resolved already. Asks nothing of the file system. */
export interface Matcher {
  readonly scope: Scope;
  readonly caseInsensitive: boolean;
  /**
   * Whether a change may land, by patterns and rules.
   * @param relPath relative to the root, `/`-separated, without `.` and `..`; links resolved by the caller
   */
  classify(relPath: string, change?: Change): Answer;
  /** Whether the path may be read (`noRead`). */
  classifyRead(relPath: string): Answer;
  /** Whether the task names this very file in its allow list (no folder, no glob). */
  namesOutright(relPath: string): boolean;
}

/** Cheap, and true for every path that git or a control file may be meant by (names.ts, control.ts). */
const mayBeSpecial = /git|(^|\/)(\.|opencode|handrail|claude|agents)|[^\0-\x7f]/i;
const allowed: Answer = { decision: "allow" };

/**
 * Compiles a scope.
 * @param around what lies in the working tree when the run starts, and how its file system compares names;
 *   without `kindOf` a name in `allow` is a file
 */
export function createMatcher(scope: Scope, around: Surroundings = {}): Matcher {
  const caseInsensitive = around.caseInsensitive ?? false;
  const allow = scope.allow.flatMap((text) => compileNarrow(text, around));
  const inspect = scope.inspect.flatMap((text) => compileWide(text, around, true));
  const forbid = scope.forbid.flatMap((text) => compileWide(text, around));
  const noRead = scope.noRead.flatMap((text) => compileWide(text, around));
  const isFile = (one: AllowPattern) => one.weight === Number.POSITIVE_INFINITY;
  const files = new Set(allow.filter((one) => isFile(one)).map((one) => one.literal));
  const folders = allow.filter((one) => !isFile(one) || one.literal === undefined);
  const rules = new Set(scope.rules);

  const opens = (path: string, depth: number, change: Change) =>
    allow.some(
      (one) =>
        one.literal !== undefined &&
        ((one.covers(path) && one.literal.split("/").length >= depth) ||
          (isFolder(change) && one.literal.startsWith(`${path}/`))),
    );

  function classify(relPath: string, change: Change = "write"): Answer {
    const given = relPath.endsWith("/") ? relPath.slice(0, -1) : relPath;
    const refuse = (code: Refusal["code"], more: Partial<Refusal> = {}): Refusal => ({
      decision: "refuse",
      code,
      path: given,
      ...more,
    });
    if (leadsOut(given)) return refuse("outside-repository");
    const special = mayBeSpecial.test(given);
    if (special && holdsGitDir(given)) return refuse("git-dir");
    const path = fold(given, caseInsensitive);
    const forbidden = forbid.find((one) => one.covers(path));
    if (forbidden) return refuse("forbidden", { detail: forbidden.text });
    const unread = noRead.find((one) => one.covers(path));
    if (unread) return refuse("no-read", { rule: "no-read", detail: unread.text });
    const depth = special ? controlDepth(given, caseInsensitive) : 0;
    if (depth > 0 && !opens(path, depth, change)) return refuse("control-file");
    const weight = allowedBy(path, change);
    const inspected = heaviest(inspect, (one) => one.covers(path));
    if (inspected && (weight <= inspected.weight || inspected.literal === path))
      return refuse("inspect-only", { detail: inspected.text });
    if (weight < 0) return refuse("out-of-scope");
    return isFolder(change) ? allowed : byRules(given, path, change, refuse);
  }

  /** How exactly the allow list speaks of a path; -1 where it does not. */
  function allowedBy(path: string, change: Change): number {
    if (isFolder(change)) return heaviest(allow, (one) => one.reachesBelow(path))?.weight ?? -1;
    if (files.has(path)) return Number.POSITIVE_INFINITY;
    return heaviest(folders, (one) => one.covers(path))?.weight ?? -1;
  }

  function byRules(
    given: string,
    path: string,
    change: Change,
    refuse: (code: "rule", more: Partial<Refusal>) => Refusal,
  ): Answer {
    if (change === "delete" && rules.has("no-delete")) return refuse("rule", { rule: "no-delete" });
    if (files.has(path)) return allowed;
    if (rules.has("no-test-changes") && isTest(given)) return refuse("rule", { rule: "no-test-changes" });
    if (rules.has("no-new-dependencies") && isManifest(given))
      return refuse("rule", { rule: "no-new-dependencies" });
    if (change === "create" && rules.has("no-new-files")) return refuse("rule", { rule: "no-new-files" });
    return allowed;
  }

  return {
    scope,
    caseInsensitive,
    classify,
    classifyRead(relPath) {
      const path = fold(relPath.replace(/\/$/, ""), caseInsensitive);
      const unread = noRead.find((one) => one.covers(path));
      if (!unread) return allowed;
      return { decision: "refuse", code: "no-read", path: relPath, rule: "no-read", detail: unread.text };
    },
    namesOutright: (relPath) => files.has(fold(relPath, caseInsensitive)),
  };
}

function isFolder(change: Change): boolean {
  return change === "mkdir" || change === "rmdir";
}

/** The pattern that speaks most exactly of the path. */
function heaviest<P extends Pattern>(patterns: P[], speaks: (one: P) => boolean): P | undefined {
  let best: P | undefined;
  for (const one of patterns) {
    if (speaks(one) && (!best || one.weight > best.weight)) best = one;
  }
  return best;
}

function leadsOut(path: string): boolean {
  if (path === "" || path === "." || path.startsWith("/")) return true;
  return path.includes("..") && path.split("/").includes("..");
}
