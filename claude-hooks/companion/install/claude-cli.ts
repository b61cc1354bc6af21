import { join } from "node:path";
import * as z from "zod/mini";
import { HandrailError } from "../../../shared/errors.ts";
import { findProgram } from "../../../shared/serve/program.ts";
import { parseJson } from "../../../shared/state/files.ts";
import type { Level, NotDone, Place } from "./plan.ts";
import { firstLine, runProgram } from "./program.ts";

export const MARKETPLACE = "handrail";
export const PLUGIN_ID = "handrail@handrail";

/** One line of `claude plugin list --json` (2.1.329, measured). */
const installedSchema = z.looseObject({
  id: z.string(),
  scope: z.string(),
  enabled: z.optional(z.boolean()),
  version: z.optional(z.string()),
  installPath: z.optional(z.string()),
  /** A plugin of a directory marketplace runs live from here. */
  readFromFolder: z.optional(z.string()),
  projectPath: z.optional(z.string()),
});
export type ClaudePlugin = z.infer<typeof installedSchema>;

const answerSchema = z.looseObject({ outcome: z.string(), message: z.optional(z.string()) });

export const CLAUDE_MISSING: NotDone = {
  host: "claude",
  code: "claude-missing",
  message: "Claude Code: not installed on this machine (no claude on PATH), so its side was left out",
  fix: "npm install -g @anthropic-ai/claude-code, then: handrail init --host claude",
};

/** The real `claude`, asked through its command line only. */
export interface Claude {
  program: string;
  /** All installations of Handrail's plugin, of every project and the user's own. */
  installations(): Promise<ClaudePlugin[]>;
  /** `claude plugin <args> --json`. @throws HandrailError `run-failed` with Claude's own words */
  change(...args: string[]): Promise<void>;
}

/** @returns undefined where there is no `claude` on PATH outside the working tree */
export function findClaude({ root, env }: Place): Claude | undefined {
  const program = findProgram("claude", root ?? "", env);
  if (!program) return undefined;
  const cwd = root ?? process.cwd();
  const run = (args: readonly string[]) => runProgram(program, args, { cwd, env: quiet(env) });
  return {
    program,
    async installations() {
      const ended = await run(["plugin", "list", "--json"]);
      const list = parseJson(ended.stdout, z.array(installedSchema));
      if (ended.code === 0 && list.ok) return list.value.filter((plugin) => plugin.id === PLUGIN_ID);
      throw failed("plugin list", firstLine(ended.stderr) || (list.ok ? "" : list.problem));
    },
    async change(...args) {
      const ended = await run(["plugin", ...args, "--json"]);
      const answer = parseJson(ended.stdout.trim().split("\n").at(-1) ?? "", answerSchema);
      if (ended.code === 0 && answer.ok && answer.value.outcome === "ok") return;
      const words = answer.ok ? (answer.value.message ?? "") : ended.stderr;
      throw failed(`plugin ${args.slice(0, 2).join(" ")}`, firstLine(words));
    },
  };
}

/** The settings file that Claude Code declares a plugin in. */
export function settingsFile({ level, root, env }: Place): string {
  if (level === "project" && root !== undefined) return join(root, ".claude", "settings.json");
  return join(env.CLAUDE_CONFIG_DIR || join(env.HOME ?? "", ".claude"), "settings.json");
}

/** Whether an installation is the one of this place. */
export function isHere(
  plugin: ClaudePlugin,
  { level, root }: { level: Level; root: string | undefined },
): boolean {
  return plugin.scope === level && (level === "user" || plugin.projectPath === root);
}

/** Claude Code without its own business on the network. */
export function quiet(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...env, CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1", DISABLE_AUTOUPDATER: "1" };
}

function failed(what: string, words: string): HandrailError {
  return new HandrailError("run-failed", `claude ${what} failed: ${words || "no message"}`, {
    fix: "handrail init --undo takes back what was done so far; then try again",
  });
}
