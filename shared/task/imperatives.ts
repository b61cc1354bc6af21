import { type Item, lineAt } from "./items.ts";
import { type KindOf, pathOf } from "./names.ts";
import { type NamedPath, setPatterns } from "./paths.ts";
import { beforeDash, sentencesOf, splitRemarks } from "./sentences.ts";
import { type Token, tokenize } from "./tokens.ts";
import { conjunctions, determiners, fileNouns, places, prepositions, stops, verbOf } from "./words.ts";

/** What sentences say may be changed. */
export interface Imperatives {
  paths: NamedPath[];
  /** "Only touch X", "Limit the changes to X": nothing else, whatever other sentences say. */
  only: NamedPath[];
}

const preludes = new Set(
  `please then also next first second third finally now just kindly lastly additionally and simply to your task is job goal the
  objective i we you want need should must can could would will like let's let us have has make-sure ensure-that my it's in-this-task
  step this may help me try afterwards so first, again`.split(/\s+/),
);
const openers = /^(open|go|navigate|take)$/;
const notModified =
  /\b(spec|specs|specification|design|plan|proposal|rfc|adr|requirements?|issue|protocol|algorithm|description|ticket|document|contract|steps?|mockups?|prd|guidelines?|style guide|rules|conventions?|pattern|approach|example)$/;
const exclusive = /^(only|just|solely|exclusively)$/;

/**
 * Reads which files the sentences of an item say to change: "Modify a.ts", "In a.ts, add ...",
 * "Only touch a.ts". Where a sentence can be read two ways, the path is left out.
 */
export function readImperatives(item: Item, kindOf: KindOf): Imperatives {
  const result: Imperatives = { paths: [], only: [] };
  for (const sentence of sentencesOf(tokenize(item.text))) {
    const { plain } = splitRemarks(sentence);
    const tokens = beforeDash(plain);
    const named = (found: readonly Found[]) =>
      found.map(({ raw, token }) => ({ raw, line: lineAt(item, token.offset) }));
    const only = readOnly(tokens, kindOf);
    if (only) {
      result.paths.push(...named(only));
      result.only.push(...named(only));
    } else result.paths.push(...named(readSentence(tokens, kindOf)));
  }
  return result;
}

interface Found {
  raw: string;
  token: Token;
}

function readSentence(all: readonly Token[], kindOf: KindOf): Found[] {
  const tokens = skipPrelude(all);
  const inPlace = readPlaceFirst(tokens, kindOf);
  if (inPlace) return inPlace;
  const found: Found[] = [];
  for (const clause of clausesOf(tokens, kindOf)) {
    const first = clause[0];
    if (!first || !isWriteVerb(first)) continue;
    found.push(...readClause(clause, kindOf));
    // "Fix a.ts: remove b.ts from the imports": what follows a colon explains.
    if (found.length > 0 && clause.some((token) => token.tail === ":")) break;
  }
  return found;
}

function skipPrelude(tokens: readonly Token[]): Token[] {
  let at = 0;
  while (at < tokens.length - 1 && !isWriteVerbAt(tokens, at)) {
    const token = tokens[at];
    if (!token || token.code || !preludes.has(token.lower)) break;
    at++;
  }
  return isWriteVerbAt(tokens, at) ? tokens.slice(at) : [...tokens];
}

function isWriteVerbAt(tokens: readonly Token[], at: number): boolean {
  const token = tokens[at];
  return token !== undefined && isWriteVerb(token);
}

const furtherVerbs = new Set(
  `implement set support handle test cover use enable disable wrap apply turn switch speed finish complete
  work save rename store cache expose return throw emit mark resolve address revise reduce increase bring give let start stop
  debug investigate-and-fix hook wire round sort validate verify-that check-in bound`.split(/\s+/),
);

function isWriteVerb(token: Token): boolean {
  if (token.code) return false;
  const verb = verbOf(token.lower);
  if (verb?.form === "base" && /^(change|partial|create|delete|rename|depend)$/.test(verb.act)) return true;
  return furtherVerbs.has(token.lower) || openers.test(token.lower);
}

/** "In a.ts, add ...", "a.ts: add ...", "Inside a.ts and b.ts replace ...". */
function readPlaceFirst(tokens: readonly Token[], kindOf: KindOf): Found[] | undefined {
  let at = 0;
  const start = tokens[0];
  const isPlace = start !== undefined && /^(in|inside|within|under|for|to|at|from)$/.test(start.lower);
  if (isPlace) at++;
  while (at < 4 && (determiners.has(tokens[at]?.lower ?? "") || fileNouns.has(tokens[at]?.lower ?? ""))) at++;
  const list = readList(tokens, at, kindOf);
  if (list.found.length === 0) return undefined;
  const last = tokens[list.end - 1];
  let next = list.end;
  while (/^(please|also|then|just|only|you|should|must|can|may)$/.test(tokens[next]?.lower ?? "")) next++;
  const verb = tokens[next];
  if (!verb || !isWriteVerb(verb)) return [];
  if (isPlace) return /^(for|to|from|at)$/.test(start.lower) ? [] : list.found;
  return last?.tail === ":" ? list.found : [];
}

