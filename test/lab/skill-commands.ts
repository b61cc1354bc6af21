import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CLAUDE_PLUGIN } from "./claude-plugin.ts";
import { type CodeBlock, codeBlocks } from "./markdown.ts";

/** A command that a skill, a slash command or an agent tells Claude to run. */
export interface SkillCommand {
  /** Below `claude-hooks/`. */
  file: string;
  line: number;
  /** In one line. */
  text: string;
}

/** What is named so that it is not run. */
const PROHIBITED = ["git checkout", "git restore", "git stash", "git reset", "git clean", "opencode run"];

/** The Markdown files that Claude may be shown: skills with their references and templates, commands, agents. */
export function skillTexts(): { file: string; text: string }[] {
  return ["skills", "commands", "agents"].flatMap((folder) =>
    readdirSync(join(CLAUDE_PLUGIN, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith(".md"))
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((file) => ({ file: file.slice(CLAUDE_PLUGIN.length + 1), text: readFileSync(file, "utf8") })),
  );
}

/** All fenced blocks of these files. */
export function skillBlocks(): CodeBlock[] {
  return skillTexts().flatMap(({ file, text }) => codeBlocks(file, text));
}

/** The commands of a block, each in one line. */
export function commandsOf(block: CodeBlock): string[] {
  return block.text
    .replaceAll(/\\\n\s*/g, "")
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map(inOneLine);
}

/** Every command: the lines of the shell blocks, and what stands in backquotes and begins like one. */
export function skillCommands(): SkillCommand[] {
  return skillTexts().flatMap(({ file, text }) => {
    const blocks = codeBlocks(file, text);
    const fenced = blocks
      .filter(({ language }) => language === "bash")
      .flatMap((block) => commandsOf(block).map((line) => ({ file, line: block.line, text: line })));
    const outside = blocks.reduce((rest, block) => without(rest, block), text.split("\n"));
    const inline = outside.flatMap((line, at) =>
      [...line.matchAll(/`([^`]+)`/g)].map((found) => ({
        file,
        line: at + 1,
        text: inOneLine(found[1] ?? ""),
      })),
    );
    return [...fenced, ...inline.filter(({ text: one }) => isCommand(one))];
  });
}

function without(lines: string[], { line, text }: CodeBlock): string[] {
  const end = line + text.split("\n").length;
  return lines.map((one, at) => (at >= line - 1 && at < end ? "" : one));
}

function isCommand(text: string): boolean {
  return (
    /^(handrail|git|node|opencode) \S/.test(text) && !text.includes("<verb>") && !PROHIBITED.includes(text)
  );
}

export function inOneLine(text: string): string {
  return text.trim().replaceAll(/\s+/g, " ");
}
