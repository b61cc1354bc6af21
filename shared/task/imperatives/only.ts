import type { KindOf } from "../text/names.ts";
import type { Token } from "../text/tokens.ts";
import { conjunctions, determiners, fileNouns, preludes, stops, verbOf } from "../text/words.ts";
import { type Found, type PathList, readPathList } from "./pathlist.ts";

const mayChange =
  /^((is|are) )?(the only )?(files? )?(may|can|should|must|needs?|shall|will|is|are) (to )?(be )?(changed?|modif\w+|edit\w*|touch\w*|updated?|writ\w+|allowed|in scope)/;
const limits =
  /^(please |you (should|must) )?((limit|restrict|confine|keep|constrain) (all |your |any |the |every )*(changes?|edits?|modifications|work|yourself|diff|patch|scope|it|everything)( strictly| only)?|(all |any |your |the )*(changes?|edits|modifications|work|diff|patch) (must |should |may |are |is |has to |have to |be |stays? |only |limited |restricted |confined |remain |go |belongs? |made |strictly )+|(stay|work|remain)( strictly| only)?) ?(to|in|within|inside)\b/;
const theOnly = /^(you )?.{0,40}\b(is|are)$/;

/** The files of a sentence that names all that may change: "Only touch a.ts", "Limit the changes to src/". */
export function readOnly(tokens: readonly Token[], kindOf: KindOf): Found[] | undefined {
  const words = tokens.map((token) => token.lower);
  const at = words.findIndex((word, index) => index < 8 && /^(only|just|solely|exclusively)$/.test(word));
  const found =
    (at >= 0 ? (afterOnly(tokens, words, at, kindOf) ?? beforeOnly(tokens, at, kindOf)) : undefined) ??
    named(tokens, words, kindOf);
  if (found) return found;
  if (!limits.test(words.slice(0, 20).join(" "))) return undefined;
  const place = words.findIndex((word, index) => index > 0 && /^(to|in|within|inside|into)$/.test(word));
  return whole(tokens, objectAt(tokens, place + 1, kindOf));
}

/** "Only touch a.ts", "You may only edit a.ts", "Changes only in a.ts", "Only a.ts may change". */
function afterOnly(
  tokens: readonly Token[],
  words: readonly string[],
  at: number,
  kindOf: KindOf,
): Found[] | undefined {
  const lead = words
    .slice(0, at)
    .every(
      (word) =>
        preludes.has(word) ||
        verbOf(word) !== undefined ||
        /^(changes?|edits?|are|is|be|allowed|permitted|limited|in|files?|made|go)$/.test(word),
    );
  const list = objectAt(tokens, at + 1, kindOf);
  if (list.found.length > 0 && mayChange.test(words.slice(list.end, list.end + 12).join(" ")))
    return list.found;
  if (!lead) return undefined;
  if (changes(tokens[at + 1])) return whole(tokens, objectAt(tokens, at + 2, kindOf));
  return at > 0 || /^(in|inside|within)$/.test(words[at + 1] ?? "") ? whole(tokens, list) : undefined;
}

/** "Modify a.ts only", "a.ts only". */
function beforeOnly(tokens: readonly Token[], at: number, kindOf: KindOf): Found[] | undefined {
  if (at !== tokens.length - 1) return undefined;
  for (let start = 0; start < at; start++) {
    const list = readPathList(tokens, start, kindOf);
    if (list.found.length === 0) continue;
    const between = tokens
      .slice(1, start)
      .every((token) => determiners.has(token.lower) || fileNouns.has(token.lower));
    return list.end === at && (start === 0 || (changes(tokens[0]) && between)) ? list.found : undefined;
  }
  return undefined;
}

/** "a.ts is the only file you may change", "The only file you may change is a.ts". */
function named(tokens: readonly Token[], words: readonly string[], kindOf: KindOf): Found[] | undefined {
  const subject = readPathList(tokens, 0, kindOf);
  const after = words.slice(subject.end, subject.end + 8).join(" ");
  if (subject.found.length > 0 && /^(is|are) the only (files?|ones?|places?|paths?|things?)\b/.test(after))
    return subject.found;
  if (!/^the only (files?|places?|paths?|things?|ones?)$/.test(words.slice(0, 3).join(" "))) return undefined;
  const verb = words.findIndex((word, index) => index < 14 && /^(is|are)$/.test(word));
  return verb > 0 && theOnly.test(words.slice(0, verb + 1).join(" "))
    ? whole(tokens, objectAt(tokens, verb + 1, kindOf))
    : undefined;
}

function changes(token: Token | undefined): boolean {
  const verb = token && !token.code ? verbOf(token.lower) : undefined;
  return verb?.form === "base" && /^(change|partial|create|delete)$/.test(verb.act);
}

function objectAt(tokens: readonly Token[], from: number, kindOf: KindOf): PathList {
  const filler =
    /^(the|files?|in|inside|within|to|under|changes?|code|folder|directory|following|a|an|new|named|called|anything|single|one|at|on)$/;
  let at = from;
  while (filler.test(tokens[at]?.lower ?? "")) at++;
  return readPathList(tokens, at, kindOf);
}

/** The files, where nothing comes after them that would make it "only the imports of a.ts use ...". */
function whole(tokens: readonly Token[], { found, end }: PathList): Found[] | undefined {
  const next = tokens[end];
  const ends =
    next === undefined ||
    tokens[end - 1]?.tail !== "" ||
    stops.has(next.lower) ||
    conjunctions.has(next.lower) ||
    /^(for|to|in|here|now|when|with|please|then|by|at)$/.test(next.lower);
  return found.length > 0 && ends ? found : undefined;
}
