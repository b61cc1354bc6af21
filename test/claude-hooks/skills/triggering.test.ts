import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

const folder = "claude-hooks/skills";

/**
 * No model is here to ask, so a skill is "found" by simple means: the words of a phrase, weighted by how few
 * descriptions have them, and phrases that a description quotes. The table is what readers agreed on; a
 * description that loses a phrase, or catches another skill's, fails.
 */
const PHRASES: [string, string | undefined][] = [
  ["use opencode to add a retry to the client", "opencode-executor"],
  ["opencode task: fix the rounding in invoices", "opencode-executor"],
  ["delegate to opencode: write the parser", "opencode-executor"],
  ["let opencode do it", "opencode-executor"],
  ["delegate this coding work to OpenCode and review the diff", "opencode-executor"],
  ["/task-iteration docs/exec-plan.md 2", "task-iteration"],
  ["implement feature 2 of the exec plan", "task-iteration"],
  ["work through the features of docs/exec-plan.md", "task-iteration"],
  ["go on with the feature loop after the restart", "task-iteration"],
  ["what is the GENERATE command pattern?", "task-iteration"],
  ["which sessions and jobs of OpenCode are running?", "opencode-companion"],
  ["attach to the OpenCode session that timed out", "opencode-companion"],
  ["cancel the background job", "opencode-companion"],
  ["review the working tree with OpenCode", "opencode-companion"],
  ["what is OpenCode doing right now?", "opencode-companion"],
  ["rename this variable", undefined],
  ["what does this function do?", undefined],
  ["fix the typo in the README", undefined],
  ["write a commit message", undefined],
  ["explain how React hooks work", undefined],
];

interface Skill {
  name: string;
  description: string;
}

const skills: Skill[] = readdirSync(folder).map((name) => {
  const text = readFileSync(join(folder, name, "SKILL.md"), "utf8");
  const [, matter = ""] = /^---\n([\s\S]*?)\n---/.exec(text) ?? [];
  return {
    name: /^name: *(.+)$/m.exec(matter)?.[1]?.trim() ?? "",
    description: /^description: *(.+)$/m.exec(matter)?.[1]?.trim() ?? "",
  };
});

describe("descriptions", () => {
  test.each(skills)("$name: says what it does and when, in what Claude is shown", ({ name, description }) => {
    expect(name).toMatch(/^[a-z-]+$/);
    expect(description.length).toBeGreaterThan(80);
    expect(description.length).toBeLessThanOrEqual(1024);
    expect(description).toMatch(/\bUse\b/i);
  });
  test.each(["opencode-executor", "task-iteration", "opencode-companion"])("%s is short", (name) => {
    const text = readFileSync(join(folder, name, "SKILL.md"), "utf8");
    expect(text.split("\n").length).toBeLessThan(260);
    expect(text.length).toBeLessThan(12_000);
  });
});

test("there are twenty phrases, for every skill of this folder that a user would name, and for none", () => {
  expect(PHRASES).toHaveLength(20);
});

test.each(PHRASES)("%s -> %s", (phrase, expected) => {
  expect(found(phrase)).toBe(expected);
});

/** The skill with the most weight, if it has enough of it. */
function found(phrase: string): string | undefined {
  const mine = skills.filter(({ name }) => name !== "opencode-orchestration");
  const scored = mine.map((skill) => ({ name: skill.name, score: scoreOf(phrase, skill, mine) }));
  const [best] = scored.toSorted((a, b) => b.score - a.score);
  return best && best.score >= 2.2 ? best.name : undefined;
}

function scoreOf(phrase: string, { name, description }: Skill, all: readonly Skill[]): number {
  // What it is not for does not speak for it.
  const positive = (text: string) => text.replace(/\bNot for .*$|\bFor (one|an) .*$/i, "");
  const has = (skill: Skill, word: string) =>
    wordsOf(`${skill.name} ${positive(skill.description)}`).has(word);
  let score = 0;
  for (const word of wordsOf(phrase)) {
    if (!has({ name, description }, word)) continue;
    const others = all.filter((skill) => has(skill, word)).length;
    score += 1 / others + (others === 1 ? 0.5 : 0);
  }
  const quoted = [...description.matchAll(/"([^"]+)"/g)].map((quote) => [...wordsOf(quote[1] ?? "")]);
  const said = wordsOf(phrase);
  const best = Math.max(
    0,
    ...quoted.map((words) => words.filter((word) => said.has(word)).length / Math.max(words.length, 2)),
  );
  return score + 2 * best;
}

const STOP = new Set(
  "a an the to of in on for and or is are it its this that what which with how do does did right now at from by as be i me my you".split(
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
