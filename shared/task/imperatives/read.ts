import { exceptionAt, readExceptions } from "../lists/exceptions.ts";
import type { NamedPath } from "../lists/named.ts";
import { type Item, lineAt } from "../text/items.ts";
import { type KindOf, pathOf } from "../text/names.ts";
import { beforeDash, sentencesOf, splitRemarks } from "../text/sentences.ts";
import { type Token, tokenize } from "../text/tokens.ts";
import {
  conjunctions,
  determiners,
  fileNouns,
  isWriteVerb,
  preludes,
  prepositions,
  stops,
  verbOf,
} from "../text/words.ts";
import { readClause } from "./clause.ts";
import { readOnly } from "./only.ts";
import { type Found, readPathList } from "./pathlist.ts";

/** What sentences say may be changed. */
export interface Imperatives {
  paths: NamedPath[];
  /** "Clean up src/ except src/gen/". */
  except: NamedPath[];
}

/**
 * Reads which files the sentences of an item say to change: "Modify a.ts", "In a.ts, add ...",
 * "Only touch a.ts". Where a sentence can be read two ways, the path is left out.
 * @param verbs when given, only sentences with these verbs count
 */
export function readImperatives(item: Item, kindOf: KindOf, verbs?: ReadonlySet<string>): Imperatives {
  const result: Imperatives = { paths: [], except: [] };
  for (const sentence of sentencesOf(tokenize(item.text))) {
    const tokens = beforeDash(splitRemarks(sentence).plain);
    const found = (verbs ? undefined : readOnly(tokens, kindOf)) ?? readSentence(tokens, kindOf, verbs);
    if (found.length === 0) continue;
    result.paths.push(...found.map(({ raw, token }) => ({ raw, line: lineAt(item, token.offset) })));
    result.except.push(...exceptionsIn(sentence, item, kindOf));
  }
  return result;
}

function exceptionsIn(sentence: readonly Token[], item: Item, kindOf: KindOf): NamedPath[] {
  for (let at = 1; at < sentence.length; at++) {
    const length = exceptionAt(sentence, at);
    if (length > 0)
      return readExceptions(sentence.slice(at + length), item, kindOf, sentence[at]?.opens ?? false).paths;
  }
  return [];
}

function readSentence(
  all: readonly Token[],
  kindOf: KindOf,
  verbs: ReadonlySet<string> | undefined,
): Found[] {
  const tokens = skipPrelude(all);
  const inPlace = readPlaceFirst(tokens, kindOf, verbs);
  if (inPlace) return inPlace;
  const found: Found[] = [];
  for (const clause of clausesOf(tokens, kindOf)) {
    const verb = clause[0];
    if (!verb || verb.code || !isWriteVerb(verb.lower) || (verbs && !verbs.has(verb.lower))) continue;
    found.push(...readClause(clause, kindOf));
    // "Fix a.ts: remove b.ts from the imports": what follows a colon explains.
    if (found.length > 0 && clause.some((token) => token.tail === ":")) break;
  }
  return found;
}

/** What is done without a change, and words that only look like a verb before an article. */
const told =
  /^(see|find|note|notice|check|study|review|understand|consider|compare|trace|analy[sz]e|investigate|explore|remember|recall|expect|believe|think|know|learn|mind|observe|verify|validate|ensure|confirm|respect|preserve|follow|match|mirror|mimic|adopt|summarize|report|tell|count|profile|was|were|are|has|have|had|does|did|can|could|would|should|must|will|may|might|shall|here|there|then|thus|hence|such|what|how|why|not|never|nothing|you|they|she|one|two|today|currently|already|still|even|yet|too|almost|about|same|see-also)$/;

