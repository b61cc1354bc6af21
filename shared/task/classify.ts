import type { Item } from "./items.ts";
import { type Limited, limit } from "./limits.ts";
import { type KindOf, pathOf } from "./names.ts";
import {
  isDependencies,
  isDependencyList,
  isFiles,
  isGit,
  isKindOfFiles,
  isNetwork,
  isTests,
} from "./nouns.ts";
import { type ProhibitedObject, readObjects } from "./objects.ts";
import type { Clause } from "./prohibitions.ts";
import type { Rule } from "./spec.ts";
import { conjunctions, determiners } from "./words.ts";

/** What a prohibition comes to. One prohibition may have several effects. */
export type Effect =
  | { kind: "forbid"; paths: string[]; except: string[] }
  | { kind: "no-read"; paths: string[] }
  /** `except`: may be changed all the same where they are in scope. */
  | { kind: "rule"; rule: Rule; except: string[] }
  /** Nothing but these may change; without paths: nothing but what the task names. `names`: said as "except x". */
  | { kind: "beyond"; paths: string[]; names: boolean }
  | { kind: "everything" }
  | { kind: "advisory" };

/** What classifying needs to know of the task. */
export interface TaskFacts {
  kindOf: KindOf;
  /** Whether the task names this very file as one to change. */
  isNamed(raw: string): boolean;
  /** Whether all that the task allows lies in these places. */
  isAllWithin(raws: readonly string[]): boolean;
  /** The files and folders below this one that the task names as ones to change. */
  namedBelow(raw: string): string[];
}

interface Case {
  act: Clause["acts"][number];
  clause: Clause;
  object: ProhibitedObject;
  limited: Limited;
  facts: TaskFacts;
}

const advisory: Effect[] = [{ kind: "advisory" }];
const onlyTheTask: Effect[] = [{ kind: "beyond", paths: [], names: false }];

/** Says what a prohibition comes to: held as a path, held as a rule, or only told. */
export function classify(given: Clause, item: Item, facts: TaskFacts): Effect[] {
  if (given.acts[0] === "only")
    return [{ kind: "beyond", paths: given.object.map((token) => token.text), names: true }];
  const clause = asChanges(given, facts.kindOf);
  const limited = limit(clause.object, clause.remarks, item, facts.kindOf);
  if (clause.joined && clause.object.some((token) => token.lower === "instead")) return [];
  const objects = readObjects(limited.head, clause.remarks, facts.kindOf);
  const effects = clause.acts.flatMap((act) =>
    objects.flatMap((object) => classifyOne({ act, clause, object, limited, facts })),
  );
  return merge(effects);
}

/** Paths together in one effect, everything else once. */
function merge(effects: readonly Effect[]): Effect[] {
  const merged: Effect[] = [];
  for (const effect of effects) {
    const same = merged.find(
      (one) =>
        one.kind === effect.kind &&
        (one.kind !== "rule" || effect.kind !== "rule" || one.rule === effect.rule),
    );
    if (!same) merged.push(structuredClone(effect));
    else if (same.kind === "forbid" && effect.kind === "forbid") same.paths.push(...effect.paths);
    else if (same.kind === "no-read" && effect.kind === "no-read") same.paths.push(...effect.paths);
  }
  return merged;
}

/** "make changes to x.ts", "no edits outside src/", "test changes": all speak of changing. */
function asChanges(clause: Clause, kindOf: KindOf): Clause {
  const makes = clause.acts.every((act) => act === "none" || act === "create");
  const noun = clause.object.findIndex((token) =>
    /^(changes?|edits?|modifications?|alterations?|adjustments?)$/.test(token.lower),
  );
  if (!makes || noun < 0) return clause;
  const before = clause.object.slice(0, noun);
  const after = clause.object.slice(noun + 1);
  const plain = before.every(
    (token) =>
      determiners.has(token.lower) ||
      conjunctions.has(token.lower) ||
      /^(other|further|additional|more|unnecessary|direct|manual|such|file|code|deletions|additions)$/.test(
        token.lower,
      ),
  );
  const isOther = before.some((token) => /^(other|further|additional|more)$/.test(token.lower));
  const ofTests = /^(test|tests)$/.test(before.at(-1)?.lower ?? "");
  const ofPath =
    before.length === 1 && before.every((token) => pathOf(token, "forbid", kindOf) !== undefined);
  if ((ofTests || ofPath) && after.length === 0) return { ...clause, acts: ["change"], object: before };
  if (!plain || (after.length === 0 && !isOther)) return clause;
  const place =
    /^(to|in|of|on|at|within|under|inside|for)$/.test(after[0]?.lower ?? "") &&
    !/^(in|under|within|inside)$/.test(after[0]?.lower ?? "");
  const object = place ? after.slice(1) : after;
  return {
    ...clause,
    acts: ["change"],
    verbs: ["change"],
    object: object.length > 0 ? [...before.filter(() => isOther), ...object] : before,
  };
}

