import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { CLAUDE_PLUGIN } from "./claude-plugin.ts";
import { closing } from "./cleanup.ts";
import { PLUGIN } from "./delegation.ts";
import type { CodeBlock } from "./markdown.ts";
import type { ModelServer } from "./model-server.ts";
import { startOpenAiServer } from "./openai-server.ts";
import { setUpOpencode } from "./opencode.ts";
import { type Finished, runProgram } from "./process.ts";
import { makeRepo, type Repo } from "./repo.ts";
import { SHOP } from "./reviewer.ts";
import { makeSandbox, type Sandbox } from "./sandbox.ts";
import type { Script } from "./script.ts";
import { commandsOf, inOneLine, skillCommands } from "./skill-commands.ts";

export interface SkillShell {
  sandbox: Sandbox;
  repo: Repo;
  model: ModelServer;
  /** What `$NAME` in a command stands for. */
  variables: Record<string, string>;
  shell(command: string): Promise<Finished>;
  /**
   * Runs a block of a skill with its placeholders filled. @throws for any exit but 0
   * @param edit what the test, or the skill in words, does to it besides
   */
  block(
    block: CodeBlock | undefined,
    fill?: Record<string, string>,
    edit?: (text: string) => string,
  ): Promise<Finished>;
  /** Runs a command that stands in backquotes in a skill, likewise. */
  inline(text: string, fill?: Record<string, string>, codes?: number[]): Promise<Finished>;
  /** Runs a command of the test's own. @returns what it printed */
  must(command: string): Promise<string>;
}

export interface SkillShellOptions {
  /** Uncommitted files of the repository. */
  dirty?: Record<string, string>;
  /** Neither `handrail` on the PATH nor its plugin in OpenCode. */
  without?: boolean;
}

/** Commands of the skills that have been run, each in one line. */
const run = new Set<string>();

/** The commands of the skills that no test of this file has run. */
export function leftToRun(): string[] {
  return skillCommands()
    .filter(({ text }) => !run.has(text))
    .map(({ file, line, text }) => `${file}:${line} ${text}`);
}

/** A shell with what a session of Claude's has: the plugin's `bin` on its PATH, and OpenCode on a scripted model. */
export async function setUpSkillShell(script: Script, options: SkillShellOptions = {}): Promise<SkillShell> {
  const { dirty = {}, without = false } = options;
  const sandbox = closing(makeSandbox());
  const model = closing(await startOpenAiServer(script));
  const repo = makeRepo(join(sandbox.dir, "shop"), { files: SHOP, ignore: ["opencode_tasks/"], dirty });
  const opencode = setUpOpencode({ sandbox, modelUrl: model.url, plugins: without ? [] : [PLUGIN] });
  const notes = join(sandbox.dir, "notes");
  mkdirSync(notes);
  writeFileSync(join(notes, "plan.txt"), "1. Write discount().\n");
  writeFileSync(join(notes, "scope.txt"), "Files to modify:\n- src/cart.js\n");
  const variables: Record<string, string> = {
    CLAUDECODE: "1",
    CLAUDE_PLUGIN_ROOT: CLAUDE_PLUGIN,
    PLAN: "docs/plan.md",
    FEATURE: "cart-discount",
    WORK_DIR: repo.root,
    PLAN_TEXT: join(notes, "plan.txt"),
    SCOPE_FILE: join(notes, "scope.txt"),
    ANSWER: join(notes, "answer.json"),
    BASE_REF: repo.git("rev-parse", "HEAD"),
  };
  const path = without ? opencode.env.PATH : `${CLAUDE_PLUGIN}/bin:${opencode.env.PATH}`;
  const shell = (command: string) =>
    runProgram("/bin/bash", ["-e", "-o", "pipefail", "-c", command], {
      cwd: repo.root,
      env: { ...opencode.env, PATH: path, PWD: repo.root, ...variables },
      timeout: 120_000,
    });
  if (!without) {
    closing({
      close: async () => {
        const stopped = await shell("handrail serve stop --json || true");
        expect(stopped.stdout).not.toContain('"internal"');
      },
    });
  }
  const ran = async (where: string, text: string, fill: Record<string, string>, codes: number[]) => {
    const command = filled(text, fill);
    expect(command, `${where} has a placeholder that no test fills`).not.toMatch(
      /<[a-z-]+>|YYYYMMDD|\{\{|\b(?:FILE|SESSION|JOB|RUN|SLUG|DIR|PROMPT|NAME)\b(?!["=])/,
    );
    const result = await shell(command);
    const said = `${where}\n${command}\n${result.stdout}\n${result.stderr}`;
    expect(codes.includes(result.code ?? -1), said).toBe(true);
    return result;
  };
  return {
    ...{ sandbox, repo, model, variables, shell },
    async block(block, fill = {}, edit = (text) => text) {
      if (!block) throw new Error("the skill has no such block any more");
      const result = await ran(`${block.file}:${block.line}`, edit(block.text), fill, [0]);
      for (const command of commandsOf(block)) run.add(command);
      return result;
    },
    async inline(text, fill = {}, codes = [0]) {
      const known = skillCommands().find((command) => command.text === inOneLine(text));
      if (!known) throw new Error(`no skill has the command ${text} any more`);
      const result = await ran(`${known.file}:${known.line}`, text, fill, codes);
      run.add(known.text);
      return result;
    },
    async must(command) {
      const result = await shell(command);
      expect(result, command).toMatchObject({ code: 0 });
      return result.stdout;
    },
  };
}

function filled(text: string, fill: Record<string, string>): string {
  return Object.entries(fill).reduce((rest, [name, value]) => rest.replaceAll(name, () => value), text);
}
