import type { Token } from "../text/tokens.ts";
import type { Lead, Spot } from "./lead.ts";
import { readLeave } from "./states.ts";
import { verbAt } from "./verbs.ts";

/** Prohibitions that begin with other words: "avoid", "without", "no new files", "hands off", "leave x alone". */

export function avoid({ tokens, at, token, word }: Spot): Lead | undefined {
  if (token.lower === "avoid") return { kind: verbAt(tokens, at + 1) ? "gerund" : "noun", from: at + 1 };
  return token.lower === "refrain" && word(1) === "from" ? { kind: "gerund", from: at + 2 } : undefined;
}

/** "Without touching x", "without any change to x", "rather than editing x". */
export function without({ tokens, at, token, word }: Spot): Lead | undefined {
  const from =
    token.lower === "without"
      ? at + 1
      : /^(instead of|rather than)$/.test(`${token.lower} ${word(1)}`)
        ? at + 2
        : -1;
  if (from < 0) return undefined;
  const verb = verbAt(tokens, from);
  if (verb?.form === "gerund") return verb.act === "other" ? undefined : { kind: "gerund", from };
  const noun = /^(any|a)$/.test(tokens[from]?.lower ?? "") ? from + 1 : from;
  return token.lower === "without" && isProhibitedNoun(tokens[noun]) ? { kind: "noun", from } : undefined;
}

/** "No new files", "change no other files", "there must be no changes", "neither a.ts nor b.ts may change". */
export function no({ tokens, at, start, token, before, opens, word }: Spot): Lead | undefined {
  const isNo = /^(no|neither|zero)$/.test(token.lower) || (token.lower === "none" && word(1) === "of");
  if (!isNo) return undefined;
  const led = opens || /^(be|is|are|make|makes|see|need|expect)$/.test(before?.lower ?? "");
  const firm =
    (at === start && token.lower !== "zero") ||
    startsClauseWithVerb(tokens, start, at) ||
    (led && isProhibitedNoun(tokens[at + 1]));
  const idle = /^(longer|more|matter|doubt)$/.test(word(1)) || /^(needed|necessary|required)$/.test(word(2));
  return firm && !idle ? { kind: "noun", from: token.lower === "none" ? at + 2 : at + 1 } : undefined;
}

/** After "but", "with" or a comma, "no" forbids only what work is made of: "and no new dependencies". */
function isProhibitedNoun(token: Token | undefined): boolean {
  return /^(new|other|additional|extra|further|changes?|edits?|commits?|network|dependencies|files?|renames?|renaming|tests?|test|modifications?|refactoring|refactors?|git|staging|deletions?|third-party|external|more)$/.test(
    token?.lower ?? "",
  );
}

/** "Change no other files", "Add no dependencies", "Touch nothing else". */
function startsClauseWithVerb(tokens: readonly Token[], start: number, at: number): boolean {
  return at - start > 0 && at - start <= 3 && verbAt(tokens, at - 1)?.form === "base";
}

export function handsOff({ at, token, opens, word }: Spot): Lead | undefined {
  if (!/^(hands|stay|keep|steer)$/.test(token.lower) || !opens) return undefined;
  const length =
    /^(hands off|stay out of|stay away from|keep out of|keep away from|steer clear of|keep (your )?hands off)( of)?/
      .exec([0, 1, 2, 3, 4].map(word).join(" "))?.[0]
      .split(" ").length;
  return length ? { kind: "direct", from: at + length } : undefined;
}

export function leave({ tokens, at, token, before, opens }: Spot): Lead | undefined {
  const isVerb = /^(leave|keep|left|kept|treat|consider|regard|use|mark)$/.test(token.lower);
  return isVerb && (opens || /^(be|is|are)$/.test(before?.lower ?? "")) ? readLeave(tokens, at) : undefined;
}

export function ignore({ tokens, at, start, token }: Spot): Lead | undefined {
  return /^(ignore|skip|exclude|omit|bypass)$/.test(token.lower) &&
    at === start &&
    /[/\\]|\.\w{1,5}$/.test(tokens[at + 1]?.text ?? "")
    ? { kind: "direct", from: at + 1 }
    : undefined;
}

export function nothing({ tokens, at, start, token, opens }: Spot): Lead | undefined {
  return token.lower === "nothing" && (opens || startsClauseWithVerb(tokens, start, at))
    ? { kind: "nothing", from: at, subject: true }
    : undefined;
}
