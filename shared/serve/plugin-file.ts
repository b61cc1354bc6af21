import { existsSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parse } from "jsonc-parser";
import * as z from "zod/mini";
import { HandrailError } from "../errors.ts";

const contentSchema = z.looseObject({ plugin: z.optional(z.array(z.unknown())) });

/**
 * The built OpenCode plugin that belongs to this companion.
 * @throws HandrailError `internal` when the build lacks it
 */
export function pluginFile(): string {
  // This module is bundled into the Claude plugin's dist/*.mjs or dist/chunks/*.mjs.
  for (const place of ["./opencode-plugin/index.js", "../opencode-plugin/index.js"]) {
    const file = fileURLToPath(new URL(place, import.meta.url));
    if (existsSync(file)) return file;
  }
  throw new HandrailError("internal", "the OpenCode plugin is missing from this installation", {
    fix: "npm run build",
  });
}

/** Adds the plugin to a run's `OPENCODE_CONFIG_CONTENT`, so that it loads without being installed. */
export function withPlugin(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const content = contentSchema.parse(parse(env.OPENCODE_CONFIG_CONTENT ?? "{}"));
  const plugin = [...(content.plugin ?? []), pathToFileURL(pluginFile()).href];
  return { ...env, OPENCODE_CONFIG_CONTENT: JSON.stringify({ ...content, plugin }) };
}
