import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CLAUDE_PLUGIN } from "./claude-plugin.ts";

export interface SkillFile {
  name: string;
  /** In one line, as Claude Code lists it. */
  description: string;
  text: string;
}

/** The skills of the Claude Code plugin; `description` is a folded block (`>-`) or one line. */
export function skillFiles(): SkillFile[] {
  const folder = join(CLAUDE_PLUGIN, "skills");
  return readdirSync(folder).map((name) => {
    const text = readFileSync(join(folder, name, "SKILL.md"), "utf8");
    const [, matter = ""] = /^---\n([\s\S]*?)\n---/.exec(text) ?? [];
    const [, description = ""] = /^description: *(?:>-\n)?((?:.+(?:\n {2})?)+)/m.exec(matter) ?? [];
    return {
      name: /^name: *(.+)$/m.exec(matter)?.[1]?.trim() ?? "",
      description: description.replace(/\s+/g, " ").trim(),
      text,
    };
  });
}
