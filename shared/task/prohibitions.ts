import { type Item, lineAt } from "./items.ts";
import { type KindOf, pathOf } from "./names.ts";
import { readOnly } from "./only.ts";
import { sentencesOf, splitRemarks } from "./sentences.ts";
import { isDash, show, type Token, tokenize } from "./tokens.ts";
import { type Act, conjunctions, determiners, type Verb, verbOf } from "./words.ts";

/** One thing that is not to be done. */
export interface Clause {
  /** As written. */
  text: string;
  line: number;
  /** What is not to be done; `none`: only a noun is given ("new dependencies"). */
  acts: (Act | "none" | "only")[];
  /** The verbs, in their base form. */
  verbs: string[];
  /** To what. */
  object: Token[];
  /** Remarks in parentheses: exceptions may stand there. */
  remarks: Token[][];
  /** Joined to another prohibition by "and": it may be no prohibition at all. */
  joined: boolean;
}

/** A clause whose text is not yet put together from its words. */
type Draft = Omit<Clause, "line" | "remarks" | "text"> & { said: readonly Token[] };

const negations = /^(don't|dont|don´t)$/;
const modals = /^(must|should|may|shall|can|will|might)$/;
const modalNots = /^(mustn't|shouldn't|can't|cannot|shan't|won't|needn't)$/;
const beforeLead =
  /^(please|also|but|and|or|so|then|with|you|we|just|still|that|however|instead|otherwise|yet|again|here|now|pls|always|important|note|n\.b|nb|warning|attention|caution|rule|constraint|constraints|rules|sure|careful|care|try|strictly|absolutely|definitely|i|opencode|agent|executor)$/;
/** "Do not forget to update x" asks for it. */
const positive =
  /^(forget|hesitate|worry|need|have|miss|fail|mind|neglect|omit|want|think|believe|care|know|like|see)$/;
/** Words of a subject that is the work itself or who does it: "the patch must not ...". */
const executor = new Set(
  `the this your our any all these a each its and or opencode open code agent executor model assistant
  you it we they there change changes patch patches diff fix implementation solution task work edit
  edits commit pr result refactoring refactor that which new model session run of in to case under
  circumstances no however but also please though still so then important is are be`.split(/\s+/),
);
const unchanged =
  /^(unchanged|untouched|intact|alone|unmodified|as-is|unaltered|unstaged|uncommitted|frozen|stable|identical|put)$/;
const states =
  /^(off[- ]limits|out[- ]of[- ]scope|read[- ]?only|frozen|forbidden|prohibited|not allowed|not permitted|disallowed|untouchable|protected|not in scope|not part of|not to be|untouched|unchanged|off the table|taboo|for reference|reference only|excluded|to be left|to stay|to remain)\b/;

/**
 * Finds every prohibition in an item.
 * @param forbidding the verb of the heading ("Do not modify:"), or true for one without a verb; false in
 *   sections where only sentences can forbid
 */
export function findProhibitions(item: Item, forbidding: Verb | boolean, kindOf: KindOf): Clause[] {
  const clauses: Clause[] = [];
  let before: Token[] = [];
  sentencesOf(splitPairs(tokenize(item.text))).forEach((sentence, index, sentences) => {
    const afterSemicolon = sentences[index - 1]?.at(-1)?.tail === ";";
    const { plain, remarks } = splitRemarks(sentence);
    const add = (draft: Draft, own: Token[][]) => {
      const first = draft.object[0] ?? sentence[0];
      const text = show(withRemark(sentence, draft.said));
      clauses.push({ ...draft, text, line: lineAt(item, first?.offset ?? 0), remarks: own });
    };
    const parts = partsOf(plain, kindOf);
    // "src/gen.ts is generated. It must not be edited."
    let subject = isPronoun(plain[0]) ? before : [];
    parts.forEach((part, position) => {
      const main =
        position === 0 &&
        (index === 0 || afterSemicolon || startsWithPath(part, kindOf) || startsWithVerb(part));
      const drafts =
        forbidding !== false && main
          ? belowHeading(part, forbidding, kindOf, subject)
          : findLeads(part, kindOf, subject);
      for (const draft of drafts) add(draft, remarks);
      if (position === 0 && !isPronoun(plain[0])) subject = leadingPaths(part, kindOf);
    });
    before = subject;
    for (const remark of remarks) {
      const named = subject.length > 0 ? subject : leadingPaths(plain, kindOf);
      for (const draft of findLeads(remark, kindOf, named)) add(draft, []);
    }
  });
  return clauses;
}

function isPronoun(token: Token | undefined): boolean {
  return token !== undefined && /^(it|they|these|those|both)$/.test(token.lower);
}

/** "stage/commit" is two verbs. */
function splitPairs(tokens: readonly Token[]): Token[] {
  return tokens.flatMap((token) => {
    // "❌ Do not ..."
    if (/^(\p{Extended_Pictographic}\uFE0F?)+$/u.test(token.text)) return [];
    const words = token.code ? [] : token.text.split("/");
    if (words.length < 2 || !words.every((word) => verbOf(word.toLowerCase()))) return [token];
    return words.flatMap((text, index) => {
      const last = index === words.length - 1;
      const word = {
        ...token,
        text,
        lower: text.toLowerCase(),
        tail: last ? token.tail : "",
        shown: last ? token.shown : "",
      };
      return last ? [word] : [word, { ...word, text: "/", lower: "/" }];
    });
  });
}

/** The words of a clause in their sentence, with the remark in parentheses that follows them. */
function withRemark(sentence: readonly Token[], said: readonly Token[]): Token[] {
  const from = said[0]?.offset ?? 0;
  const to = said.at(-1)?.offset ?? 0;
  const words = sentence.filter((token) => token.offset >= from && token.offset <= to);
  let at = sentence.findIndex((token) => token.offset > to);
  if (at < 0 || !sentence[at]?.opens) return words;
  for (let closed = false; !closed && at < sentence.length; at++) {
    const token = sentence[at];
    if (token) words.push(token);
    closed = token?.closes ?? true;
  }
  return words;
}

/** Divides a sentence at dashes, and after a path with a colon. */
function partsOf(tokens: readonly Token[], kindOf: KindOf): Token[][] {
  const parts: Token[][] = [[]];
  for (const [index, token] of tokens.entries()) {
    if (isDash(token) && !/^(->|→|=>|⇒)$/.test(token.text)) parts.push([]);
    else parts.at(-1)?.push(token);
    if (
      token.tail === ":" &&
      index < tokens.length - 1 &&
      (pathOf(token, "forbid", kindOf) !== undefined || (parts.at(-1)?.length ?? 0) < 4)
    )
      parts.push([]);
  }
  return parts.filter((part) => part.length > 0);
}

function leadingPaths(tokens: readonly Token[], kindOf: KindOf): Token[] {
  const found: Token[] = [];
  for (const token of tokens) {
    if (pathOf(token, "forbid", kindOf) !== undefined) found.push(token);
    else if (!conjunctions.has(token.lower) && !determiners.has(token.lower)) break;
  }
  return found;
}

function startsWithPath(tokens: readonly Token[], kindOf: KindOf): boolean {
  return tokens[0] !== undefined && pathOf(tokens[0], "forbid", kindOf) !== undefined;
}

function startsWithVerb(tokens: readonly Token[]): boolean {
  return tokens[0] !== undefined && !tokens[0].code && verbOf(tokens[0].lower)?.form === "base";
}

/** An item below "Do not", which may go on with a prohibition of its own: "edit a.ts, and never rename b.ts". */
function belowHeading(
  part: readonly Token[],
  heading: Verb | true,
  kindOf: KindOf,
  subject: readonly Token[],
): Draft[] {
  const found = findLeads(part, kindOf, subject);
  if (found.length === 0) return withoutLead(part, heading);
  if (!startsWithVerb(part) || leadAt(part, 0, 0)) return found;
  const end = nextLead(part, 1, 0);
  const first = withoutLead(trimJoints(part.slice(0, end)), heading);
  return end < part.length ? [...first, ...findLeads(part.slice(end), kindOf, subject)] : first;
}

/** An item below "Do not": a verb and its object, or only what is meant. */
function withoutLead(tokens: readonly Token[], heading: Verb | true): Draft[] {
  const start = /^(to|please|any|ever)$/.test(tokens[0]?.lower ?? "") && verbAt(tokens, 1) ? 1 : 0;
  const verb = verbAt(tokens, start);
  const isNoun = verb?.form === "participle" || (verb && start === 0 && isNounHere(tokens));
  if (verb && !isNoun) return splitVerbs(tokens.slice(start), tokens);
  const acts: Clause["acts"] = heading === true ? ["none"] : [heading.act];
  return [
    {
      said: tokens,
      acts,
      verbs: heading === true ? [] : [heading.base],
      object: [...tokens],
      joined: false,
    },
  ];
}

/** "test changes", "network access", "build files": a verb's word that is a noun here. */
function isNounHere(tokens: readonly Token[]): boolean {
  return (
    /^(changes?|files?|scripts?|configs?|config|configuration|pipeline|code|folder|directory|access|calls?|requests?|paths?)$/.test(
      tokens[1]?.lower ?? "",
    ) &&
    /^(build|test|read|access|release|deploy|cache|log|output|document|format)$/.test(tokens[0]?.lower ?? "")
  );
}

function verbAt(tokens: readonly Token[], at: number): Verb | undefined {
  const token = tokens[at];
  return token && !token.code ? verbOf(token.lower) : undefined;
}

/** Finds the prohibitions that words like "do not", "never", "without changing" begin. */
function findLeads(tokens: readonly Token[], kindOf: KindOf, subject: readonly Token[]): Draft[] {
  const drafts: Draft[] = [];
  const only = readOnly(tokens, kindOf);
  if (only)
    drafts.push({
      said: tokens,
      acts: ["only"],
      verbs: [],
      object: only.map(({ token }) => token),
      joined: false,
    });
  let start = 0;
  for (let at = 0; at < tokens.length; at++) {
    const lead = leadAt(tokens, at, start);
    if (!lead) continue;
    const next = nextLead(tokens, lead.from, at);
    const span = tokens.slice(lead.from, next);
    const said = tokens.slice(lead.subject || isExecutor(tokens.slice(start, at)) ? start : at, next);
    drafts.push(...readLead(lead, span, said, tokens.slice(start, at), subject));
    start = next;
    at = next - 1;
  }
  return drafts;
}

function isExecutor(tokens: readonly Token[]): boolean {
  return tokens.length < 5 && tokens.every((token) => executor.has(token.lower));
}

interface Lead {
  kind: "verb" | "gerund" | "noun" | "state" | "passive" | "leave" | "direct" | "nothing" | "advice";
  /** Where what follows the lead begins. */
  from: number;
  /** The words before belong to it. */
  subject?: boolean;
}

function leadAt(tokens: readonly Token[], at: number, start: number): Lead | undefined {
  const token = tokens[at];
  if (!token || token.code) return undefined;
  const word = (step: number) => tokens[at + step]?.lower ?? "";
  const before = tokens[at - 1];
  const opens =
    at === start || before === undefined || /[,:;]/.test(before.tail) || beforeLead.test(before.lower);
  const not = negations.test(token.lower) ? 1 : token.lower === "do" && word(1) === "not" ? 2 : 0;
  if (not > 0) {
    if (!opens || positive.test(word(not))) return wanting(tokens, at + not) ?? undefined;
    return { kind: "verb", from: skipAdverbs(tokens, at + not) };
  }
  if (token.lower === "never" && (opens || modals.test(before.lower)))
    return { kind: "verb", from: skipAdverbs(tokens, at + 1) };
  if (
    token.lower === "not" &&
    word(1) === "to" &&
    !/^be$/.test(word(2)) &&
    (opens || /^(sure|careful|care|try|important)$/.test(before.lower))
  )
    return { kind: "verb", from: skipAdverbs(tokens, at + 2) };
  const modal = modalNots.test(token.lower)
    ? 1
    : modals.test(token.lower) && /^(not|never)$/.test(word(1))
      ? 2
      : 0;
  if (modal > 0) return readModal(tokens, at, at + modal, start);
  if (
    /^(not|isn't|aren't)$/.test(token.lower) &&
    /^(allowed|permitted|supposed|authorized)$/.test(word(1)) &&
    word(2) === "to"
  )
    return { kind: "verb", from: at + 3 };
  if (/^(forbidden|prohibited|disallowed)$/.test(token.lower) && word(1) === "to")
    return { kind: "verb", from: at + 2 };
  if (token.lower === "under" && word(1) === "no" && /^(circumstances?|conditions?)$/.test(word(2))) {
    const from = skipAdverbs(tokens, at + 3);
    if (verbAt(tokens, from)?.form === "base") return { kind: "verb", from };
  }
  const nobody = token.lower === "nobody" ? 1 : `${token.lower} ${word(1)}` === "no one" ? 2 : 0;
  if (nobody > 0 && modals.test(word(nobody)) && verbAt(tokens, at + nobody + 1)?.form === "base")
    return { kind: "verb", from: at + nobody + 1 };
  // "Nor should b.ts."
  if (/^(nor|neither)$/.test(token.lower) && modals.test(word(1)) && at === start)
    return { kind: "direct", from: at + 2 };
  if (token.lower === "avoid") return { kind: verbAt(tokens, at + 1) ? "gerund" : "noun", from: at + 1 };
  if (token.lower === "refrain" && word(1) === "from") return { kind: "gerund", from: at + 2 };
  const gerundAt =
    token.lower === "without"
      ? at + 1
      : /^(instead of|rather than)$/.test(`${token.lower} ${word(1)}`)
        ? at + 2
        : -1;
  if (gerundAt > 0) {
    const verb = verbAt(tokens, gerundAt);
    return verb?.form === "gerund" && verb.act !== "other" ? { kind: "gerund", from: gerundAt } : undefined;
  }
  if (token.lower === "no") {
    const firm =
      at === start ||
      startsClauseWithVerb(tokens, start, at) ||
      (opens && startsProhibitedNoun(tokens, at + 1));
    return firm &&
      !/^(longer|more|matter|doubt)$/.test(word(1)) &&
      !/^(needed|necessary|required)$/.test(word(2))
      ? { kind: "noun", from: at + 1 }
      : undefined;
  }
  if (/^(leave|keep|left|kept)$/.test(token.lower) && (opens || /^(be|is|are)$/.test(before.lower)))
    return readLeave(tokens, at);
  if (/^(hands|stay|keep|steer)$/.test(token.lower) && opens) {
    const phrase = [0, 1, 2, 3, 4].map(word).join(" ");
    const length =
      /^(hands off|stay out of|stay away from|keep out of|keep away from|steer clear of|keep your hands off|keep hands off)( of)?/
        .exec(phrase)?.[0]
        .split(" ").length;
    if (length) return { kind: "direct", from: at + length };
  }
  if (
    /^(ignore|skip|exclude|omit|bypass)$/.test(token.lower) &&
    at === start &&
    tokens[at + 1] &&
    /[/\\]|\.\w{1,5}$/.test(tokens[at + 1]?.text ?? "")
  )
    return { kind: "direct", from: at + 1 };
  if (token.lower === "nothing" && (opens || startsClauseWithVerb(tokens, start, at)))
    return { kind: "nothing", from: at, subject: true };
  if (/^(is|are|stays?|remains?|be|off[- ]limits|off|out-of-scope)$/.test(token.lower))
    return readState(tokens, at, start);
  return undefined;
}

/** "We do not want changes in x", "I don't want you to touch y". */
function wanting(tokens: readonly Token[], at: number): Lead | undefined {
  if (!/^(want|like)$/.test(tokens[at]?.lower ?? "")) return undefined;
  let from = at + 1;
  while (/^(you|to|any|opencode|us|it|the|agent)$/.test(tokens[from]?.lower ?? "")) from++;
  return { kind: verbAt(tokens, from)?.form === "base" ? "verb" : "noun", from };
}

/** After "but", "with" or a comma, "no" forbids only what work is made of: "and no new dependencies". */
function startsProhibitedNoun(tokens: readonly Token[], at: number): boolean {
  return /^(new|other|additional|extra|further|changes?|edits?|commits?|network|dependencies|files?|renames?|renaming|tests?|test|modifications?|refactoring|refactors?|git|staging|deletions?|third-party|external|more)$/.test(
    tokens[at]?.lower ?? "",
  );
}

/** "Change no other files", "Add no dependencies", "Touch nothing else". */
function startsClauseWithVerb(tokens: readonly Token[], start: number, at: number): boolean {
  return at - start > 0 && at - start <= 3 && verbAt(tokens, at - 1)?.form === "base";
}

function readModal(tokens: readonly Token[], at: number, from: number, start: number): Lead | undefined {
  const subject = tokens.slice(start, at);
  const next = tokens[from]?.lower ?? "";
  if (next === "be" || next === "get")
    return { kind: "passive", from: skipAdverbs(tokens, from + 1), subject: true };
  if (subject.every((token) => executor.has(token.lower)))
    return { kind: "verb", from: skipAdverbs(tokens, from) };
  const verb = verbAt(tokens, from);
  if (verb?.act === "change" && tokens[from + 1] === undefined)
    return { kind: "passive", from, subject: true };
  return { kind: "advice", from, subject: true };
}

/** "Leave x unchanged", "keep x as it is". */
function readLeave(tokens: readonly Token[], at: number): Lead | undefined {
  for (let end = at + 1; end < Math.min(tokens.length, at + 30); end++) {
    const word = tokens[end]?.lower ?? "";
    const two = `${word} ${tokens[end + 1]?.lower ?? ""}`;
    if (unchanged.test(word) || /^(as is|as they|as it|the same|out of|in place)$/.test(two))
      return { kind: "leave", from: at + 1 };
    if (/[;:]/.test(tokens[end]?.tail ?? "")) return undefined;
  }
  return undefined;
}

/** "x is off limits", "x must stay as it is", "x and y are read-only". */
function readState(tokens: readonly Token[], at: number, start: number): Lead | undefined {
  if (at === start) return undefined;
  const word = tokens[at]?.lower ?? "";
  const after = tokens
    .slice(at + 1, at + 6)
    .map((token) => token.lower)
    .filter(
      (one) =>
        !/^(strictly|completely|absolutely|exactly|totally|currently|now|left|kept|also|all|always)$/.test(
          one,
        ),
    )
    .join(" ");
  if (/^off[- ]limits$|^out-of-scope$/.test(word) || (word === "off" && /^limits\b/.test(after)))
    return { kind: "state", from: at, subject: true };
  if (
    /^(is|are)$/.test(word) &&
    ((states.test(after) && !/^\w+ to \w/.test(after.replace(/^not allowed|^not permitted/, "no"))) ||
      /^(unchanged|as is|as it is|as they are)/.test(after))
  ) {
    return { kind: "state", from: at, subject: true };
  }
  if (
    /^(stays?|remains?|be)$/.test(word) &&
    (unchanged.test(after.split(" ")[0] ?? "") ||
      /^(as is|as it is|as they are|as it was|the same|off[- ]limits|out of scope|read[- ]?only|as-is)\b/.test(
        after,
      ))
  )
    return { kind: "state", from: at, subject: true };
  return undefined;
}

function skipAdverbs(tokens: readonly Token[], from: number): number {
  let at = from;
  while (
    /^(ever|also|directly|manually|even|try|attempt|to|just|yet|either|otherwise|please|you|under|any|circumstances|circumstance|simply|blindly|silently|needlessly|unnecessarily|in|way|way,|all|accidentally|then|go|and|start|begin|by|hand|again|allowed|be)$/.test(
      tokens[at]?.lower ?? "",
    ) &&
    at < tokens.length - 1 &&
    at - from < 6
  )
    at++;
  return at;
}

/** Where the next prohibition of the part begins. */
function nextLead(tokens: readonly Token[], from: number, lead: number): number {
  for (let at = Math.max(from, lead + 1); at < tokens.length; at++) {
    const before = tokens[at - 1];
    const found = leadAt(tokens, at, lead);
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
  const one = (acts: Clause["acts"], object: readonly Token[], verbs: string[] = []): Draft[] => [
    { said, acts, verbs, object: [...object], joined: false },
  ];
  const meant = before.length === 1 && isPronoun(before[0]) && subject.length > 0 ? subject : before;
  switch (lead.kind) {
    case "advice":
      return one(["other"], []);
    case "state":
      return one(["change"], meant);
    case "passive": {
      const verb = span.map((token) => verbOf(token.lower)).find((found) => found !== undefined);
      return verb ? one([verb.act], meant, [verb.base]) : one(["other"], []);
    }
    case "leave": {
      const state = span.slice(untilState(span).length).map((token) => token.lower);
      const acts = [state.includes("unstaged") ? "stage" : "", state.includes("uncommitted") ? "commit" : ""];
      const git = acts.filter((act) => act === "stage" || act === "commit");
      return one(git.length > 0 ? git : ["change"], untilState(span));
    }
    case "direct":
      return one(["change"], span);
    case "nothing":
      return one(["change"], span);
    case "noun": {
      const verb = before.length > 0 ? verbAt(before, before.length - 1) : undefined;
      if (verb?.form === "base") return one([verb.act], span, [verb.base]);
      if (verbAt(span, 0)?.form === "gerund") return splitVerbs(span, said);
      // "No files may be created or changed".
      const modal = span.findIndex((token) =>
        /^(may|must|should|can|shall|will|are|is|needs?)$/.test(token.lower),
      );
      const done = modal < 0 ? [] : span.slice(modal + 1).flatMap((token) => verbOf(token.lower) ?? []);
      if (done.length === 0) return one(["none"], span);
      return one(
        [...new Set(done.map((one) => one.act))],
        span.slice(0, modal),
        done.map((one) => one.base),
      );
    }
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

function untilState(tokens: readonly Token[]): Token[] {
  const end = tokens.findIndex(
    (token, index) =>
      unchanged.test(token.lower) ||
      (/^(as|the|out)$/.test(token.lower) && /^(is|it|they|same|of)$/.test(tokens[index + 1]?.lower ?? "")),
  );
  return end < 0 ? [...tokens] : tokens.slice(0, end);
}

/** Divides "touch a.ts, rename functions or add dependencies" at its verbs. */
function splitVerbs(tokens: readonly Token[], said: readonly Token[]): Draft[] {
  const drafts: Draft[] = [];
  const form = verbAt(tokens, 0)?.form;
  let at = 0;
  let joined = false;
  while (at < tokens.length) {
    const verbs: Verb[] = [];
    const from = at;
    for (let verb = verbAt(tokens, at); verb; verb = verbAt(tokens, at)) {
      verbs.push(verb);
      at++;
      if (
        /^(up|out|off|down|over|away|at|in|into|to)$/.test(tokens[at]?.lower ?? "") &&
        /^(clean|tidy|swap|look|write|leave|turn|roll|peek)$/.test(verb.base)
      )
        at++;
      const next = skipJoints(tokens, at);
      const listed = next > at || tokens[at - 1]?.tail === ",";
      if (!listed || !verbAt(tokens, next) || verbAt(tokens, next)?.form !== form) break;
      at = next;
    }
    const end = nextVerb(tokens, at, form);
    const object = tokens.slice(at, end.at);
    const isFirst = drafts.length === 0;
    const words = isFirst
      ? [...said.slice(0, said.length - tokens.length), ...tokens.slice(from, end.at)]
      : tokens.slice(from, end.at);
    drafts.push({
      said: trimJoints(words),
      acts: [...new Set(verbs.map((verb) => verb.act))],
      verbs: verbs.map((verb) => verb.base),
      object: trimJoints(object),
      joined,
    });
    joined = end.joined;
    at = end.next;
  }
  return drafts;
}

function skipJoints(tokens: readonly Token[], from: number): number {
  let at = from;
  while (conjunctions.has(tokens[at]?.lower ?? "")) at++;
  return at;
}

function trimJoints(tokens: readonly Token[]): Token[] {
  let end = tokens.length;
  while (end > 0 && conjunctions.has(tokens[end - 1]?.lower ?? "")) end--;
  return tokens.slice(0, end);
}

/** Where the object ends: at a conjunction or comma before another verb of the same form. */
function nextVerb(
  tokens: readonly Token[],
  from: number,
  form: Verb["form"] | undefined,
): { at: number; next: number; joined: boolean } {
  for (let at = from; at < tokens.length; at++) {
    const joints = skipJoints(tokens, at);
    const before = tokens[at - 1];
    const separated = joints > at || (at > from && before?.tail === ",");
    if (!separated) continue;
    const verb = verbAt(tokens, joints);
    if (verb && verb.form === form && !isNounHere(tokens.slice(joints, joints + 2))) {
      return { at, next: joints, joined: tokens[joints - 1]?.lower === "and" || joints === at };
    }
  }
  return { at: tokens.length, next: tokens.length, joined: false };
}