/** Divides a sentence where a new verb begins: "... and add b.ts", ", then update c.ts", ": edit d.ts". */
function clausesOf(tokens: readonly Token[], kindOf: KindOf): Token[][] {
  const clauses: Token[][] = [];
  let start = 0;
  for (let at = 1; at < tokens.length; at++) {
    const before = tokens[at - 1];
    const token = tokens[at];
    if (!before || !token || !isWriteVerb(token) || pathOf(token, "prose", kindOf) !== undefined) continue;
    const joined =
      conjunctions.has(before.lower) || /^(then|also|please)$/.test(before.lower) || /[,:]/.test(before.tail);
    if (!joined) continue;
    const from = conjunctions.has(before.lower) || /^(then|also|please)$/.test(before.lower) ? at - 1 : at;
    clauses.push(tokens.slice(start, from));
    start = at;
  }
  clauses.push(tokens.slice(start));
  const first = clauses[0]?.[0]?.lower;
  // "If x fails, edit b.ts" gives no leave that holds in every case.
  return first !== undefined && /^(if|unless|otherwise|alternatively|maybe|perhaps)$/.test(first)
    ? []
    : clauses;
}

/** One verb and what it applies to. */
function readClause(clause: readonly Token[], kindOf: KindOf): Found[] {
  const verb = clause[0]?.lower ?? "";
  const { words, fallback } = walk(clause, kindOf);
  if (verb === "make" && words && /\b(pass|green|succeed|work|compile)\b/.test(rest(clause, words.end)))
    return [];
  const chosen = words ?? fallback;
  if (!chosen) return [];
  let found = chosen.found;
  const folder = folderAfter(clause, chosen.end, kindOf);
  if (folder !== undefined && found.every(({ raw }) => !/[/\\]/.test(raw)))
    found = found.map(({ raw, token }) => ({ raw: `${folder}/${raw}`, token }));
  if (/^(rename|move|relocate|convert|port|migrate|split|extract|copy|inline|merge|turn)$/.test(verb)) {
    found = verb === "copy" ? [] : [...found];
    const target = targetAfter(clause, chosen.end, kindOf);
    if (target.length === 1 && /[/\\]$/.test(target[0]?.raw ?? "") && verb !== "extract") {
      for (const one of chosen.found) {
        const name = one.raw.split(/[/\\]/).filter(Boolean).at(-1);
        found.push({ raw: `${target[0]?.raw}${name}`, token: one.token });
      }
    } else found.push(...target);
  }
  return found;
}

function rest(clause: readonly Token[], from: number): string {
  return clause
    .slice(from)
    .map((token) => token.lower)
    .join(" ");
}

interface Chosen {
  found: Found[];
  end: number;
}

/**
 * Looks for the object of a verb, then for its place. `words`: the path itself or where it is ("in a.ts");
 * `fallback`: only "of a.ts".
 */
function walk(clause: readonly Token[], kindOf: KindOf): { words?: Chosen; fallback?: Chosen } {
  let preposition = "";
  let noun: string[] = [];
  let definite = false;
  let fallback: Chosen | undefined;
  const creates = verbOf(clause[0]?.lower ?? "")?.act === "create";
  const removes = /^(remove|delete|drop|extract|move|strip|split)$/.test(clause[0]?.lower ?? "");
  for (let at = 1; at < clause.length; at++) {
    const token = clause[at];
    if (!token) break;
    const set = setPatterns(token);
    if (set && /^files?$/.test(clause[at + 1]?.lower ?? "")) {
      const folder = clause[at + 3];
      const raw =
        folder && places.has(clause[at + 2]?.lower ?? "") ? pathOf(folder, "prose", kindOf) : undefined;
      if (raw === undefined) return {};
      const deep = clause[at + 2]?.lower === "in" ? "" : "**/";
      return {
        words: {
          found: set.map((one) => ({ raw: `${raw.replace(/[/\\]+$/, "")}/${deep}${one}`, token })),
          end: at + 4,
        },
      };
    }
    const list = readList(clause, at, kindOf);
    if (list.found.length > 0) {
      const place =
        preposition === "" ||
        /^(in|to|into|inside|within|under|at|on|below|across|throughout|named|called|as)$/.test(preposition);
      const removing = preposition === "from" && removes;
      const spec = preposition !== "" && notModified.test(noun.join(" "));
      if ((place || removing) && !spec && !definite) return { words: list };
      if (preposition === "of" && !spec) fallback ??= list;
      at = list.end - 1;
      preposition = "";
      noun = [];
      definite = false;
      continue;
    }
    if (stops.has(token.lower) && token.lower !== "for" && !token.code) break;
    if (/^(for|with|using|by|via|through|from|about|against)$/.test(token.lower) && !token.code) {
      definite =
        !(token.lower === "from" && removes) &&
        (/^(the|that|those|this|these|its|our|existing|all|one)$/.test(clause[at + 1]?.lower ?? "") ||
          pathOf(clause[at + 1] ?? token, "prose", kindOf) !== undefined);
      preposition = token.lower;
      if (!definite) noun = [];
      continue;
    }
    // "to import from b.ts" is a purpose, not a place.
    if (token.lower === "to" && isVerbLike(clause[at + 1])) break;
    if (prepositions.has(token.lower) && !token.code) preposition = token.lower;
    else if (/^(named|called|titled)$/.test(token.lower)) {
      preposition = "named";
      definite = false;
    } else noun.push(token.lower);
    if (/[,:]/.test(token.tail) && !creates && token.tail === ":") break;
    if (token.tail === ",") definite = false;
  }
  return fallback ? { fallback } : {};
}

