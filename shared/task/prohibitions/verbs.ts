import type { Token } from "../text/tokens.ts";
import { conjunctions, type Verb, verbOf } from "../text/words.ts";
import type { Draft } from "./draft.ts";

/** The verbs of a prohibition and the objects that belong to them. */

/** The verb at an index, in any form; none in code. */
export function verbAt(tokens: readonly Token[], at: number): Verb | undefined {
  const token = tokens[at];
  return token && !token.code ? verbOf(token.lower) : undefined;
}

const fillers =
  /^(ever|also|directly|manually|even|try|attempt|to|just|yet|either|otherwise|please|you|we|it|under|any|for|reason|circumstances|circumstance|simply|blindly|silently|needlessly|unnecessarily|in|way|case|all|accidentally|then|go|and|start|begin|by|hand|again|allowed|be|should|must|may|can|the|executor|agent|opencode|ahead)$/;

/** The index of the verb after words such as "ever", "in any way", "for any reason"; `from` where they lead to none. */
export function skipAdverbs(tokens: readonly Token[], from: number): number {
  let at = from;
  while (at - from < 8 && at < tokens.length - 1 && fillers.test(tokens[at]?.lower ?? "")) at++;
  return at;
}

/** "test changes", "network access", "build files": a verb's word that is a noun here. */
export function isNounHere(tokens: readonly Token[]): boolean {
  return (
    /^(changes?|files?|scripts?|configs?|config|configuration|pipeline|code|folder|directory|access|calls?|requests?|paths?|creation|install)$/.test(
      tokens[1]?.lower ?? "",
    ) &&
    /^(build|test|read|access|release|deploy|cache|log|output|document|format)$/.test(tokens[0]?.lower ?? "")
  );
}

const particles = /^(up|out|off|down|over|away|at|in|into|to)$/;
const withParticle = /^(clean|tidy|swap|look|write|leave|turn|roll|peek|pull|opt|comment)$/;

/** Divides "touch a.ts, rename functions or add dependencies" at its verbs. */
export function splitVerbs(tokens: readonly Token[], said: readonly Token[]): Draft[] {
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
      if (particles.test(tokens[at]?.lower ?? "") && withParticle.test(verb.base)) at++;
      const next = skipJoints(tokens, at);
      const listed = next > at || tokens[at - 1]?.tail === ",";
      if (!listed || !verbAt(tokens, next) || verbAt(tokens, next)?.form !== form) break;
      at = next;
    }
    const end = nextVerb(tokens, at, form);
    const own = tokens.slice(from, end.at);
    const words = drafts.length === 0 ? [...said.slice(0, said.length - tokens.length), ...own] : own;
    drafts.push({
      said: trimJoints(words),
      at: tokens[from]?.offset ?? 0,
      acts: [...new Set(verbs.map((verb) => verb.act))],
      verbs: verbs.map((verb) => verb.base),
      object: trimJoints(tokens.slice(at, end.at)),
      joined,
      soft: false,
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

export function trimJoints(tokens: readonly Token[]): Token[] {
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
    const separated = joints > at || (at > from && tokens[at - 1]?.tail === ",");
    if (!separated) continue;
    const verb = verbAt(tokens, joints);
    if (verb && verb.form === form && !isNounHere(tokens.slice(joints, joints + 2)))
      return { at, next: joints, joined: tokens[joints - 1]?.lower === "and" || joints === at };
  }
  return { at: tokens.length, next: tokens.length, joined: false };
}
