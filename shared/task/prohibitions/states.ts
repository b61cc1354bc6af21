import type { Token } from "../text/tokens.ts";
import type { Lead } from "./lead.ts";

/** Prohibitions that say how something is to be: "x is off limits", "leave x alone", "treat x as read-only". */

const unchanged =
  /^(unchanged|untouched|intact|alone|unmodified|as-is|unaltered|unstaged|uncommitted|frozen|stable|identical|put|be)$/;
const asItIs = /^(as is|as they|as it|the same|out of|in place)\b/;
/** What nobody may change; after "is", "as" and the like. */
const closed =
  /^(off[- ]limits|out[- ]of[- ]scope|(strictly )?read[- ]?only|frozen|forbidden|prohibited|not allowed|not permitted|disallowed|untouchable|protected|not in scope|not part of|untouched|unchanged|off the table|taboo|(for |as )?reference( only)?|excluded|to be left|to stay|to remain|rejected|reverted|refused)\b/;
/** Said of an act ("changes to x are forbidden"), not of a thing that is to stay as it is. */
const disallowed =
  /^(forbidden|prohibited|not allowed|not permitted|disallowed|off[- ]limits|out[- ]of[- ]scope|not in scope|rejected|reverted|refused|excluded|taboo|off the table)\b/;

function phrase(tokens: readonly Token[], from: number): string {
  return tokens
    .slice(from, from + 6)
    .map((token) => token.lower)
    .filter(
      (word) =>
        !/^(strictly|completely|absolutely|exactly|totally|currently|now|left|kept|also|all|always)$/.test(
          word,
        ),
    )
    .join(" ");
}

/** Whether a state that something is left in begins at an index. */
export function stateAt(tokens: readonly Token[], at: number): boolean {
  const word = tokens[at]?.lower ?? "";
  // "be" is a state only at the end: "leave x be".
  if (word === "be") return at === tokens.length - 1;
  return unchanged.test(word) || asItIs.test(`${word} ${tokens[at + 1]?.lower ?? ""}`);
}

/** "Leave x unchanged", "keep x as it is", "treat x as read-only", "use x for reference only". */
export function readLeave(tokens: readonly Token[], at: number): Lead | undefined {
  const isKeeping = /^(leave|keep|left|kept)$/.test(tokens[at]?.lower ?? "");
  for (let end = at + 1; end < Math.min(tokens.length, at + 30); end++) {
    if (isKeeping && stateAt(tokens, end)) return { kind: "leave", from: at + 1 };
    const word = tokens[end]?.lower ?? "";
    const after = phrase(tokens, /^(as|for)$/.test(word) ? end + 1 : end);
    const only = isKeeping || /^(as|for)$/.test(word) || /^(frozen|read[- ]?only|off[- ]limits)$/.test(word);
    if (end > at + 1 && only && closed.test(after) && !/^reference(?! only)/.test(after))
      return { kind: "leave", from: at + 1 };
    if (/[;:]/.test(tokens[end]?.tail ?? "")) return undefined;
  }
  return undefined;
}

/** The object of "leave x unchanged": up to the state, or after it ("leave alone x"). */
export function untilState(tokens: readonly Token[]): Token[] {
  const end = tokens.findIndex(
    (token, index) =>
      stateAt(tokens, index) ||
      (index > 0 && /^(as|for)$/.test(token.lower) && closed.test(phrase(tokens, index + 1))) ||
      (index > 0 && /^(frozen|read[- ]?only|off[- ]limits|off)$/.test(token.lower)),
  );
  if (end === 0) return tokens.slice(1);
  return end < 0 ? [...tokens] : tokens.slice(0, end);
}

/** "x is off limits", "x must stay as it is", "x and y are read-only", "changes to x are forbidden". */
export function readState(tokens: readonly Token[], at: number, start: number): Lead | undefined {
  if (at === start) return undefined;
  const word = tokens[at]?.lower ?? "";
  const after = phrase(tokens, at + 1);
  const state = (of: string): Lead => ({
    kind: disallowed.test(of) ? "disallowed" : "state",
    from: at,
    subject: true,
  });
  if (/^off[- ]limits$|^out-of-scope$/.test(word) || (word === "off" && /^limits\b/.test(after)))
    return state("off limits");
  if (/^(is|are)$/.test(word)) {
    // "is not allowed to" speaks of who does it, "is protected to some extent" of something else.
    const isState =
      closed.test(after) && !/^\w+ to \w/.test(after.replace(/^not allowed|^not permitted/, "no"));
    if (isState || /^(unchanged|as is|as it is|as they are)/.test(after)) return state(after);
  }
  if (
    /^(stays?|remains?|be)$/.test(word) &&
    (unchanged.test(after.split(" ")[0] ?? "") ||
      /^(as is|as it is|as they are|as it was|the same|off[- ]limits|out of scope|read[- ]?only|as-is|rejected|reverted|refused|forbidden)\b/.test(
        after,
      ))
  )
    return state(after);
  return undefined;
}
