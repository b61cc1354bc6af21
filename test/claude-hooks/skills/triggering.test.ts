import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { skillFiles } from "../../lab/skill-files.ts";
import { PHRASES, REVIEWED } from "./phrases.ts";

const skills = skillFiles();

describe("descriptions", () => {
  test.each(skills)("$name: says what it does and when, in what Claude is shown", ({ name, description }) => {
    expect(name).toMatch(/^[a-z-]+$/);
    expect(description.length).toBeGreaterThan(80);
    expect(description.length).toBeLessThanOrEqual(600);
    expect(description).toMatch(/\bUse\b/);
  });
  test.each(skills)("$name is short", ({ text }) => {
    expect(text.split("\n").length).toBeLessThan(260);
    expect(text.length).toBeLessThan(12_000);
  });
});

describe("the table of phrases", () => {
  test("has been judged for the descriptions as they are", () => {
    const shown = skills.map(({ name, description }) => `${name}: ${description}`).sort();
    const hash = createHash("sha256").update(shown.join("\n")).digest("hex").slice(0, 16);
    expect(hash, "a description has changed: judge the phrases anew, then say so here").toBe(REVIEWED);
  });
  test("has more than twenty, some for each skill and some for none", () => {
    expect(PHRASES.length).toBeGreaterThan(40);
    for (const name of [...skills.map((skill) => skill.name), undefined])
      expect(PHRASES.filter(({ finds }) => finds === name).length, name).toBeGreaterThanOrEqual(5);
    expect(new Set(PHRASES.map(({ says }) => says)).size).toBe(PHRASES.length);
  });
  test.each(PHRASES.filter(({ finds }) => finds))("$says: what decided it is there", (phrase) => {
    expect(of(phrase.finds)).toContain(phrase.because);
    if (phrase.not) expect(of(phrase.not[0])).toContain(phrase.not[1]);
  });
  // No model is here to ask. This is what a machine can say about the same: the words of a phrase, weighted by
  // how few descriptions have them, and the phrases that a description quotes.
  test.each(PHRASES)("$says -> $finds", ({ says, finds }) => {
    expect(found(says)).toBe(finds);
  });
});

function of(name: string | undefined): string {
  return skills.find((skill) => skill.name === name)?.description ?? "";
}

/** The skill with the most weight, if it has enough of it. */
function found(phrase: string): string | undefined {
  const scored = skills.map(({ name, description }) => ({ name, score: scoreOf(phrase, name, description) }));
  const [best] = scored.toSorted((a, b) => b.score - a.score);
  return best && best.score >= 2.2 ? best.name : undefined;
}

function scoreOf(phrase: string, name: string, description: string): number {
  const said = wordsOf(phrase);
  let score = 0;
  for (const word of said) {
    if (!spokenFor(name, description).has(word)) continue;
    const having = skills.filter((skill) => spokenFor(skill.name, skill.description).has(word)).length;
    score += 1 / having + (having === 1 ? 0.5 : 0);
  }
  const quoted = [...description.matchAll(/"([^"]+)"/g)].map((quote) => [...wordsOf(quote[1] ?? "")]);
  const shares = quoted.map(
    (words) => words.filter((word) => said.has(word)).length / Math.max(words.length, 2),
  );
  return score + 2 * Math.max(0, ...shares);
}

/** What a description is not for does not speak for it. */
function spokenFor(name: string, description: string): Set<string> {
  return wordsOf(`${name} ${description.replace(/\bNot for .*$|\bFor (one|an) .*$/i, "")}`);
}

const STOP = new Set(
  "a an the to of in on for and or is are it its this that what which with how do does did right now at from by as be i me my you out when".split(
    " ",
  ),
);

function wordsOf(text: string): Set<string> {
  const words = text.toLowerCase().match(/[a-z]+/g) ?? [];
  return new Set(
    words
      .filter((word) => !STOP.has(word) && word.length > 1)
      .map((word) => word.replace(/(ing|ed|es|s)$/, "")),
  );
}
