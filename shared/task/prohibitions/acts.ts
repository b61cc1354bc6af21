import { advisory, byPath, type Case, type Effect, onlyTheTask, ruled } from "./effects.ts";
import { classifyNoun } from "./noun.ts";
import {
  isDependencies,
  isDependencyList,
  isFiles,
  isGit,
  isKindOfFiles,
  isNetwork,
  isTests,
} from "./nouns.ts";
import type { ProhibitedObject } from "./objects.ts";
import { classifyRun } from "./run.ts";

/** What it comes to that an act is not to be done to a thing. */
export function classifyAct(one: Case): Effect[] {
  const { object } = one;
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
      if (isTests(words)) return [...ruled("no-delete"), ...ruled("no-test-changes", one)];
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
      return classifyNoun(one);
    default:
      return advisory;
  }
}

function concernsFiles(object: ProhibitedObject): boolean {
  return object.universal || object.paths.length > 0 || isFiles(object.words) || isTests(object.words);
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
  if (/^((any|the|new|more) )*code\b/.test(words)) return advisory;
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
