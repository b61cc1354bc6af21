import type { KindOf } from "../text/names.ts";
import type { Token } from "../text/tokens.ts";
import type { Lead, Spot } from "./lead.ts";
import { doNot, isNot, modal, never, nobody, norShould, notPath, notTo, onNoAccount } from "./negations.ts";
import { avoid, handsOff, ignore, leave, no, nothing, without } from "./phrases.ts";
import { readState } from "./states.ts";

const beforeLead =
  /^(please|also|but|and|or|so|then|with|you|we|just|still|that|however|instead|otherwise|yet|again|here|now|pls|always|important|note|n\.b|nb|warning|attention|caution|rule|constraint|constraints|rules|sure|careful|care|try|strictly|absolutely|definitely|i|opencode|agent|executor)$/;

/** Each reads one way to begin a prohibition; the first that finds one decides. */
const readers: ((spot: Spot) => Lead | undefined)[] = [
  doNot,
  never,
  notTo,
  notPath,
  modal,
  isNot,
  onNoAccount,
  nobody,
  norShould,
  avoid,
  without,
  no,
  handsOff,
  leave,
  ignore,
  nothing,
  ({ token, tokens, at, start }) =>
    /^(is|are|stays?|remains?|be|off[- ]limits|off|out-of-scope)$/.test(token.lower)
      ? readState(tokens, at, start)
      : undefined,
];

/** The lead that begins at an index, if one does. @param start where the clause begins */
export function leadAt(
  tokens: readonly Token[],
  at: number,
  start: number,
  kindOf: KindOf,
): Lead | undefined {
  const token = tokens[at];
  if (!token || token.code) return undefined;
  const before = tokens[at - 1];
  const opens =
    at === start || before === undefined || /[,:;]/.test(before.tail) || beforeLead.test(before.lower);
  const word = (step: number) => tokens[at + step]?.lower ?? "";
  const spot: Spot = { tokens, at, start, token, before, opens, kindOf, word };
  for (const read of readers) {
    const lead = read(spot);
    if (lead) return lead;
  }
  return undefined;
}
