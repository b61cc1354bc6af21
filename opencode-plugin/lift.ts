import type { Config as OpenCodeConfig } from "@opencode-ai/plugin";
import { parse } from "jsonc-parser";
import * as z from "zod/mini";
import { BLOCKING_PROVIDER, USER_CONFIG_VARIABLE } from "../shared/config/failclosed.ts";
import { opencodeConfigTexts } from "../shared/config/opencode-sources.ts";

const providersSchema = z.looseObject({ enabled_providers: z.optional(z.array(z.string())) });

/**
 * Lifts the fail-closed start: puts the user's own `enabled_providers` back where a Handrail starter
 * replaced it. That OpenCode runs this at all is the proof that the plugin has loaded.
 * @param config OpenCode's merged configuration, changed in place
 */
export function liftProviders(
  config: OpenCodeConfig,
  directory: string,
  worktree: string,
  env: NodeJS.ProcessEnv,
): void {
  if (!config.enabled_providers?.includes(BLOCKING_PROVIDER)) return;
  let own: string[] | undefined;
  for (const text of configTexts(directory, worktree, env)) {
    const parsed = providersSchema.safeParse(parse(text, [], { allowTrailingComma: true }));
    if (parsed.success && parsed.data.enabled_providers) own = parsed.data.enabled_providers;
  }
  if (own) config.enabled_providers = own.filter((name) => name !== BLOCKING_PROVIDER);
  else delete config.enabled_providers;
}

/**
 * The user's configuration, weakest first. Remote and account configuration is not read: without it more
 * providers are on, which only means that the user's choice of model is not narrowed.
 */
function* configTexts(directory: string, worktree: string, env: NodeJS.ProcessEnv): Generator<string> {
  for (const { text } of opencodeConfigTexts(directory, worktree, env)) yield text;
  const inline = env[USER_CONFIG_VARIABLE];
  if (inline) yield inline;
}
