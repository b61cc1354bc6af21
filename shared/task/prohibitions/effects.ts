import type { Rule } from "../spec.ts";
import type { KindOf } from "../text/names.ts";
import type { Clause } from "./find.ts";
import type { Limited } from "./limits.ts";
import type { ProhibitedObject } from "./objects.ts";

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

/** One act of a clause on one of the things it names. */
export interface Case {
  act: Clause["acts"][number];
  clause: Clause;
  object: ProhibitedObject;
  limited: Limited;
  facts: TaskFacts;
}

export const advisory: Effect[] = [{ kind: "advisory" }];
export const onlyTheTask: Effect[] = [{ kind: "beyond", paths: [], names: false }];

/** A rule, with what the clause excepts. */
export function ruled(rule: Rule, one?: Case): Effect[] {
  return [{ kind: "rule", rule, except: one?.limited.beyond ?? [] }];
}

/** The paths are forbidden; advisory where the object speaks of the code in a file; undefined without files. */
export function byPath({ act, clause, object, limited, facts }: Case): Effect[] | undefined {
  const isNamed = (raw: string) => facts.isNamed(raw);
  const ofCode = act === "partial" || object.tail || clause.implied;
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
