import { type KindOf, pathOf } from "../text/names.ts";
import { isDash, type Token } from "../text/tokens.ts";
import { determiners, fileNouns, softNouns, verbOf } from "../text/words.ts";
import { isJoint } from "./exceptions.ts";

/** What may stand before the first path of an item of a list: "Modify", "the helper in", "Handler:". */

const leadWords = new Set(
  `you may also can should please new optional optionally m a d r mod add'l this following source target main primary unit
  integration regression its their in to under inside within below of at for-new and then possibly maybe if-needed file: handler
  implementation impl src frontend backend client server tests: docs: code`.split(/\s+/),
);

const deniedLabels =
  /\b(note|see|like|references?|ref|except|not|never|unchanged|keep|examples?|compare|cf|model|pattern|context|hint|warning|from|based|similar|unlike|using|imports?|uses?|read|inspect|do|don't|no|without|leave|forbidden|avoid)\b/;

/** What may be said of a file before a colon; an unknown label could mean the opposite ("Legacy:", "out:"). */
const labels = new Set(
  `handler handlers controller controllers view views component components router route routes hook hooks store stores util utils
  utility utilities helper helpers type types schema style styles stylesheet css html template templates entry entrypoint point
  cli library lib workflow ci readme changelog spec specs fixture fixtures i18n locale locales translation translations service
  services middleware parser client-side server-side database db migration migrations header headers function functions
  page pages layout form forms widget widgets interface api ui logic core setup script scripts job worker endpoint`.split(
    /\s+/,
  ),
);

/** Where the first path of the item stands, if only words that may lead up to it come before. */
export function findFirst(tokens: readonly Token[], kindOf: KindOf, limit = 9): number | undefined {
  let labelled = false;
  for (let at = 0; at < Math.min(tokens.length, limit); at++) {
    const token = tokens[at];
    if (!token) return undefined;
    const alone = at === 0 || labelled || token.code || (at > 0 && isLead(tokens[at - 1]));
    const raw = pathOf(token, alone && (at === 0 || token.code || labelled) ? "list" : "prose", kindOf);
    if (raw !== undefined && !(at === 0 && isOnlyWord(token, tokens[1]))) return at;
    if (isLead(token)) {
      const place = at === 0 ? placeAfterNoun(tokens, kindOf) : undefined;
      if (place !== undefined) return place;
      continue;
    }
    const label = labelEnd(tokens, at, kindOf);
    if (at > 0 || label === undefined) return undefined;
    at = label;
    labelled = true;
  }
  return undefined;
}

/** "the helper in src/x.ts": the index of the path. */
function placeAfterNoun(tokens: readonly Token[], kindOf: KindOf): number | undefined {
  if (!/^(the|its|their|a)$/.test(tokens[0]?.lower ?? "")) return undefined;
  const at = tokens.findIndex((token, index) => index > 1 && token.lower === "in");
  if (at < 0 || at > 4) return undefined;
  const before = tokens.slice(0, at);
  if (before.some((token) => token.tail !== "" || isDash(token))) return undefined;
  const path = tokens[at + 1];
  const denied = deniedLabels.test(before.map((token) => token.lower).join(" "));
  return path && !denied && isPlainPath(path, kindOf) ? at + 1 : undefined;
}

/** "Makefile targets" begins with a word, not with a path, unless it stands alone or before a remark. */
function isOnlyWord(token: Token, next: Token | undefined): boolean {
  if (token.code || /[./\\*]/.test(token.text)) return false;
  return !(next === undefined || token.tail !== "" || next.opens || isDash(next) || isJoint(next));
}

/** Where a label of a few words ends ("Handler:", "Retry loop -") before a path. */
function labelEnd(tokens: readonly Token[], from: number, kindOf: KindOf): number | undefined {
  for (let at = from; at < Math.min(tokens.length - 1, from + 4); at++) {
    const token = tokens[at];
    const next = tokens[at + 1];
    if (!token || !next || pathOf(token, "prose", kindOf) !== undefined) return undefined;
    const ends = token.tail === ":" || (at > from && isDash(token));
    if (!ends) continue;
    const words = tokens.slice(from, at + 1).filter((one) => !isDash(one));
    const known = words.every((one) => labels.has(one.lower) || isLead(one));
    return known && pathOf(next, "list", kindOf) !== undefined ? at : undefined;
  }
  return undefined;
}

function isLead(token: Token | undefined): boolean {
  if (!token || token.code) return false;
  if (token.opens && token.closes)
    return /^(new|modify|edit|create|delete|add|update|m|a|d|r|optional|test|tests)$/.test(token.lower);
  if (/^\[[\w ]{1,10}\]$/.test(token.text)) return true;
  if (isDash(token)) return false;
  const verb = verbOf(token.lower);
  const writes =
    verb && verb.act !== "other" && verb.act !== "read" && verb.act !== "run" && verb.act !== "network";
  return (
    (writes && verb.form !== "gerund") ||
    determiners.has(token.lower) ||
    fileNouns.has(token.lower) ||
    softNouns.has(token.lower) ||
    leadWords.has(token.lower)
  );
}

export function startsPhrase(token: Token): boolean {
  return (
    determiners.has(token.lower) ||
    fileNouns.has(token.lower) ||
    leadWords.has(token.lower) ||
    verbOf(token.lower)?.form === "base"
  );
}

export function isPlainPath(token: Token, kindOf: KindOf): boolean {
  return !token.opens && pathOf(token, "prose", kindOf) !== undefined;
}
