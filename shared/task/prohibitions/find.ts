import { type Item, lineAt } from "../text/items.ts";
import type { KindOf } from "../text/names.ts";
import { sentencesOf, splitRemarks } from "../text/sentences.ts";
import { show, type Token, tokenize } from "../text/tokens.ts";
import type { Verb } from "../text/words.ts";
import { belowHeading, findLeads } from "./clauses.ts";
import type { Draft } from "./draft.ts";
import {
  exceptionLast,
  isPronominal,
  isPronoun,
  leadingPaths,
  nearestPaths,
  partsOf,
  splitPairs,
  startsWithPath,
  startsWithVerb,
  withRemark,
} from "./parts.ts";

/** One thing that is not to be done. */
export interface Clause extends Omit<Draft, "said"> {
  /** As written. */
  text: string;
  line: number;
  /** Remarks in parentheses: exceptions may stand there. */
  remarks: Token[][];
  /** The object was only called "it": the file was named before, perhaps as the place of what is meant. */
  implied: boolean;
}

/** A mark in front of what is not to be touched. */
const denies = /^[❌🚫⛔🛑✖]\uFE0F?$/u;

/**
 * Finds every prohibition in an item.
 * @param forbidding the verb of the heading ("Do not modify:"), or true for one without a verb; false in
 *   sections where only sentences can forbid
 */
export function findProhibitions(item: Item, forbidding: Verb | boolean, kindOf: KindOf): Clause[] {
  const clauses: Clause[] = [];
  let subjectBefore: Token[] = [];
  let before: Token[] = [];
  sentencesOf(tokenize(item.text)).forEach((marked, index, sentences) => {
    const heading = denies.test(marked[0]?.text ?? "") ? forbidding || true : forbidding;
    const sentence = splitPairs(marked);
    const afterSemicolon = sentences[index - 1]?.at(-1)?.tail === ";";
    const split = splitRemarks(sentence);
    const plain = exceptionLast(split.plain, kindOf);
    const add = (draft: Draft, remarks: Token[][]) => {
      const { object, implied } = meantBy(draft, sentence, before, kindOf);
      const { said, ...rest } = draft;
      const line = lineAt(item, (object[0] ?? sentence[0])?.offset ?? 0);
      clauses.push({ ...rest, object, implied, text: show(withRemark(sentence, said)), line, remarks });
    };
    // "src/gen.ts is generated. It must not be edited."
    let subject = isPronoun(plain[0]) ? subjectBefore : [];
    partsOf(plain, kindOf).forEach((part, position) => {
      const main =
        position === 0 &&
        (index === 0 || afterSemicolon || startsWithPath(part, kindOf) || startsWithVerb(part));
      const drafts =
        heading !== false && main
          ? belowHeading(part, heading, kindOf, subject)
          : findLeads(part, kindOf, subject);
      for (const draft of drafts) add(draft, split.remarks);
      if (position === 0 && !isPronoun(plain[0])) subject = leadingPaths(part, kindOf);
    });
    subjectBefore = subject;
    for (const remark of split.remarks) {
      const named = subject.length > 0 ? subject : leadingPaths(plain, kindOf);
      for (const draft of findLeads(remark, kindOf, named)) add(draft, []);
    }
    before = sentence;
  });
  return clauses;
}

/** "Use x.ts, but do not change it": what "it" means was named before, in this sentence or in the last. */
function meantBy(
  draft: Draft,
  sentence: readonly Token[],
  last: readonly Token[],
  kindOf: KindOf,
): { object: Token[]; implied: boolean } {
  const { object, acts, at } = draft;
  const speaksOfFiles = acts.some((act) => /^(change|delete|read)$/.test(act));
  if (!speaksOfFiles || !isPronominal(object)) return { object, implied: draft.soft };
  for (const words of [sentence.filter((token) => token.offset < at), last]) {
    const paths = nearestPaths(words, kindOf);
    if (paths.length > 0) return { object: paths, implied: leadingPaths(words, kindOf)[0] !== paths[0] };
  }
  return { object, implied: draft.soft };
}
