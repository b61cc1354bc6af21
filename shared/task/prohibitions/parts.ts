import { exceptionAt } from "../lists/exceptions.ts";
import { type KindOf, pathOf } from "../text/names.ts";
import { isDash, type Token } from "../text/tokens.ts";
import { conjunctions, determiners, verbOf } from "../text/words.ts";

/** The parts of a sentence that may hold a prohibition, and what "it" means in them. */

const pronouns = /^(it|they|them|this|that|these|those|both|either|there|which)$/;
/** Words around a pronoun that say no more than it does. */
const beside =
  /^(at|all|here|directly|manually|too|please|yourself|itself|themselves|again|ever|anyway|now|by|hand|in|any|way|under|circumstances|file|files|either)$/;

/** Whether a token stands for something that was named before. */
export function isPronoun(token: Token | undefined): boolean {
  return token !== undefined && !token.code && pronouns.test(token.lower);
}

/** Whether an object names nothing itself: "do not edit", "do not edit it by hand". */
export function isPronominal(object: readonly Token[]): boolean {
  return object.every((token) => isPronoun(token) || (!token.code && beside.test(token.lower)));
}

function isPath(token: Token | undefined, kindOf: KindOf): boolean {
  return token !== undefined && pathOf(token, "forbid", kindOf) !== undefined;
}

export function startsWithPath(tokens: readonly Token[], kindOf: KindOf): boolean {
  return isPath(tokens[0], kindOf);
}

export function startsWithVerb(tokens: readonly Token[]): boolean {
  return tokens[0] !== undefined && !tokens[0].code && verbOf(tokens[0].lower)?.form === "base";
}

/** The paths at the beginning of a sentence: its subject. */
export function leadingPaths(tokens: readonly Token[], kindOf: KindOf): Token[] {
  const found: Token[] = [];
  for (const token of tokens) {
    if (isPath(token, kindOf)) found.push(token);
    else if (!isFiller(token)) break;
  }
  return found;
}

/** The paths that were named last, one or several joined by "and". */
export function nearestPaths(tokens: readonly Token[], kindOf: KindOf): Token[] {
  const last = tokens.findLastIndex((token) => isPath(token, kindOf));
  const found: Token[] = [];
  for (let at = last; at >= 0; at--) {
    const token = tokens[at];
    if (!token) break;
    if (isPath(token, kindOf)) found.unshift(token);
    else if (!isFiller(token)) break;
  }
  return found;
}

function isFiller(token: Token): boolean {
  return conjunctions.has(token.lower) || determiners.has(token.lower);
}

/** "Apart from a.ts, nothing may change": the exception goes to the end, where others have it. */
export function exceptionLast(tokens: readonly Token[], kindOf: KindOf): Token[] {
  const length = exceptionAt(tokens, 0);
  if (length === 0 || /^(without|not)$/.test(tokens[0]?.lower ?? "")) return [...tokens];
  let end = length;
  while (end < tokens.length && (isPath(tokens[end], kindOf) || isFiller(tokens[end] as Token))) end++;
  const rest = tokens.slice(end);
  return rest.length > 0 && tokens[end - 1]?.tail === "," ? [...rest, ...tokens.slice(0, end)] : [...tokens];
}

/** "stage/commit" is two verbs; marks such as a cross are no words. */
export function splitPairs(tokens: readonly Token[]): Token[] {
  return tokens.flatMap((token) => {
    if (/^(\p{Extended_Pictographic}\uFE0F?)+$/u.test(token.text)) return [];
    const words = token.code ? [] : token.text.split("/");
    if (words.length < 2 || !words.every((word) => verbOf(word.toLowerCase()))) return [token];
    return words.flatMap((text, index) => {
      const last = index === words.length - 1;
      const word = {
        ...token,
        text,
        lower: text.toLowerCase(),
        tail: last ? token.tail : "",
        shown: last ? token.shown : "",
      };
      return last ? [word] : [word, { ...word, text: "/", lower: "/" }];
    });
  });
}

/** The words of a clause in their sentence, with the remark in parentheses that follows them. */
export function withRemark(sentence: readonly Token[], said: readonly Token[]): Token[] {
  const offsets = said.map((token) => token.offset);
  const from = Math.min(...offsets);
  const to = Math.max(...offsets);
  const words = sentence.filter((token) => token.offset >= from && token.offset <= to);
  let at = sentence.findIndex((token) => token.offset > to);
  if (at < 0 || !sentence[at]?.opens) return words;
  for (let closed = false; !closed && at < sentence.length; at++) {
    const token = sentence[at];
    if (token) words.push(token);
    closed = token?.closes ?? true;
  }
  return words;
}

/** Divides a sentence at dashes, and after a path with a colon. */
export function partsOf(tokens: readonly Token[], kindOf: KindOf): Token[][] {
  const parts: Token[][] = [[]];
  for (const [index, token] of tokens.entries()) {
    if (isDash(token) && !/^(->|→|=>|⇒)$/.test(token.text)) parts.push([]);
    else parts.at(-1)?.push(token);
    const ends = token.tail === ":" && index < tokens.length - 1;
    if (ends && (isPath(token, kindOf) || (parts.at(-1)?.length ?? 0) < 4)) parts.push([]);
  }
  return parts.filter((part) => part.length > 0);
}
