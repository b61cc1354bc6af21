import { parse } from "jsonc-parser";
import * as z from "zod/mini";
import { HandrailError } from "../errors.ts";

/**
 * The provider name that a guarded run is started with. No such provider exists, so without the
 * OpenCode plugin, which puts the user's own value back, OpenCode cannot start a model at all, whatever
 * the project's configuration says (tried on OpenCode 1.18.33: facts, opencode.md).
 */
export const BLOCKING_PROVIDER = "handrail-plugin-not-loaded";

/** Where a starter keeps the user's own `OPENCODE_CONFIG_CONTENT` for the plugin. */
export const USER_CONFIG_VARIABLE = "HANDRAIL_USER_CONFIG_CONTENT";

const objectSchema = z.record(z.string(), z.unknown());

/**
 * The variables that make an OpenCode run fail closed.
 * @param env the environment the run will inherit
 * @throws HandrailError `bad-input` when the user's own `OPENCODE_CONFIG_CONTENT` is no JSON object
 */
export function failClosedEnv(env: NodeJS.ProcessEnv): Record<string, string> {
  const own = env.OPENCODE_CONFIG_CONTENT;
  const block = { enabled_providers: [BLOCKING_PROVIDER] };
  if (!own || own.includes(BLOCKING_PROVIDER))
    return { OPENCODE_CONFIG_CONTENT: own || JSON.stringify(block) };
  const parsed = objectSchema.safeParse(parse(own, [], { allowTrailingComma: true }));
  if (!parsed.success) {
    throw new HandrailError("bad-input", "OPENCODE_CONFIG_CONTENT is set but holds no JSON object", {
      fix: "unset OPENCODE_CONFIG_CONTENT, or mend it",
    });
  }
  return {
    OPENCODE_CONFIG_CONTENT: JSON.stringify({ ...parsed.data, ...block }),
    [USER_CONFIG_VARIABLE]: own,
  };
}
