import { writeFileSync } from "node:fs";
import * as z from "zod/mini";
import { VERSION } from "../version.ts";

/** Names the file in which the OpenCode plugin shows that it has started. Whoever starts OpenCode sets it. */
export const SIGN_VARIABLE = "HANDRAIL_SIGN_FILE";

export const signSchema = z.object({
  version: z.string(),
  pid: z.number(),
  /** Why the plugin, although loaded, holds nothing and refuses every write. */
  problem: z.optional(z.string()),
});
export type Sign = z.infer<typeof signSchema>;

/**
 * Leaves the plugin's sign of life where the starter asked for one: OpenCode goes on without a word when a
 * plugin does not load, so only the plugin itself can say that it has.
 * @param problem why its guard could not start, if so
 */
export function leaveSign(env: NodeJS.ProcessEnv, problem?: string): void {
  const file = env[SIGN_VARIABLE];
  if (!file) return;
  const sign: Sign = { version: VERSION, pid: process.pid, ...(problem === undefined ? {} : { problem }) };
  try {
    writeFileSync(file, JSON.stringify(sign), { mode: 0o600 });
  } catch {
    // No sign is what the starter then sees, and it refuses or reports by that.
  }
}
