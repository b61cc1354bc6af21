import { existsSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { DEFAULT_SCRATCH } from "../config/config.ts";
import type { Refusal } from "../scope/decision.ts";
import type { Change, Matcher } from "../scope/matcher.ts";
import { type Resolved, resolvePath } from "../scope/paths.ts";
import type { Rule } from "../task/spec.ts";
import { scratchMatcher } from "../tree/patterns.ts";
import { type Effects, effectsOf } from "./effects.ts";
import type { RuleEffect } from "./frame.ts";
import type { FileEffect } from "./ledger.ts";
import { realOf, worldOf } from "./world.ts";

export interface JudgeOptions {
  /** Real path of the working tree's top level. */
  root: string;
  /** The environment the command gets; the process's own by default. */
  env?: NodeJS.ProcessEnv;
  /** Patterns of what shell commands may write where git ignores it; whether it does, the wall knows. */
  scratch?: readonly string[] | undefined;
}

const MOST_LISTED = 300;

/**
 * Says whether a shell command is certain to do what the scope refuses. Advice before the command runs: what
 * is not certain goes on, and is held (or audited) while it runs.
 * @param cwd absolute path where it starts
 */
export function judgeShell(
  command: string,
  cwd: string,
  matcher: Matcher,
  options: JudgeOptions,
): Refusal | undefined {
  const env = options.env ?? process.env;
  const effects = effectsOf(command, cwd, worldOf(env));
  try {
    return firstRefusal(effects, matcher, new Judge(matcher, options, env));
  } catch {
    // A folder that cannot be listed, say: then nothing is certain, and the wall is what holds.
    return undefined;
  }
}

function firstRefusal(effects: Effects, matcher: Matcher, judge: Judge): Refusal | undefined {
  for (const effect of effects.rules) {
    const refusal = judge.rule(effect);
    if (refusal) return refusal;
  }
  for (const effect of effects.files) {
    const refusal = judge.file(effect, effects.trapped);
    if (refusal) return refusal;
  }
  if (!matcher.scope.rules.includes("no-rename")) return undefined;
  for (const { from } of effects.renames) {
    const found = judge.locate(from, true);
    if (found?.lexical && found.stats)
      return { decision: "refuse", code: "rule", rule: "no-rename", path: found.lexical };
  }
  return undefined;
}

class Judge {
  readonly #matcher: Matcher;
  readonly #options: JudgeOptions;
  readonly #env: NodeJS.ProcessEnv;

  constructor(matcher: Matcher, options: JudgeOptions, env: NodeJS.ProcessEnv) {
    this.#matcher = matcher;
    this.#options = options;
    this.#env = env;
  }

  /** Where a path leads; undefined where nothing certain can be said of it, or it is scratch. */
  locate(path: string, follow: boolean): Resolved | undefined {
    const { root } = this.#options;
    const found = resolvePath(path, { root, directory: root }, follow);
    if ("decision" in found) return undefined;
    if (found.lexical !== undefined || found.real !== undefined) return found;
    const scratch = scratchRoots(this.#env);
    return scratch.some((folder) => isIn(path, folder) || isIn(found.target, folder)) ? undefined : found;
  }

  file(effect: FileEffect, trapped: boolean): Refusal | undefined {
    const found = this.locate(effect.path, effect.inPlace && !effect.fresh);
    if (!found || !takesPlace(effect, found, trapped)) return undefined;
    const { lexical, real, stats } = found;
    if (lexical === undefined && real === undefined) {
      return { decision: "refuse", code: "outside-repository", path: effect.path, detail: effect.by };
    }
    const change = changeOf(effect, found);
    if (change === "rmdir") return this.#tree(effect, lexical ?? real ?? "");
    const byText = lexical === undefined ? undefined : this.#classify(lexical, change, effect);
    if (byText || effect.fresh || lexical === undefined) return byText;
    const leaving = { decision: "refuse", code: "link", path: lexical } as const;
    if (real === undefined) return { ...leaving, detail: `it leads to ${found.target}` };
    if (real !== lexical && this.#classify(real, change, effect))
      return { ...leaving, detail: `it leads to ${real}` };
    if (effect.inPlace && stats?.isFile() && stats.nlink > 1)
      return { ...leaving, detail: "it is a hard link" };
    return undefined;
  }

  /** Removing a folder removes the first file in it that may not go. */
  #tree(effect: FileEffect, folder: string): Refusal | undefined {
    const { root } = this.#options;
    const open = [folder];
    for (let seen = 0; open.length > 0 && seen < MOST_LISTED; ) {
      const here = open.pop() ?? "";
      for (const entry of readdirSync(join(root, here), { withFileTypes: true })) {
        const path = here === "" ? entry.name : `${here}/${entry.name}`;
        seen++;
        if (entry.isDirectory() && entry.name !== ".git") {
          open.push(path);
          continue;
        }
        const refusal = this.#classify(path, "delete", effect);
        if (refusal) return refusal;
      }
    }
    return undefined;
  }

  #classify(path: string, change: Change, effect: FileEffect): Refusal | undefined {
    const answer = this.#matcher.classify(path, change);
    if (answer.decision === "allow") return undefined;
    if (
      mayBeScratch(path, this.#options.scratch ?? DEFAULT_SCRATCH) &&
      answer.code !== "forbidden" &&
      answer.code !== "git-dir"
    )
      return undefined;
    return { ...answer, detail: answer.detail ?? effect.by };
  }

  rule(effect: RuleEffect): Refusal | undefined {
    const rules = new Set<Rule>(this.#matcher.scope.rules);
    const byRule = (rule: Rule): Refusal => ({ decision: "refuse", code: "rule", rule, detail: effect.by });
    const mayCommit = rules.has("may-commit") && !rules.has("no-commit");
    switch (effect.kind) {
      case "network":
        return rules.has("no-network") ? byRule("no-network") : undefined;
      case "read":
        return this.#read(effect.path);
      default:
        if (!this.#isThisRepository(effect.path)) return undefined;
    }
    switch (effect.kind) {
      case "dependency":
        return rules.has("no-new-dependencies") ? byRule("no-new-dependencies") : undefined;
      case "commit":
        return mayCommit ? undefined : byRule("no-commit");
      case "stage":
        return mayCommit || (rules.has("may-stage") && !rules.has("no-stage"))
          ? undefined
          : byRule("no-stage");
      case "git-dir":
        return { decision: "refuse", code: "git-dir", path: ".git", detail: effect.by };
      case "sweep-here":
        if (resolve(effect.path) !== this.#options.root) return undefined;
        return sweeps(effect.by);
      case "sweep":
        return sweeps(effect.by);
    }
  }

  #read(path: string): Refusal | undefined {
    if (this.#matcher.scope.noRead.length === 0) return undefined;
    const found = this.locate(path, true);
    for (const name of [found?.lexical, found?.real]) {
      const answer = name === undefined ? undefined : this.#matcher.classifyRead(name);
      if (answer?.decision === "refuse") return answer;
    }
    return undefined;
  }

  /** Whether git, run in the folder, works on the repository of the task and not on one inside it. */
  #isThisRepository(folder: string): boolean {
    const { root } = this.#options;
    const found = this.locate(folder, true);
    if (found?.real === undefined || !found.stats?.isDirectory()) return found?.real === "";
    for (let at = found.target; at !== root; at = resolve(at, "..")) {
      if (existsSync(join(at, ".git"))) return false;
    }
    return true;
  }
}

const compiled = new WeakMap<readonly string[], (path: string) => boolean>();

function mayBeScratch(path: string, patterns: readonly string[]): boolean {
  const matches = compiled.get(patterns) ?? scratchMatcher(patterns);
  compiled.set(patterns, matches);
  return matches(path);
}

function sweeps(by: string): Refusal {
  const detail = `${by} on the whole tree also takes changes that are not yours; name your own files instead`;
  return { decision: "refuse", code: "out-of-scope", path: ".", detail };
}

/** Whether there is something to do: nothing is removed where nothing is, nothing made where something is. */
function takesPlace(effect: FileEffect, { stats }: Resolved, trapped: boolean): boolean {
  switch (effect.kind) {
    case "delete":
      return stats !== undefined;
    case "create":
    case "mkdir":
      return stats === undefined && !trapped;
    case "write":
      return stats === undefined ? !trapped : effect.fresh || !stats.isDirectory();
  }
}

function changeOf(effect: FileEffect, { stats }: Resolved): Change {
  if (effect.kind === "mkdir") return "mkdir";
  if (effect.kind === "delete") return stats?.isDirectory() ? "rmdir" : "delete";
  return stats ? "modify" : "create";
}

function isIn(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
}

/** What never counts: devices, and temporary folders, which are the command's own. */
function scratchRoots(env: NodeJS.ProcessEnv): string[] {
  const folders = [
    "/dev",
    "/proc",
    "/tmp",
    "/var/tmp",
    tmpdir(),
    ...(env.TMPDIR ? [resolve(env.TMPDIR)] : []),
  ];
  return [...new Set(folders.flatMap((folder) => [folder, realOf(folder)]))];
}
