import { folderOf } from "../lists/sets.ts";
import { type KindOf, pathOf } from "../text/names.ts";
import type { Token } from "../text/tokens.ts";
import { conjunctions, determiners, isWriteVerb, prepositions, stops, verbOf } from "../text/words.ts";

/** A path in a sentence. */
export interface Found {
  raw: string;
  token: Token;
}

/** Paths that follow each other; `end`: the index of the word after them. */
export interface PathList {
  found: Found[];
  end: number;
}

/** The paths that stand at an index, joined by commas and "and". */
export function readPathList(tokens: readonly Token[], from: number, kindOf: KindOf): PathList {
  const found: Found[] = [];
  let end = from;
  for (let at: number | undefined = from; at !== undefined; ) {
    const token: Token | undefined = tokens[at];
    const raw = token && folderOf(tokens, at, pathOf(token, "prose", kindOf));
    if (!token || raw === undefined) break;
    found.push({ raw, token });
    end = at + 1;
    at = token.tail === ":" ? undefined : nextInList(tokens, end, kindOf);
  }
  return { found, end };
}

function nextInList(tokens: readonly Token[], end: number, kindOf: KindOf): number | undefined {
  let next = end;
  while (
    conjunctions.has(tokens[next]?.lower ?? "") ||
    /^(both|also|file|files|then)$/.test(tokens[next]?.lower ?? "")
  )
    next++;
  const after = tokens[next];
  if (!after || (next === end && tokens[end - 1]?.tail !== ",")) return undefined;
  if (pathOf(after, "prose", kindOf) !== undefined) return next;
  return next === end ? undefined : afterNoun(tokens, next, kindOf);
}

/** "and its test a.test.ts", "and the callers in b.ts": the index of the path. */
function afterNoun(tokens: readonly Token[], from: number, kindOf: KindOf): number | undefined {
  if (!determiners.has(tokens[from]?.lower ?? "")) return undefined;
  for (let at = from + 1; at < Math.min(tokens.length, from + 6); at++) {
    const token = tokens[at];
    if (!token) return undefined;
    if (pathOf(token, "prose", kindOf) !== undefined) return at;
    if (stops.has(token.lower) || token.tail !== "" || conjunctions.has(token.lower)) return undefined;
    if (prepositions.has(token.lower) && !/^(in|inside|within|under|at)$/.test(token.lower)) return undefined;
    // "its mention in b.md": after the article stands a noun.
    if (at > from + 1 && isWriteVerb(token.lower) && verbOf(token.lower)?.act !== "create") return undefined;
  }
  return undefined;
}