function isVerbLike(token: Token | undefined): boolean {
  return (
    token !== undefined &&
    !token.code &&
    (verbOf(token.lower)?.form === "base" || furtherVerbs.has(token.lower))
  );
}

/** The paths that stand at an index, joined by commas and "and". */
function readList(tokens: readonly Token[], from: number, kindOf: KindOf): Chosen {
  const found: Found[] = [];
  let at = from;
  let end = from;
  while (at < tokens.length) {
    const token = tokens[at];
    const raw = token && pathOf(token, "prose", kindOf);
    if (!token || raw === undefined) break;
    found.push({ raw, token });
    end = at + 1;
    if (token.tail === ":") break;
    let next = end;
    while (
      conjunctions.has(tokens[next]?.lower ?? "") ||
      /^(both|also|file|files|then)$/.test(tokens[next]?.lower ?? "")
    )
      next++;
    const after = tokens[next];
    const joined = next > end || token.tail === ",";
    if (!joined || !after) break;
    if (pathOf(after, "prose", kindOf) !== undefined) at = next;
    else {
      const noun = nounBefore(tokens, next, kindOf);
      if (noun === undefined || next === end) break;
      at = noun;
    }
  }
  return { found, end };
}

/** "and its test a.test.ts", "and the callers in b.ts": the index of the path. */
function nounBefore(tokens: readonly Token[], from: number, kindOf: KindOf): number | undefined {
  if (!determiners.has(tokens[from]?.lower ?? "")) return undefined;
  for (let at = from + 1; at < Math.min(tokens.length, from + 6); at++) {
    const token = tokens[at];
    if (!token) return undefined;
    if (pathOf(token, "prose", kindOf) !== undefined) return at;
    if (stops.has(token.lower) || token.tail !== "" || conjunctions.has(token.lower)) return undefined;
    if (prepositions.has(token.lower) && !/^(in|inside|within|under|at)$/.test(token.lower)) return undefined;
    if (isWriteVerb(token) && verbOf(token.lower)?.act !== "create") return undefined;
  }
  return undefined;
}

/** "Create a.py in src/utils/": the folder, without a slash at its end. */
function folderAfter(clause: readonly Token[], from: number, kindOf: KindOf): string | undefined {
  if (!/^(in|under|inside|within|at|into|to)$/.test(clause[from]?.lower ?? "")) return undefined;
  if (
    !/^(create|add|write|put|place|generate|make|introduce|save|produce|build)$/.test(clause[0]?.lower ?? "")
  )
    return undefined;
  let at = from + 1;
  while (determiners.has(clause[at]?.lower ?? "") || /^(new|folder|directory)$/.test(clause[at]?.lower ?? ""))
    at++;
  const token = clause[at];
  if (!token) return undefined;
  const isNoun = /^(folder|directory|dir|subfolder|subdirectory)$/.test(clause[at + 1]?.lower ?? "");
  const raw =
    pathOf(token, "prose", kindOf) ??
    (isNoun && /^[\w.-]+$/.test(token.text) && token.lower !== "current" ? token.text : undefined);
  if (raw === undefined || /\.[A-Za-z]\w{0,5}$/.test(raw)) return undefined;
  return raw.replace(/[/\\]+$/, "");
}

/** "... to b.ts", "... into b.ts and c.ts". */
function targetAfter(clause: readonly Token[], from: number, kindOf: KindOf): Found[] {
  for (let at = from; at < clause.length; at++) {
    const word = clause[at]?.lower ?? "";
    if (stops.has(word)) return [];
    if (!/^(to|into|->|→)$/.test(word)) continue;
    let next = at + 1;
    while (
      determiners.has(clause[next]?.lower ?? "") ||
      /^(new|file|module|files)$/.test(clause[next]?.lower ?? "")
    )
      next++;
    const list = readList(clause, next, kindOf);
    if (list.found.length > 0) return list.found;
  }
  return [];
}

