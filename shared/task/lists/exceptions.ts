import { type Item, lineAt } from "../text/items.ts";
import { type KindOf, pathOf } from "../text/names.ts";
import { isDash, type Token } from "../text/tokens.ts";
import {
  conjunctions,
  determiners,
  fileNouns,
  prepositions,
  softNouns,
  stops,
  verbOf,
} from "../text/words.ts";
import type { NamedPath } from "./named.ts";

const exceptWord = /^(except|excepting|excluding|excludes|exclude|minus|besides)$/;

/** How many words say "except" here: "except (for)", "but not", "other than", "apart from", "without". */
export function exceptionAt(tokens: readonly Token[], at: number): number {
  const [one = "", two = "", three = ""] = [0, 1, 2].map((step) => tokens[at + step]?.lower ?? "");
  if (exceptWord.test(one)) return /^(for|from|in|the)$/.test(two) ? 2 : 1;
  if (one === "but" && two === "not") return /^(for|in)$/.test(three) ? 3 : 2;
  if (one === "without") return verbOf(two) ? 0 : 1;
  if (one === "not" && /^(including|counting)$/.test(two)) return 2;
  if (/^(other|apart|aside)$/.test(one) && /^(than|from)$/.test(two)) return 2;
  return 0;
}

/** The files after "except": paths, and plain names where `names` says that a name can stand there. */
export function readExceptions(
  tokens: readonly Token[],
  item: Item,
  kindOf: KindOf,
  names: boolean,
): { paths: NamedPath[]; end: number } {
  const paths: NamedPath[] = [];
  let at = 0;
  for (; at < tokens.length; at++) {
    const token = tokens[at];
    if (!token || isDash(token)) break;
    const raw =
      pathOf(token, names ? "list" : "prose", kindOf) ?? (names ? plainName(tokens, at) : undefined);
    if (raw !== undefined) {
      paths.push({ raw, line: lineAt(item, token.offset) });
      const next = tokens[at + 1];
      const goesOn =
        token.tail === "," || isJoint(next) || (next && pathOf(next, "prose", kindOf) !== undefined);
      if (token.tail !== ";" && !goesOn) return { paths, end: at + 1 };
    } else if (stops.has(token.lower) && token.lower !== "for") break;
    else if (
      !isJoint(token) &&
      !determiners.has(token.lower) &&
      !fileNouns.has(token.lower) &&
      !prepositions.has(token.lower) &&
      !softNouns.has(token.lower) &&
      token.lower !== "for"
    )
      break;
    if (token.closes || token.tail === ";" || token.tail === "." || token.tail === ":") {
      at++;
      break;
    }
  }
  return { paths, end: at };
}

/** A single word as a name: "except legacy", "except the vendor folder". */
function plainName(tokens: readonly Token[], at: number): string | undefined {
  const token = tokens[at];
  if (!token || !/^[\w.@-]+$/.test(token.text) || determiners.has(token.lower) || fileNouns.has(token.lower))
    return undefined;
  const next = tokens[at + 1];
  const ends = token.closes || token.tail !== "" || next === undefined || isJoint(next);
  const folder = next !== undefined && /^(folder|directory|dir|file|package|module)$/.test(next.lower);
  return ends || folder || token.code ? token.text : undefined;
}

export function isJoint(token: Token | undefined): boolean {
  return token !== undefined && !token.code && conjunctions.has(token.lower);
}
