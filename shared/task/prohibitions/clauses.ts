import { readOnly } from "../imperatives/only.ts";
import { exceptionAt } from "../lists/exceptions.ts";
import { type KindOf, pathOf } from "../text/names.ts";
import type { Token } from "../text/tokens.ts";
import { type Verb, verbOf } from "../text/words.ts";
import type { Draft } from "./draft.ts";
import { isExecutor, type Lead } from "./lead.ts";
import { leadAt } from "./leads.ts";
import { isPronoun, startsWithVerb } from "./parts.ts";
import { untilState } from "./states.ts";
import { isNounHere, splitVerbs, trimJoints, verbAt } from "./verbs.ts";

function draft(
  said: readonly Token[],
  acts: Draft["acts"],
  object: readonly Token[],
  verbs: string[] = [],
): Draft {
  return { said, at: said[0]?.offset ?? 0, acts, verbs, object: [...object], joined: false, soft: false };
}

/** An item below "Do not", which may go on with a prohibition of its own: "edit a.ts, and never rename b.ts". */
export function belowHeading(
  part: readonly Token[],
  heading: Verb | true,
  kindOf: KindOf,
  subject: readonly Token[],
): Draft[] {
  const found = findLeads(part, kindOf, subject);
  if (found.length === 0) return withoutLead(part, heading);
  if (!startsWithVerb(part) || leadAt(part, 0, 0, kindOf)) return found;
  const end = nextLead(part, 1, 0, kindOf);
  const first = withoutLead(trimJoints(part.slice(0, end)), heading);
  return end < part.length ? [...first, ...findLeads(part.slice(end), kindOf, subject)] : first;
}

/** An item below "Do not": a verb and its object, or only what is meant. */
function withoutLead(tokens: readonly Token[], heading: Verb | true): Draft[] {
  const start = /^(to|please|any|ever)$/.test(tokens[0]?.lower ?? "") && verbAt(tokens, 1) ? 1 : 0;
  const verb = verbAt(tokens, start);
  const isNoun = verb?.form === "participle" || (verb && start === 0 && isNounHere(tokens));
  if (verb && !isNoun) return splitVerbs(tokens.slice(start), tokens);
  if (heading === true) return [draft(tokens, ["none"], tokens)];
  return [draft(tokens, [heading.act], tokens, [heading.base])];
}

/** Finds the prohibitions that words like "do not", "never", "without changing" begin. */
export function findLeads(tokens: readonly Token[], kindOf: KindOf, subject: readonly Token[]): Draft[] {
  const drafts: Draft[] = [];
  const only = readOnly(tokens, kindOf);
  if (only)
    drafts.push(
      draft(
        tokens,
        ["only"],
        only.map(({ token }) => token),
      ),
    );
  let start = 0;
  for (let at = 0; at < tokens.length; at++) {
    const lead = leadAt(tokens, at, start, kindOf);
    if (!lead) continue;
    const next = nextLead(tokens, lead.from, at, kindOf);
    const span = tokens.slice(lead.from, next);
    const before = tokens.slice(start, at);
    const said = tokens.slice(lead.subject || (before.length < 5 && isExecutor(before)) ? start : at, next);
    for (const found of readLead(lead, span, said, before, subject))
      drafts.push({ ...found, at: Math.max(found.at, tokens[at]?.offset ?? 0), soft: lead.soft ?? false });
    start = next;
    at = next - 1;
  }
  return drafts.length > 0 ? drafts : exceptions(tokens, kindOf);
}

/** "Only existing files", "you may change everything except b.ts": leave that ends somewhere. */
function exceptions(tokens: readonly Token[], kindOf: KindOf): Draft[] {
  const words = tokens.map((token) => token.lower).join(" ");
  if (
    /^(you (may|should|must|can) )?(only )?(edit|modify|change|touch|update) (only )?(the )?existing files?( only)?$/.test(
      words,
    )
  )
    return [draft(tokens, ["create"], tokens.slice(-1), ["create"])];
  const all = tokens.findIndex((token) => /^(everything|anything|any|all|every)$/.test(token.lower));
  if (all < 0) return [];
  for (let at = all + 1; at < tokens.length; at++) {
    const length = exceptionAt(tokens, at) || (tokens[at]?.lower === "but" ? 1 : 0);
    if (length === 0) continue;
    const object = tokens
      .slice(at + length)
      .filter((token) => !/^(may|can|must|be|changed|modified|edited|touched)$/.test(token.lower));
    const names = object.some((token) => pathOf(token, "forbid", kindOf) !== undefined);
    return names ? [{ ...draft(tokens, ["change"], object), soft: true }] : [];
  }
  return [];
}

/** Where the next prohibition of the part begins. */
function nextLead(tokens: readonly Token[], from: number, lead: number, kindOf: KindOf): number {
  for (let at = Math.max(from, lead + 1); at < tokens.length; at++) {
    const before = tokens[at - 1];
    const found = leadAt(tokens, at, lead, kindOf);
    // "Do not stop without updating a.ts" asks for the update.
    const isCondition =
      /^(without|instead|rather)$/.test(tokens[at]?.lower ?? "") && !/[,:]/.test(before?.tail ?? "");
    const goesOn = tokens.slice(from, at).some((token) => /^(and|but)$/.test(token.lower));
    if (found && !found.subject && found.kind !== "leave" && (!isCondition || goesOn)) return at;
    if (
      before &&
      tokens[at]?.lower === "but" &&
      /^(you|it|do|feel|keep|leave|update|modify|add|the)$/.test(tokens[at + 1]?.lower ?? "") &&
      tokens[at + 1]?.lower !== "not"
    )
      return at;
  }
  return tokens.length;
}

