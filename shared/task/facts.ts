import { within } from "./boundary.ts";
import { isLiteral, normalizePattern } from "./pattern.ts";
import { asItIs, type Place } from "./place.ts";
import type { TaskFacts } from "./prohibitions/effects.ts";

/** Answers what classifying asks of a task. @param allow what it allows so far, with lines */
export function factsOf(
  place: Place,
  allow: ReadonlyMap<string, number>,
  isNamed: TaskFacts["isNamed"],
): TaskFacts {
  return {
    kindOf: place.kindOf,
    isNamed,
    isAllWithin: (raws) => {
      const places = raws.flatMap((raw) => {
        const result = normalizePattern(raw, place.root);
        return result.ok ? [asItIs(result.pattern, place)] : [];
      });
      return [...allow.keys()].every((pattern) =>
        places.some((path) => within(pattern, path).includes(pattern)),
      );
    },
    namedBelow: (raw) => {
      const result = normalizePattern(raw, place.root);
      const folder = result.ok ? `${result.pattern.replace(/\/(\*\*)?$/, "")}/` : "/";
      return [...allow.keys()].filter((pattern) => pattern.startsWith(folder) && isLiteral(pattern));
    },
  };
}
