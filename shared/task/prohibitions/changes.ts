import { type KindOf, pathOf } from "../text/names.ts";
import { conjunctions, determiners } from "../text/words.ts";
import type { Clause } from "./find.ts";

const goers = /^(work|go|enter|step|venture)$/;
const inside = /^(in|into|inside|on|under|within|at)$/;

/** "make changes to x.ts", "no edits outside src/", "test changes": all speak of changing. */
export function asChanges(clause: Clause, kindOf: KindOf): Clause {
  const goes = clause.verbs.some((verb) => goers.test(verb)) && clause.verbs.length === 1;
  // "Do not work in src/legacy/".
  if (goes && inside.test(clause.object[0]?.lower ?? ""))
    return { ...clause, acts: ["change"], object: clause.object.slice(1) };
  const makes =
    clause.acts.every((act) => act === "none" || act === "create") ||
    clause.verbs.every((verb) => /^(apply|perform)$/.test(verb));
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
      /^(other|further|additional|more|unnecessary|direct|manual|such|made|whatsoever|file|code|deletions|additions)$/.test(
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
