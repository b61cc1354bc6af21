import type { Item } from "./items.ts";
import type { KindOf } from "./names.ts";
import { type ProhibitedObject, readObject } from "./objects.ts";
import type { Clause } from "./prohibitions.ts";
import type { Rule } from "./spec.ts";

/** What a prohibition comes to. One prohibition may have several effects. */
export type Effect =
  | { kind: "forbid"; paths: string[]; except: string[] }
  | { kind: "no-read"; paths: string[] }
  /** `except`: may be changed all the same where they are in scope. */
  | { kind: "rule"; rule: Rule; except: string[] }
  /** Nothing but these may change; without paths: nothing but what the task names. */
  | { kind: "beyond"; paths: string[] }
  | { kind: "everything" }
  | { kind: "advisory" };

/** What classifying needs to know of the task. */
export interface TaskFacts {
  kindOf: KindOf;
  /** Whether the task names this very file as one to change. */
  isNamed(raw: string): boolean;
}

const dependency =
  /\b(dependenc(y|ies)|dep|deps|librar(y|ies)|packages?|npm modules?|node modules?|third[- ]party( code)?|gems?|crates?|devdependencies)\b/;
const manifest = /\b(lock ?files?|lock-files?|manifests?|package manifests?|dependency versions?)\b/;
const tests =
  /^((any|all|the|these|existing|other|of|more|new|additional|further|your|our|my|its|unit|integration|e2e|end-to-end|regression|current|passing|failing|related|unrelated|to|in|a|an|own|extra) )*(tests?|test ?(files?|suites?|cases?|code|expectations?|assertions?|folder|directory)|test-files?|specs?|spec files?|unit-tests?|testsuite)\b( (files?|at all|or fixtures|and fixtures|suite|to|so|anywhere|either|directly|themselves|whatsoever))*$/;
const files = /\b(files?|director(y|ies)|folders?|modules?|scripts?|anything|something|file or folder)\b/;
const specialFiles =
  /\b(temp|temporary|backup|scratch|documentation|doc|docs|markdown|readme|config|configuration|log|lock|summary|report|debug|helper-?doc|example|sample|migration|generated|build|output|barrel|index|type|declaration|css|json|yaml|\.\w+)\b/;
const newness = /\b(new|additional|extra|other|further|more|any|unlisted|else)\b/;
const network =
  /\b(network|internet|web|online|remote (hosts?|servers?|resources?)|external (services?|apis?|calls?|requests?|urls?|hosts?|resources?|network)|outbound|http requests?|network (access|calls?|requests?))\b/;
const gitWords =
  /\b(git (history|index|state|config|configuration|branches|branch|operations?|commands?)|staging area|(the |git )index|git history|version control|git)\b/;

/** Says what a prohibition comes to: held as a path, held as a rule, or only told. */
export function classify(clause: Clause, item: Item, facts: TaskFacts): Effect[] {
  const object = readObject(clause.object, clause.remarks, item, facts.kindOf);
  if (/\binstead\b/.test(object.words) && clause.joined) return [];
  const effects = clause.acts.flatMap((act) => classifyAct(act, clause, object, facts));
  return effects.length > 0 ? effects : [{ kind: "advisory" }];
}

const advisory: Effect[] = [{ kind: "advisory" }];
const ruled = (rule: Rule, object?: ProhibitedObject): Effect[] => [
  { kind: "rule", rule, except: object?.beyond ?? [] },
];

