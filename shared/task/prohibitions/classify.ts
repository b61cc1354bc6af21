import type { Item } from "../text/items.ts";
import { classifyAct } from "./acts.ts";
import { asChanges } from "./changes.ts";
import type { Effect, TaskFacts } from "./effects.ts";
import type { Clause } from "./find.ts";
import { limit } from "./limits.ts";
import { readObjects } from "./objects.ts";

/** Says what a prohibition comes to: held as a path, held as a rule, or only told. */
export function classify(given: Clause, item: Item, facts: TaskFacts): Effect[] {
  if (given.acts[0] === "only")
    return [{ kind: "beyond", paths: given.object.map((token) => token.text), names: true }];
  const clause = asChanges(given, facts.kindOf);
  const limited = limit(clause.object, clause.remarks, item, facts.kindOf);
  if (clause.joined && clause.object.some((token) => token.lower === "instead")) return [];
  const objects = readObjects(limited.head, clause.remarks, facts.kindOf);
  const effects = clause.acts.flatMap((act) =>
    objects.flatMap((object) => classifyAct({ act, clause, object, limited, facts })),
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