function skipPrelude(all: readonly Token[]): readonly Token[] {
  const lead = all.findIndex((token) => token.lower !== "please" && token.lower !== "then");
  const agent = /^(use|ask|tell|let|have|get) opencode (to )?/.exec(
    all
      .slice(Math.max(0, lead), lead + 4)
      .map((token) => `${token.lower} `)
      .join(""),
  );
  const tokens = agent ? all.slice(lead + (agent[2] ? 3 : 2)) : all;
  const at = tokens.findIndex(
    (token) => token.code || isWriteVerb(token.lower) || !preludes.has(token.lower),
  );
  // "The format of notes" begins with a noun.
  const isNoun = /^(the|your|my|it's)$/.test(tokens[at - 1]?.lower ?? "");
  return at > 0 && !isNoun && isWriteVerb(tokens[at]?.lower ?? "") ? tokens.slice(at) : tokens;
}

/** "In a.ts, add ...", "a.ts: add ...", "Inside a.ts and b.ts replace ...". */
function readPlaceFirst(
  tokens: readonly Token[],
  kindOf: KindOf,
  verbs: ReadonlySet<string> | undefined,
): Found[] | undefined {
  const start = tokens[0]?.lower ?? "";
  const isPlace = /^(in|inside|within|under|for|to|at|from)$/.test(start);
  let at = isPlace ? 1 : 0;
  while (at < 4 && (determiners.has(tokens[at]?.lower ?? "") || fileNouns.has(tokens[at]?.lower ?? ""))) at++;
  const list = readPathList(tokens, at, kindOf);
  if (list.found.length === 0) return undefined;
  let next = list.end;
  while (/^(please|also|then|just|only|you|should|must|can|may)$/.test(tokens[next]?.lower ?? "")) next++;
  const verb = tokens[next];
  if (!verb || verb.code || (verbs && !verbs.has(verb.lower))) return [];
  if (!isWriteVerb(verb.lower) && !(isPlace && tellsToDo(tokens, next))) return [];
  const goesOn = isPlace ? /^(in|inside|within|under)$/.test(start) : tokens[list.end - 1]?.tail === ":";
  return goesOn ? list.found : [];
}

/** Whether an unknown word is a verb that tells what to do: "In a.ts, hoist the call". */
function tellsToDo(tokens: readonly Token[], at: number): boolean {
  const word = tokens[at]?.lower ?? "";
  const next = tokens[at + 1]?.lower ?? "";
  const known =
    verbOf(word) !== undefined ||
    determiners.has(word) ||
    prepositions.has(word) ||
    stops.has(word) ||
    conjunctions.has(word);
  const isVerb = /^[a-z-]{3,}$/.test(word) && !/(s|ed|ing|ly)$/.test(word) && !told.test(word);
  return !known && isVerb && /^(the|a|an|all|every|each|its|their|it|them|both|any)$/.test(next);
}

/** Divides a sentence where a new verb begins: "... and add b.ts", ", then update c.ts", "by editing d.ts". */
function clausesOf(tokens: readonly Token[], kindOf: KindOf): Token[][] {
  // "If x fails, edit b.ts" gives no leave that holds in every case.
  if (/^(if|unless|otherwise|alternatively|maybe|perhaps)$/.test(tokens[0]?.lower ?? "")) return [];
  const clauses: Token[][] = [];
  let start = 0;
  for (let at = 1; at < tokens.length; at++) {
    const before = tokens[at - 1];
    const token = tokens[at];
    if (!before || !token || token.code) continue;
    const means = before.lower === "by" ? verbOf(token.lower) : undefined;
    if (means?.form === "gerund" && isWriteVerb(means.base)) {
      const way = clausesOf([{ ...token, lower: means.base }, ...tokens.slice(at + 1)], kindOf);
      // "Fix the failures in a.test.ts by changing a.ts" changes a.ts alone.
      if (way.some((clause) => readClause(clause, kindOf).length > 0)) return [...clauses, ...way];
      clauses.push(tokens.slice(start, at - 1));
      return [...clauses, ...way];
    }
    if (!isWriteVerb(token.lower)) continue;
    const afterWord = conjunctions.has(before.lower) || /^(then|also|please)$/.test(before.lower);
    if ((!afterWord && !/[,:]/.test(before.tail)) || pathOf(token, "prose", kindOf) !== undefined) continue;
    clauses.push(tokens.slice(start, afterWord ? at - 1 : at));
    start = at;
  }
  clauses.push(tokens.slice(start));
  return clauses;
}
