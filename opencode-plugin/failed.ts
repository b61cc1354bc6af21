import type { Hooks, PluginInput } from "@opencode-ai/plugin";
import { HandrailError } from "../shared/errors.ts";
import { actionOf, NOTHING_DECLARED } from "../shared/scope/actions.ts";
import { refusalText } from "../shared/scope/refusal.ts";
import { isDelegated } from "./binding.ts";
import { liftProviders } from "./lift.ts";

/** Folders that hold no work of Handrail's. */
const NOT_OURS = new Set(["not-a-repository", "bare-repository", "no-commit"]);

/**
 * The guard of an instance where Handrail could not start: reading works, everything else is refused
 * with the reason. A person's own session in a folder without a repository is left alone.
 */
export function startFailed(input: PluginInput, env: NodeJS.ProcessEnv, error: unknown): Hooks {
  const config: NonNullable<Hooks["config"]> = async (config) =>
    liftProviders(config, input.directory, input.worktree, env);
  if (error instanceof HandrailError && NOT_OURS.has(error.code) && !isDelegated(env)) return { config };
  const detail = `Handrail could not start here: ${error instanceof Error ? error.message : String(error)}`;
  return {
    config,
    "tool.execute.before": async ({ tool }, output) => {
      const action = actionOf(tool, output.args, NOTHING_DECLARED);
      if (action.kind === "read" || action.kind === "harmless") return;
      throw new Error(refusalText({ decision: "refuse", code: "guard-failed", detail }));
    },
    "experimental.chat.system.transform": async (_input, output) => {
      output.system.push(`# Handrail: this session is read-only\n${detail}`);
    },
  };
}