function readLead(
  lead: Lead,
  span: readonly Token[],
  said: readonly Token[],
  before: readonly Token[],
  subject: readonly Token[],
): Draft[] {
  const own = plainSubject(before);
  const meant = own.length === 1 && isPronoun(own[0]) && subject.length > 0 ? [...subject] : own;
  const one = (acts: Draft["acts"], object: readonly Token[], verbs: string[] = []) => [
    draft(said, acts, object, verbs),
  ];
  switch (lead.kind) {
    case "advice":
      return one(["other"], []);
    case "state":
      return one(["change"], meant);
    case "disallowed":
      return readDisallowed(meant, said);
    case "passive": {
      const verb = span.map((token) => verbOf(token.lower)).find((found) => found !== undefined);
      return verb ? one([verb.act], meant, [verb.base]) : one(["other"], []);
    }
    case "inverted": {
      const be = span.findIndex((token) => /^(be|get)$/.test(token.lower));
      const verb = span.slice(be).flatMap((token) => verbOf(token.lower) ?? [])[0];
      return be > 0 && verb ? one([verb.act], span.slice(0, be), [verb.base]) : one(["other"], span);
    }
    case "leave": {
      const object = untilState(span);
      const state = span.filter((token) => !object.includes(token)).map((token) => token.lower);
      const acts = [state.includes("unstaged") ? "stage" : "", state.includes("uncommitted") ? "commit" : ""];
      const git = acts.filter((act) => act === "stage" || act === "commit");
      return one(git.length > 0 ? git : ["change"], object);
    }
    case "direct": {
      // "Instead of b.ts, change a.ts".
      const end = lead.soft ? span.findIndex((_, at) => verbAt(span, at)?.form === "base") : -1;
      return one(["change"], end < 0 ? span : span.slice(0, end));
    }
    case "nothing":
      return one(["change"], span);
    case "noun":
      return readNoun(span, said, before);
    default: {
      if (span.length === 0) return [];
      if (!verbAt(span, 0)) return one([lead.kind === "gerund" ? "none" : "other"], span);
      const drafts = splitVerbs(span, said);
      const first = drafts[0];
      if (first && first.object.length === 0 && subject.length > 0) {
        first.object = [...subject];
        first.said = [...subject, ...first.said];
      }
      return drafts;
    }
  }
}

/** "Changing x is forbidden", "x is forbidden", "new files are not allowed". */
function readDisallowed(subject: readonly Token[], said: readonly Token[]): Draft[] {
  const verb = verbAt(subject, 0);
  if (verb?.form === "gerund")
    return splitVerbs(subject, said.slice(0, subject.length)).map((one) => ({ ...one, said }));
  const isCommitting = verb && subject.length === 1 && /^(stage|commit)$/.test(verb.act);
  // "All other files are off limits" speaks of those that are there.
  const isOther = subject.some((token) => /^(other|others|else|rest)$/.test(token.lower));
  return [draft(said, isCommitting ? [verb.act] : [isOther ? "change" : "none"], subject)];
}

/** What stands behind "no" or "avoid": a thing, an act, or what may be done to a thing. */
function readNoun(span: readonly Token[], said: readonly Token[], before: readonly Token[]): Draft[] {
  const verb = before.length > 0 ? verbAt(before, before.length - 1) : undefined;
  if (verb?.form === "base" && !/^(make|need|see)$/.test(verb.base))
    return [draft(said, [verb.act], span, [verb.base])];
  if (verbAt(span, 0)?.form === "gerund") return splitVerbs(span, said);
  // "No files may be created or changed".
  const modal = span.findIndex((token) =>
    /^(may|must|should|can|shall|will|are|is|needs?)$/.test(token.lower),
  );
  const done = modal < 0 ? [] : span.slice(modal + 1).flatMap((token) => verbOf(token.lower) ?? []);
  if (done.length === 0) return [draft(said, ["none"], span)];
  const acts = [...new Set(done.map((one) => one.act))];
  return [
    draft(
      said,
      acts,
      span.slice(0, modal),
      done.map((one) => one.base),
    ),
  ];
}

/** Without what only leads up to a subject ("make sure that", "note that") and belongs to the verb ("must"). */
function plainSubject(tokens: readonly Token[]): Token[] {
  let from = 0;
  while (leading.test(tokens[from]?.lower ?? "")) from++;
  const rest = tokens.slice(from === tokens.length ? 0 : from);
  const relative = rest.at(-1);
  // "The types from x.ts, which must not be changed".
  if (rest.length > 1 && relative && /^(which|that)$/.test(relative.lower)) return [relative];
  return rest.slice(0, rest.findLastIndex((token) => !auxiliary.test(token.lower)) + 1);
}

const leading =
  /^(please|also|and|but|so|note|make|see|ensure|sure|to|is|that|important|you|remember|check|verify|careful)$/;
const auxiliary = /^(must|should|shall|will|has|have|needs?|to|is|are)$/;