function classifyAct(
  act: Clause["acts"][number],
  clause: Clause,
  object: ProhibitedObject,
  facts: TaskFacts,
): Effect[] {
  const { words } = object;
  switch (act) {
    case "only":
      return [{ kind: "beyond", paths: clause.object.map((token) => token.text) }];
    case "stage":
      return ruled("no-stage");
    case "commit":
      return /\b(transaction|offset|cursor|batch)s?\b/.test(words) ? advisory : ruled("no-commit");
    case "run":
      return classifyRun(words, object);
    case "read":
      return classifyRead(clause, object, facts);
    case "depend":
      if (dependency.test(words) || manifest.test(words) || object.universal || words === "")
        return ruled("no-new-dependencies", object);
      return (
        changePaths(object, clause, facts) ??
        (/^(any |new |additional )?[`\w@/.-]+$/.test(words) ? ruled("no-new-dependencies") : advisory)
      );
    case "network":
      return network.test(words) || object.universal ? ruled("no-network") : advisory;
    case "delete":
      if (tests.test(words) || object.universal || object.paths.length > 0 || isFiles(words))
        return ruled("no-delete");
      return dependency.test(words) ? ruled("no-new-dependencies") : advisory;
    case "rename":
      return object.universal || object.paths.length > 0 || isFiles(words) || tests.test(words)
        ? ruled("no-rename")
        : advisory;
    case "create":
      return classifyCreate(clause, object, facts);
    case "change":
      return classifyChange(clause, object, facts);
    case "partial":
      return (
        changePaths(object, clause, facts) ??
        (object.other && /\bfiles?\b/.test(words) ? [{ kind: "beyond", paths: [] }] : advisory)
      );
    case "none":
      return classifyNoun(clause, object, facts);
    case "other":
      return advisory;
  }
}

function isFiles(words: string): boolean {
  return /^((any|all|the|existing|or|and|these|of|other) )*(files?|director(y|ies)|folders?|modules?|anything|source files?)\b/.test(
    words,
  );
}

function classifyRun(words: string, object: ProhibitedObject): Effect[] {
  const effects: Effect[] = [];
  const git = /\bgit\b/.test(words);
  if (git && /\b(add|stage|rm|mv|-a)\b/.test(words)) effects.push(...ruled("no-stage"));
  if (git && /\b(commit|merge|rebase|cherry-pick|revert|am)\b/.test(words))
    effects.push(...ruled("no-commit"));
  if (
    effects.length === 0 &&
    git &&
    (/^(any |the |other )*git( (commands?|operations?|at all|write commands?|itself|here|in any way))*$/.test(
      words,
    ) ||
      /state-changing|write|mutating|that (change|modify)/.test(words))
  )
    return [...ruled("no-stage"), ...ruled("no-commit")];
  if (
    /\b(npm|pnpm|yarn|bun|pip3?|poetry|uv|cargo|go|gem|bundle|composer|apt|brew)\b.*\b(install|add|i|get|require|upgrade|update)\b/.test(
      words,
    )
  )
    effects.push(...ruled("no-new-dependencies"));
  if (network.test(words) || /\b(curl|wget)\b/.test(words)) effects.push(...ruled("no-network"));
  if (/\b(new|external|third-party|additional|extra|other|any)\b/.test(words) && dependency.test(words))
    effects.push(...ruled("no-new-dependencies"));
  return effects.length > 0 || object.paths.length > 0 ? (effects.length > 0 ? effects : advisory) : advisory;
}

function classifyRead(clause: Clause, object: ProhibitedObject, facts: TaskFacts): Effect[] {
  const { words } = object;
  if (network.test(words)) return ruled("no-network");
  const paths = [...object.paths, ...object.soft];
  if (paths.length === 0) return advisory;
  // "Do not read config.json at import time" of a file to change speaks of the code.
  const ofCode =
    object.tail ||
    object.mentions.length > 0 ||
    / (at|on|in|during|from|twice|when|into|before|after) /.test(` ${words} `);
  if (ofCode && paths.every((path) => facts.isNamed(path))) return advisory;
  const effects: Effect[] = [{ kind: "no-read", paths }];
  if (clause.verbs.includes("access")) effects.push({ kind: "forbid", paths, except: object.beyond ?? [] });
  return effects;
}

function classifyCreate(clause: Clause, object: ProhibitedObject, facts: TaskFacts): Effect[] {
  const { words } = object;
  if (
    /^((any|more|further|other|unrelated|additional|the|unnecessary|direct|manual|such) )*(changes|edits|modifications|alterations|adjustments|change|edit|modification)\b/.test(
      words,
    )
  )
    return classifyChanges(clause, object, facts);
  if (/\bcommits?\b/.test(words)) return ruled("no-commit");
  if (network.test(words)) return ruled("no-network");
  if (object.paths.length > 0 && !/\bdependenc/.test(words))
    return isFiles(words) && !/^(write|overwrite)$/.test(clause.verbs[0] ?? "")
      ? object.beyond
        ? []
        : ruled("no-new-files")
      : (changePaths(object, clause, facts) ?? advisory);
  if (tests.test(words)) return ruled("no-test-changes", object);
  if (dependency.test(words)) return ruled("no-new-dependencies", object);
  if (files.test(words) || object.universal || (object.other && words !== "")) {
    if (object.beyond && !object.exceptWords) return [...ruled("no-new-files", object)];
    if (specialFiles.test(words) && !/\b(other|additional|extra|any other|any new)\b/.test(words))
      return advisory;
    return newness.test(words) || isFiles(words) || object.universal
      ? ruled("no-new-files", object)
      : advisory;
  }
  return advisory;
}

/** "changes to x.ts", "edits outside src/", "test changes". */
function classifyChanges(clause: Clause, object: ProhibitedObject, facts: TaskFacts): Effect[] {
  const at = clause.object.findIndex((token) =>
    /^(changes?|edits?|modifications?|alterations?|adjustments?)$/.test(token.lower),
  );
  const after = clause.object.slice(at + 1);
  if (
    /\b(test|tests)$/.test(
      clause.object
        .slice(0, at)
        .map((token) => token.lower)
        .join(" "),
    )
  )
    return ruled("no-test-changes", object);
  const rest = { ...clause, object: after, acts: ["change" as const] };
  if (after.length > 0 || object.beyond) {
    const inner = readObject(after, clause.remarks, emptyItem, facts.kindOf);
    const aimed = {
      ...inner,
      universal: inner.universal || (after.length === 0 ? true : inner.words === ""),
      other: inner.other,
      beyond: inner.beyond ?? object.beyond,
    };
    return changeEffects(rest, aimed, facts);
  }
  if (/\b(other|further|additional|more)\b/.test(object.words)) return [{ kind: "beyond", paths: [] }];
  return object.other ? [{ kind: "beyond", paths: [] }] : advisory;
}

const emptyItem: Item = { text: "", starts: [], indent: 0, listed: false, fence: undefined, gap: false };

function classifyChange(clause: Clause, object: ProhibitedObject, facts: TaskFacts): Effect[] {
  return changeEffects(clause, object, facts);
}

function changeEffects(clause: Clause, object: ProhibitedObject, facts: TaskFacts): Effect[] {
  const { words } = object;
  const stripped = words.replace(/^(to|in|of|on) /, "");
  if (tests.test(stripped)) {
    const effects = ruled("no-test-changes", object);
    return object.paths.length > 0
      ? [...effects, { kind: "forbid", paths: object.paths, except: object.beyond ?? [] }]
      : effects;
  }
  const byPath = changePaths(object, clause, facts);
  if (byPath) return byPath;
  if (gitWords.test(words)) return [...ruled("no-stage"), ...ruled("no-commit")];
  if (
    (dependency.test(words) && !/\b(of|in) /.test(words.split(/dependenc|librar|packages?/)[1] ?? "")) ||
    manifest.test(words)
  )
    return ruled("no-new-dependencies", object);
  if (network.test(words) && clause.verbs.includes("touch")) return ruled("no-network");
  if (object.beyond && (object.universal || words === "" || object.other))
    return [{ kind: "beyond", paths: object.beyond }];
  if (object.other && (object.universal || words === "")) return [{ kind: "beyond", paths: [] }];
  if (/^(any |the |other )?unrelated files?\b/.test(words)) return [{ kind: "beyond", paths: [] }];
  if (
    object.universal &&
    /^(anything|everything|any files?|all files|nothing|files|any file at all|anything at all)$/.test(words)
  )
    return object.exceptWords ? advisory : [{ kind: "everything" }];
  return advisory;
}

/** The paths that are forbidden; undefined where the object names none, advisory where it speaks of code. */
function changePaths(object: ProhibitedObject, clause: Clause, facts: TaskFacts): Effect[] | undefined {
  const partial = clause.acts.every((act) => act === "partial");
  const spoken = (raw: string) => facts.isNamed(raw);
  const direct = object.paths.filter((raw) => !((partial || object.tail) && spoken(raw)));
  const soft = object.soft.filter((raw) => !spoken(raw));
  const paths = [...direct, ...soft];
  if (clause.joined && paths.length > 0 && paths.every(spoken)) return [];
  if (paths.length > 0) return [{ kind: "forbid", paths, except: object.beyond ?? [] }];
  return object.paths.length + object.soft.length + object.mentions.length > 0
    ? [{ kind: "advisory" }]
    : undefined;
}

/** "No new dependencies", and what stands below "Out of scope:". */
function classifyNoun(clause: Clause, object: ProhibitedObject, facts: TaskFacts): Effect[] {
  const { words } = object;
  if (
    /\b(changes|edits|modifications|alterations|changing|edit|change)\b/.test(words) &&
    !/\b(breaking|api|behaviou?ral|behaviou?r|signature|schema|style|formatting|format|logic|semantic|functional|public|unrelated|visual|ui|config|configuration|interface)\b/.test(
      words.split(/\bchanges?|edits?\b/)[0] ?? "",
    )
  )
    return classifyChanges(clause, object, facts);
  if (/\bgit\b/.test(words) && !object.paths.length) {
    const run = classifyRun(words, object);
    if (run !== advisory) return run;
    if (/\bgit (push|stash|tag|checkout|reset|pull|fetch|clean|restore)\b/.test(words)) return advisory;
  }
  const effects: Effect[] = [];
  if (/\b(commits?|committing)\b/.test(words)) effects.push(...ruled("no-commit"));
  if (/\b(staging|staged|stage)\b/.test(words)) effects.push(...ruled("no-stage"));
  if (effects.length > 0) return effects;
  if (object.paths.length + object.soft.length > 0 && !dependency.test(words)) {
    if (/^((any|new|additional|extra) )*new (files?|tests?|modules?)\b/.test(words))
      return ruled(/tests?/.test(words) ? "no-test-changes" : "no-new-files");
    return changePaths(object, clause, facts) ?? advisory;
  }
  if (network.test(words) || /^(any )?downloads?\b/.test(words)) return ruled("no-network");
  if (tests.test(words) || /\btest (changes|edits|modifications)\b/.test(words))
    return ruled("no-test-changes", object);
  if (
    manifest.test(words) ||
    (dependency.test(words) &&
      !/\b(api|import|imports|circular|cycles?|between|boundary|boundaries)\b/.test(words))
  )
    return ruled("no-new-dependencies", object);
  if (/\b(renames?|renaming|moves|moving)\b/.test(words))
    return isFiles(words.replace(/^(renames?|renaming|moves|moving|or|and| )+(of )?/, "")) ||
      /^(renames?|moves|file (renames?|moves))( or (renames?|moves))?$/.test(words)
      ? ruled("no-rename")
      : advisory;
  if (/\b(deletions?|deletes|removals?)\b/.test(words))
    return /^(file )?(deletions?|deletes|removals?)( of files)?$/.test(words) ? ruled("no-delete") : advisory;
  if (object.beyond && (object.universal || words === "")) return [{ kind: "beyond", paths: object.beyond }];
  if (/^((any|all|the) )*other files?\b/.test(words))
    return [{ kind: "beyond", paths: [] }, ...ruled("no-new-files")];
  if (object.other && object.universal && !/\b(additional|extra|further)\b/.test(words))
    return [{ kind: "beyond", paths: [] }];
  if (
    /^((any|more) )*((new|additional|extra|further|other|unlisted) )+(files?|modules?|scripts?|director(y|ies)|folders?)\b|^files?$/.test(
      words,
    )
  )
    return ruled("no-new-files", object);
  if (/^(any )?unrelated files?\b/.test(words)) return [{ kind: "beyond", paths: [] }];
  return advisory;
}
