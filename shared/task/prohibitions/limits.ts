import { exceptionAt, readExceptions } from "../lists/exceptions.ts";
import type { Item } from "../text/items.ts";
import { type KindOf, pathOf } from "../text/names.ts";
import type { Token } from "../text/tokens.ts";
import { stops } from "../text/words.ts";

/** The object of a prohibition up to where an exception, a limit or a reason begins. */
export interface Limited {
  head: Token[];
  /** "... outside src/", "anything except x.ts"; undefined where nothing of the kind is said. */
  beyond: string[] | undefined;
  /** The limit is "except x", not "outside x". */
  names: boolean;
  /** "... outside the scope", "files that are not listed": all but what the task names. */
  other: boolean;
  /** An exception that names no file. */
  vague: boolean;
}

/** Cuts the object of a prohibition where it ends; exceptions in its remarks count as well. */
export function limit(
  tokens: readonly Token[],
  remarks: readonly Token[][],
  item: Item,
  kindOf: KindOf,
): Limited {
  const limited = cut(tokens, item, kindOf);
  for (const remark of remarks) {
    const length = exceptionAt(remark, 0) || (remark[0]?.lower === "but" ? 2 : 0);
    if (length === 0) continue;
    const { paths } = readExceptions(remark.slice(length), item, kindOf, true);
    if (paths.length > 0) {
      limited.beyond = [...(limited.beyond ?? []), ...paths.map((path) => path.raw)];
      limited.names = true;
    } else limited.vague = true;
  }
  return limited;
}

function cut(tokens: readonly Token[], item: Item, kindOf: KindOf): Limited {
  for (const [at, token] of tokens.entries()) {
    if (token.code) continue;
    const limited = {
      head: tokens.slice(0, at),
      beyond: undefined,
      names: false,
      other: false,
      vague: false,
    };
    const found = limitAt(tokens, at);
    if (found?.kind === "other") return { ...limited, other: true };
    if (found) {
      const rest = tokens.slice(at + found.length);
      const beyond = readExceptions(rest, item, kindOf, true).paths.map((path) => path.raw);
      if (beyond.length > 0 && !theTask.test(beyond[0] ?? ""))
        return { ...limited, beyond, names: found.kind === "except" };
      const other = found.kind === "outside" || rest.slice(0, 6).some((word) => theTask.test(word.lower));
      return { ...limited, other, vague: !other };
    }
    // "any file matching src/*.test.ts" names the files.
    if (token.lower === "matching" && pathOf(tokens[at + 1] ?? token, "forbid", kindOf) !== undefined)
      continue;
    // "the tests to make them pass"
    if (at > 0 && token.lower === "to" && startsPurpose(tokens[at + 1])) return limited;
    if (at > 0 && (stops.has(token.lower) || startsRemark(tokens, at))) return limited;
  }
  return { head: [...tokens], beyond: undefined, names: false, other: false, vague: false };
}

/** "except the files above", "outside the scope of this task". */
const theTask =
  /^(scope|task|list|listed|named|mentioned|these|those|this|above|following|files?|one|ones)$/i;

/** Whether a word behind "to" is a verb, and no place. */
function startsPurpose(token: Token | undefined): boolean {
  return (
    token !== undefined &&
    !token.code &&
    /^(make|get|fix|satisfy|pass|hide|work|save|avoid|let|allow)$/.test(token.lower)
  );
}

/** "..., it is used elsewhere": no longer the object. */
function startsRemark(tokens: readonly Token[], at: number): boolean {
  if (tokens[at - 1]?.tail !== ",") return false;
  return (
    /^(it|they|this|that|these|those|we|you|he|she|there|i)$/.test(tokens[at]?.lower ?? "") &&
    /^(is|are|was|were|will|would|has|have|had|must|should|can|could|may|need|needs|do|does|did|belongs?|stays?|breaks?|work|works|use|uses|want|depend|depends|come|comes)$/.test(
      tokens[at + 1]?.lower ?? "",
    )
  );
}

const unlisted =
  /^(listed|named|mentioned|specified|included|explicitly|part|needed|required|related|declared|covered|allowed|in scope)$/;

function limitAt(
  tokens: readonly Token[],
  at: number,
): { kind: "except" | "outside" | "other"; length: number } | undefined {
  const word = (step: number) => tokens[at + step]?.lower ?? "";
  const exception = exceptionAt(tokens, at) || (word(0) === "but" && at > 0 ? 1 : 0);
  if (exception > 0) return { kind: "except", length: exception };
  if (/^(outside|beyond)$/.test(word(0))) return { kind: "outside", length: word(1) === "of" ? 2 : 1 };
  // "that are not listed", "which is not in src/", "not under src/"
  const that = /^(that|which)$/.test(word(0)) ? 1 : 0;
  const verb = that + (/^(is|are|isn't|aren't)$/.test(word(that)) ? 1 : 0);
  const negated = word(verb) === "not" ? verb + 1 : /n't$/.test(word(verb - 1)) ? verb : undefined;
  if (negated === undefined) return undefined;
  if (/^(in|under|within|inside|below)$/.test(word(negated))) return { kind: "outside", length: negated + 1 };
  return unlisted.test(word(negated)) ? { kind: "other", length: negated } : undefined;
}