function classifyOne(one: Case): Effect[] {
  const { object, facts } = one;
  const { words } = object;
  switch (one.act) {
    case "stage":
      return ruled("no-stage");
    case "commit":
      return /\b(transaction|offset|cursor|batch)s?\b/.test(words) ? advisory : ruled("no-commit");
    case "run":
      return classifyRun(words);
    case "read":
      return classifyRead(one);
    case "network":
      return isNetwork(words) || object.universal || words === "" ? ruled("no-network") : advisory;
    case "depend":
      if (isDependencies(words) || object.universal || words === "") return ruled("no-new-dependencies", one);
      return (
        byPath(one) ??
        (/^((any|new|additional) )*[`\w@/.-]+$/.test(words) ? ruled("no-new-dependencies") : advisory)
      );
    case "delete":
      if (isDependencies(words)) return ruled("no-new-dependencies", one);
      return concernsFiles(object) ? ruled("no-delete") : advisory;
    case "rename":
      return concernsFiles(object) ? ruled("no-rename") : advisory;
    case "create":
      return classifyCreate(one);
    case "partial":
      return byPath(one) ?? (object.other && /\bfiles?\b/.test(words) ? onlyTheTask : advisory);
    case "change":
      return classifyChange(one);
    case "none":
      return classifyNoun(one, facts);
    default:
      return advisory;
  }
}

function ruled(rule: Rule, one?: Case): Effect[] {
  return [{ kind: "rule", rule, except: one?.limited.beyond ?? [] }];
}

function concernsFiles(object: ProhibitedObject): boolean {
  return object.universal || object.paths.length > 0 || isFiles(object.words) || isTests(object.words);
}

/** The paths are forbidden; advisory where the object speaks of the code in a file; undefined without files. */
function byPath({ act, clause, object, limited, facts }: Case): Effect[] | undefined {
  const isNamed = (raw: string) => facts.isNamed(raw);
  const ofCode = act === "partial" || object.tail;
  const paths = [
    ...object.paths.filter((raw) => !(ofCode && isNamed(raw))),
    ...object.soft.filter((raw) => !isNamed(raw)),
  ];
  if (clause.joined && paths.length > 0 && paths.every(isNamed)) return [];
  // "anything else in src/": not what the task names there.
  const named = object.other && object.paths.length > 0 ? paths.flatMap(facts.namedBelow) : [];
  if (paths.length > 0) return [{ kind: "forbid", paths, except: [...(limited.beyond ?? []), ...named] }];
  return object.paths.length + object.soft.length > 0 || object.mentioned ? advisory : undefined;
}

function classifyRun(words: string): Effect[] {
  const effects: Effect[] = [];
  if (isGit(words)) {
    if (/\b(add|stage|rm|mv)\b/.test(words)) effects.push(...ruled("no-stage"));
    if (/\b(commit|merge|rebase|cherry-pick|revert|am)\b/.test(words)) effects.push(...ruled("no-commit"));
    const all =
      /^((any|the|other) )*git( (commands?|operations?|at all|itself|here))*$|\b(state-changing|write|mutating)\b/;
    if (effects.length === 0 && all.test(words)) effects.push(...ruled("no-stage"), ...ruled("no-commit"));
  }
  const installs =
    /\b(npm|pnpm|yarn|bun|pip3?|poetry|uv|cargo|go|gem|bundle|composer|apt|brew)\b.*\b(install|add|i|get|require|upgrade|update)\b/;
  const useful =
    /\b(new|external|third-party|additional|extra|other|any)\b/.test(words) && isDependencies(words);
  if (installs.test(words) || useful) effects.push(...ruled("no-new-dependencies"));
  if (isNetwork(words) || /\b(curl|wget)\b/.test(words)) effects.push(...ruled("no-network"));
  return effects.length > 0 ? effects : advisory;
}

function classifyRead({ clause, object, limited, facts }: Case): Effect[] {
  const { words } = object;
  if (isNetwork(words)) return ruled("no-network");
  const paths = [...object.paths, ...object.soft];
  if (paths.length === 0) return advisory;
  // "Do not read config.json at import time" of a file to change speaks of the code.
  const ofCode =
    object.tail || object.mentioned || / (at|on|in|during|from|into|before|after) /.test(` ${words} `);
  if (ofCode && paths.every((path) => facts.isNamed(path))) return advisory;
  const effects: Effect[] = [{ kind: "no-read", paths }];
  if (clause.verbs.includes("access")) effects.push({ kind: "forbid", paths, except: limited.beyond ?? [] });
  return effects;
}

function classifyCreate(one: Case): Effect[] {
  const { clause, object, limited, facts } = one;
  const { words } = object;
  if (/\bcommits?\b/.test(words)) return ruled("no-commit");
  if (isNetwork(words)) return ruled("no-network");
  if (object.paths.length > 0 && !isDependencies(words.replace(/\S*[./]\S*/g, ""))) {
    const places = isFiles(words) && clause.verbs[0] !== "write" && clause.verbs[0] !== "overwrite";
    // "create files under src/legacy/" forbids less than the folder; but where files in it are to be changed, the rule says it.
    if (places && object.paths.some((path) => facts.namedBelow(path).length > 0))
      return ruled("no-new-files");
    return byPath(one) ?? advisory;
  }
  if (isTests(words)) return ruled("no-test-changes", one);
  if (isDependencies(words)) return ruled("no-new-dependencies", one);
  // "no files outside src/": held by the allow list already, where that is all in src/.
  const isHeld = limited.beyond !== undefined && !limited.names && facts.isAllWithin(limited.beyond);
  if (isHeld && (object.universal || isFiles(words)))
    return [{ kind: "beyond", paths: limited.beyond ?? [], names: false }];
  const isOther = /\b(other|additional|extra)\b/.test(words);
  if (isKindOfFiles(words) && !isOther && limited.beyond === undefined) return advisory;
  return isFiles(words) ||
    object.universal ||
    (/\bfiles?\b/.test(words) && (isOther || /\b(new|more)\b/.test(words)))
    ? ruled("no-new-files", one)
    : advisory;
}

function classifyChange(one: Case): Effect[] {
  const { object, limited, clause } = one;
  const { words } = object;
  if (isTests(words)) return [...ruled("no-test-changes", one), ...(byPath(one) ?? [])];
  const paths = byPath(one);
  if (paths) return paths;
  const any =
    object.universal || words === "" || /^((any|the|all|of) )*(other|others|else|rest)$/.test(words);
  if (any && limited.beyond) return [{ kind: "beyond", paths: limited.beyond, names: limited.names }];
  if (any && (object.other || limited.other)) return onlyTheTask;
  if (/^((any|the|other) )*unrelated files?\b/.test(words)) return onlyTheTask;
  if (isGit(words)) return [...ruled("no-stage"), ...ruled("no-commit")];
  if (isDependencyList(words)) return ruled("no-new-dependencies", one);
  if (isNetwork(words) && clause.verbs.includes("touch")) return ruled("no-network");
  const all = /^(anything|everything|any files?|all files|nothing|files|any file at all|anything at all)$/;
  return object.universal && all.test(words) && !limited.vague ? [{ kind: "everything" }] : advisory;
}

/** "No new dependencies", and what stands below "Out of scope:". */
function classifyNoun(one: Case, facts: TaskFacts): Effect[] {
  const { object, limited } = one;
  const { words } = object;
  const git: Effect[] = [
    ...(/\b(commits?|committing)\b/.test(words) ? ruled("no-commit") : []),
    ...(/\b(staging|staged?|git add)\b/.test(words) ? ruled("no-stage") : []),
  ];
  if (git.length > 0 && object.paths.length === 0) return git;
  if (isGit(words) && object.paths.length === 0) return classifyRun(words);
  if (object.paths.length + object.soft.length > 0 && !isDependencies(words.replace(/\S*[./]\S*/g, ""))) {
    const places = /^((any|additional|extra) )*new (files?|modules?)\b/.test(words);
    if (places && object.paths.some((path) => facts.namedBelow(path).length > 0))
      return ruled("no-new-files");
    return byPath(one) ?? advisory;
  }
  if (isNetwork(words) || /^(any )?downloads?\b/.test(words)) return ruled("no-network");
  if (isTests(words)) return ruled("no-test-changes", one);
  if (isDependencies(words)) return ruled("no-new-dependencies", one);
  if (
    /^((any|file|or|and) )*(renames?|renaming|moves|moving)( of)?( (any|the|files?|director(y|ies)|folders?|or|modules?))*$/.test(
      words,
    )
  )
    return ruled("no-rename");
  if (
    /^((any|file|or|and) )*(deletions?|deletes|removals?)( of)?( (any|the|files?|director(y|ies)|folders?))*$/.test(
      words,
    )
  )
    return ruled("no-delete");
  if (limited.beyond && (object.universal || words === ""))
    return [{ kind: "beyond", paths: limited.beyond, names: limited.names }];
  if (/^((any|all|the) )*other files?\b/.test(words)) return [...onlyTheTask, ...ruled("no-new-files")];
  if (
    /^((any|more|no) )*((new|additional|extra|further|unlisted|other) )+(files?|modules?|scripts?|director(y|ies)|folders?)\b|^files?$/.test(
      words,
    )
  )
    return ruled("no-new-files", one);
  if (object.universal && (object.other || limited.other)) return onlyTheTask;
  return /^((any|the|other) )*unrelated files?\b/.test(words) ? onlyTheTask : advisory;
}
