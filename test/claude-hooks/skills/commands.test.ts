import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { TOOLS } from "../../../claude-hooks/bridge/tools.ts";
import { CLAUDE_PLUGIN } from "../../lab/claude-plugin.ts";
import { projectRoot } from "../../lab/process.ts";
import { skillCommands, skillTexts } from "../../lab/skill-commands.ts";
import { handrail } from "../companion/handrail.ts";

const run = handrail();
const COMPANION = /^node "[^"]+opencode-companion\.mjs"/;
const commands = skillCommands()
  .map((command) => ({ ...command, text: command.text.replace(COMPANION, "handrail") }))
  .filter(({ text }) => text.startsWith("handrail "));

/** The verb of a command, its subcommand included, and the help of both. */
const helps = new Map<string, string>();
function helpOf(verb: string): string {
  const known = helps.get(verb);
  if (known !== undefined) return known;
  const { code, stdout } = run(projectRoot, [...verb.split(" "), "--help"]);
  const help = code === 0 ? stdout : "";
  helps.set(verb, help);
  return help;
}

describe("every command in a skill, a slash command or an agent", () => {
  test("there are some in each", () => {
    expect(commands.length).toBeGreaterThan(70);
    const files = new Set(commands.map(({ file }) => file.split("/").slice(0, 2).join("/")));
    for (const { file } of skillTexts()) expect(files).toContain(file.split("/").slice(0, 2).join("/"));
  });
  test.each(commands)("$file:$line $text", ({ text }) => {
    const [, verb = "", ...words] = text.replace(/ -- .*$/, "").split(" ");
    const subs = /^Commands:\n([\s\S]*)/m.exec(helpOf(verb))?.[1] ?? "";
    const sub =
      words[0] !== undefined && new RegExp(`^  ${words[0]} `, "m").test(subs) ? words[0] : undefined;
    expect(subs !== "" && sub === undefined, `${verb} needs a command of its own`).toBe(false);
    const help = helpOf(sub === undefined ? verb : `${verb} ${sub}`);
    expect(help).toContain("Usage: handrail");
    for (const option of words.filter((word) => word.startsWith("--")))
      expect(help, option).toMatch(new RegExp(`^ +(?:-\\w, )?${option}(?: |$)`, "m"));
  });
});

test("every tool that a skill names is one of the bridge's", () => {
  const known = new Set<string>(TOOLS.map(({ name }) => name));
  const named = skillTexts().flatMap(({ text }) => text.match(/`opencode_(?!tasks)\w+`/g) ?? []);
  expect(named.length).toBeGreaterThan(4);
  expect(named.filter((name) => !known.has(name.replaceAll("`", "")))).toEqual([]);
});

test("every file that a skill refers to is there", () => {
  const missing = skillTexts().flatMap(({ file, text }) => {
    const skill = file.split("/").slice(0, 2).join("/");
    const named = [...text.matchAll(/`((?:references|templates)\/[\w./-]+\.md)`/g)].map(
      (one) => one[1] ?? "",
    );
    return named.filter((one) => {
      try {
        return readFileSync(join(CLAUDE_PLUGIN, skill, one), "utf8") === "";
      } catch {
        return true;
      }
    });
  });
  expect(missing).toEqual([]);
});
