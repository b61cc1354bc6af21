import { pathOf } from "../text/names.ts";
import type { Token } from "../text/tokens.ts";
import { isExecutor, type Lead, modals, type Spot } from "./lead.ts";
import { skipAdverbs, verbAt } from "./verbs.ts";

/** Prohibitions that begin with a negated verb: "do not", "must not", "is not to be", "under no circumstances". */

const negations = /^(don't|dont|don´t)$/;
const modalNots = /^(mustn't|shouldn't|can't|cannot|shan't|won't|needn't)$/;
/** "Do not forget to update x" asks for it. */
const positive =
  /^(forget|hesitate|worry|miss|fail|mind|neglect|omit|think|believe|care|know|see|want|like|need|have)$/;

/** "Do not", "don't". */
export function doNot({ tokens, at, token, opens, word }: Spot): Lead | undefined {
  const length = negations.test(token.lower) ? 1 : token.lower === "do" && word(1) === "not" ? 2 : 0;
  if (length === 0) return undefined;
  if (!opens || positive.test(word(length))) return wanting(tokens, at + length);
  return { kind: "verb", from: verbFrom(tokens, at + length) };
}

function changesAt(tokens: readonly Token[], at: number): boolean {
  const verb = verbAt(tokens, at);
  return verb?.form === "base" && verb.act === "change";
}

/** Behind adverbs, where they lead to a verb. */
function verbFrom(tokens: readonly Token[], from: number): number {
  const at = skipAdverbs(tokens, from);
  return verbAt(tokens, at) || !verbAt(tokens, from) ? at : from;
}

/** "We do not want changes in x", "I don't want you to touch y". */
function wanting(tokens: readonly Token[], at: number): Lead | undefined {
  if (!/^(want|like)$/.test(tokens[at]?.lower ?? "")) return undefined;
  let from = at + 1;
  while (/^(you|to|any|opencode|us|it|the|agent)$/.test(tokens[from]?.lower ?? "")) from++;
  return { kind: verbAt(tokens, from)?.form === "base" ? "verb" : "noun", from };
}

export function never({ tokens, at, token, opens, before, kindOf }: Spot): Lead | undefined {
  if (token.lower !== "never" || !(opens || modals.test(before?.lower ?? ""))) return undefined;
  const next = tokens[at + 1];
  if (next && pathOf(next, "forbid", kindOf) !== undefined) return { kind: "direct", from: at + 1 };
  return { kind: "verb", from: verbFrom(tokens, at + 1) };
}

/** "Be careful not to", "not allowed to", "but not change it". */
export function notTo({ tokens, at, token, opens, before, word }: Spot): Lead | undefined {
  if (token.lower === "not" && word(1) === "to" && word(2) !== "be") {
    const led = opens || /^(sure|careful|care|try|important)$/.test(before?.lower ?? "");
    if (led) return { kind: "verb", from: verbFrom(tokens, at + 2) };
  }
  if (
    /^(not|isn't|aren't)$/.test(token.lower) &&
    /^(allowed|permitted|supposed|authorized)$/.test(word(1)) &&
    word(2) === "to"
  )
    return { kind: "verb", from: at + 3 };
  if (/^(forbidden|prohibited|disallowed)$/.test(token.lower) && word(1) === "to")
    return { kind: "verb", from: at + 2 };
  if (token.lower === "not" && /^(but|and)$/.test(before?.lower ?? "") && changesAt(tokens, at + 1))
    return { kind: "verb", from: at + 1 };
  return undefined;
}

/** "Change a.ts, not b.ts", "a.ts instead of b.ts". */
export function notPath({ tokens, at, token, opens, kindOf, word }: Spot): Lead | undefined {
  const length =
    token.lower === "not" && opens
      ? 1
      : /^(instead of|rather than)$/.test(`${token.lower} ${word(1)}`)
        ? 2
        : 0;
  const path = tokens[at + length];
  if (length === 0 || !path || pathOf(path, "forbid", kindOf) === undefined) return undefined;
  return { kind: "direct", from: at + length, soft: true };
}

export function modal({ tokens, at, token, start, word }: Spot): Lead | undefined {
  const length = modalNots.test(token.lower)
    ? 1
    : modals.test(token.lower) && /^(not|never)$/.test(word(1))
      ? 2
      : 0;
  if (length === 0) return undefined;
  const from = at + length;
  const next = word(length);
  const subject = tokens.slice(start, at);
  if (next === "be" || next === "get")
    return { kind: "passive", from: skipAdverbs(tokens, from + 1), subject: true };
  // "Since another team owns x.ts, you must not edit it".
  const main = subject.slice(subject.findLastIndex((one) => one.tail === ",") + 1);
  if (isExecutor(subject) || (main.length > 0 && isExecutor(main))) {
    return { kind: "verb", from: verbFrom(tokens, from) };
  }
  if (verbAt(tokens, from)?.act === "change" && tokens[from + 1] === undefined)
    return { kind: "passive", from, subject: true };
  return { kind: "advice", from, subject: true };
}

/** "x is not to be changed", "make sure x isn't touched". */
export function isNot({ tokens, at, token, start, word, kindOf }: Spot): Lead | undefined {
  const length = /^(isn't|aren't)$/.test(token.lower)
    ? 1
    : /^(is|are)$/.test(token.lower) && /^(not|never)$/.test(word(1))
      ? 2
      : 0;
  if (length === 0 || at === start) return undefined;
  const toBe = word(length) === "to" && word(length + 1) === "be";
  const from = skipAdverbs(tokens, at + length + (toBe ? 2 : 0));
  const verb = verbAt(tokens, from);
  const done = verb?.form === "participle" && /^(change|partial|delete|rename|read)$/.test(verb.act);
  const subject = tokens.slice(start, at);
  const asked =
    toBe ||
    /^(ensure|sure|that|check|verify)$/.test(
      subject.find((one) => /^(ensure|sure|check|verify)$/.test(one.lower))?.lower ?? "",
    );
  const named = subject.some((one) => pathOf(one, "forbid", kindOf) !== undefined);
  return done && asked && (named || toBe) ? { kind: "passive", from, subject: true } : undefined;
}

/** "Under no circumstances edit x", "on no account should x be edited", "at no point". */
export function onNoAccount({ tokens, at, token, word }: Spot): Lead | undefined {
  const isPhrase =
    /^(under|on|in|at|by)$/.test(token.lower) &&
    word(1) === "no" &&
    /^(circumstances?|conditions?|account|case|cases|way|point|time|event|means)$/.test(word(2));
  if (!isPhrase) return undefined;
  const from = skipAdverbs(tokens, at + 3);
  if (verbAt(tokens, from)?.form === "base") return { kind: "verb", from };
  return modals.test(word(3)) ? { kind: "inverted", from: at + 4 } : undefined;
}

export function nobody({ tokens, at, token, word }: Spot): Lead | undefined {
  const length = token.lower === "nobody" ? 1 : `${token.lower} ${word(1)}` === "no one" ? 2 : 0;
  if (length === 0 || !modals.test(word(length))) return undefined;
  return verbAt(tokens, at + length + 1)?.form === "base"
    ? { kind: "verb", from: at + length + 1 }
    : undefined;
}

/** "Nor should b.ts." */
export function norShould({ at, start, token, word }: Spot): Lead | undefined {
  return /^(nor|neither)$/.test(token.lower) && modals.test(word(1)) && at === start
    ? { kind: "direct", from: at + 2 }
    : undefined;
}