/** Sentences that name all that may change. */
export function readOnly(tokens: readonly Token[], kindOf: KindOf): Found[] | undefined {
  const words = tokens.map((token) => token.lower);
  const at = words.findIndex((word, index) => index < 8 && exclusive.test(word));
  const verbAt = (index: number) => {
    const token = tokens[index];
    const verb = token && !token.code ? verbOf(token.lower) : undefined;
    return verb !== undefined && verb.form === "base" && /^(change|partial|create|delete)$/.test(verb.act);
  };
  const objectAt = (from: number) => {
    let index = from;
    while (
      /^(the|files?|in|inside|within|to|under|changes?|code|folder|directory|following|a|an|new|named|called|anything|single|one|at|on)$/.test(
        words[index] ?? "",
      )
    )
      index++;
    return readList(tokens, index, kindOf);
  };
  if (at >= 0) {
    const lead = words
      .slice(0, at)
      .every(
        (word) =>
          preludes.has(word) ||
          verbOf(word) !== undefined ||
          /^(changes?|edits?|are|is|be|allowed|permitted|limited|in|files?|made|go)$/.test(word),
      );
    // "Only touch a.ts", "You may only edit a.ts".
    if (lead && verbAt(at + 1)) {
      const list = objectAt(at + 2);
      if (list.found.length > 0 && isWholeFile(tokens, list.end)) return list.found;
    }
    // "Touch only a.ts", "Changes only in a.ts", "Only in a.ts".
    if (lead && (at > 0 || /^(in|inside|within)$/.test(words[at + 1] ?? ""))) {
      const list = objectAt(at + 1);
      if (list.found.length > 0 && isWholeFile(tokens, list.end)) return list.found;
    }
    // "Only a.ts and b.ts may change".
    const list = objectAt(at + 1);
    if (
      list.found.length > 0 &&
      /^((is|are) )?(the only )?(files? )?(may|can|should|must|needs?|shall|will|is|are) (to )?(be )?(changed?|modif\w+|edit\w*|touch\w*|updated?|writ\w+|allowed|in scope)/.test(
        words.slice(list.end).join(" "),
      )
    )
      return list.found;
    // "Modify a.ts only", "a.ts only".
    const before = readList(tokens, at - 1, kindOf);
    if (before.found.length > 0 && at === tokens.length - 1) {
      const start = listStart(tokens, at, kindOf);
      if (
        start === 0 ||
        (verbAt(0) &&
          tokens.slice(1, start).every((token) => determiners.has(token.lower) || fileNouns.has(token.lower)))
      )
        return readList(tokens, start, kindOf).found;
    }
  }
  // "a.ts is the only file you may change".
  const subject = readList(tokens, 0, kindOf);
  if (
    subject.found.length > 0 &&
    /^(is|are) the only (files?|ones?|places?|paths?|things?)\b/.test(words.slice(subject.end).join(" "))
  )
    return subject.found;
  const sentence = words.join(" ");
  if (
    /^(please |you (should|must) )?((limit|restrict|confine|keep|constrain) (all |your |any |the |every )*(changes?|edits?|modifications|work|yourself|diff|patch|scope|it|everything)( strictly| only)? (to|in|within|inside)|(all |any |your |the )*(changes?|edits|modifications|work|diff|patch) (must |should |may |are |is |has to |have to |be |stays? |only |limited |restricted |confined |remain |go |belongs? |made |strictly )+(to|in|within|inside)|(stay|work|remain)( strictly| only)? (in|within|inside))\b/.test(
      sentence,
    )
  ) {
    const index = words.findIndex(
      (word, position) => position > 0 && /^(to|in|within|inside|into)$/.test(word),
    );
    const list = objectAt(index + 1);
    if (list.found.length > 0 && isWholeFile(tokens, list.end)) return list.found;
  }
  return undefined;
}

function listStart(tokens: readonly Token[], end: number, kindOf: KindOf): number {
  for (let at = 0; at < end; at++) {
    const list = readList(tokens, at, kindOf);
    if (list.found.length > 0) return list.end === end ? at : end;
  }
  return end;
}

/** After the paths nothing comes that would make it "only the imports of a.ts use ...". */
function isWholeFile(tokens: readonly Token[], end: number): boolean {
  const next = tokens[end];
  return (
    next === undefined ||
    tokens[end - 1]?.tail !== "" ||
    stops.has(next.lower) ||
    conjunctions.has(next.lower) ||
    /^(for|to|in|here|now|when|with|please|then|by|at)$/.test(next.lower)
  );
}
