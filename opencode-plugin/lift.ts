import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import type { Config as OpenCodeConfig } from "@opencode-ai/plugin";
import { parse } from "jsonc-parser";
import * as z from "zod/mini";
import { BLOCKING_PROVIDER, USER_CONFIG_VARIABLE } from "../shared/config/failclosed.ts";

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
 * The texts of the configuration sources, weakest first, in the order of OpenCode 1.18.33's
 * `Config.loadInstanceState`. Remote and account configuration is not read: without it more providers
 * are on, which only means that the user's choice of model is not narrowed.
 */
function* configTexts(directory: string, worktree: string, env: NodeJS.ProcessEnv): Generator<string> {
  const user = join(env.XDG_CONFIG_HOME || join(env.HOME || homedir(), ".config"), "opencode");
  const files = [join(user, "config.json"), join(user, "opencode.json"), join(user, "opencode.jsonc")];
  if (env.OPENCODE_CONFIG) files.push(env.OPENCODE_CONFIG);
  if (!env.OPENCODE_DISABLE_PROJECT_CONFIG) {
    const folders = foldersBetween(worktree, directory);
    for (const folder of folders) files.push(join(folder, "opencode.json"), join(folder, "opencode.jsonc"));
    for (const folder of folders) {
      files.push(join(folder, ".opencode", "opencode.json"), join(folder, ".opencode", "opencode.jsonc"));
    }
  }
  if (env.OPENCODE_CONFIG_DIR) {
    files.push(
      join(env.OPENCODE_CONFIG_DIR, "opencode.json"),
      join(env.OPENCODE_CONFIG_DIR, "opencode.jsonc"),
    );
  }
  for (const file of files) {
    try {
      yield readFileSync(file, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") continue; // OpenCode reports what it cannot read
    }
  }
  const inline = env[USER_CONFIG_VARIABLE];
  if (inline) yield inline;
}

/** From the outermost folder to the innermost, both included. */
function foldersBetween(outer: string, inner: string): string[] {
  const folders = [inner];
  for (let at = inner; at !== outer && dirname(at) !== at; ) {
    at = dirname(at);
    folders.unshift(at);
  }
  return folders;
}
