import { failClosedEnv, USER_CONFIG_VARIABLE } from "../config/failclosed.ts";
import { SIGN_VARIABLE } from "../run/sign.ts";
import { withPlugin } from "./plugin-file.ts";

/** Handrail's variables that a server keeps: the others belong to one caller, and a server has many. */
const KEPT = new Set(["HANDRAIL_STATE_DIR", "HANDRAIL_CONFINEMENT", USER_CONFIG_VARIABLE]);

/** How long a server may be idle before it ends itself, in milliseconds. */
export const IDLE_VARIABLE = "HANDRAIL_SERVE_IDLE_MS";
/** Whose server it is: the real path of the working tree's top level. OpenCode opens other folders, too. */
export const ROOT_VARIABLE = "HANDRAIL_SERVE_ROOT";

/**
 * The environment of a project's server. It fails closed without Handrail's plugin, carries nothing of who
 * asked for it first (runs have that on record), and every session of it counts as delegated.
 * @param server `signFile`: where the plugin shows that it has started
 * @throws HandrailError `bad-input` when the user's own `OPENCODE_CONFIG_CONTENT` is no JSON object
 */
export function serverEnv(
  env: NodeJS.ProcessEnv,
  { root, password, signFile, idleMs }: { root: string; password: string; signFile: string; idleMs: number },
): NodeJS.ProcessEnv {
  const own = Object.entries(env).filter(([name]) => !name.startsWith("HANDRAIL_") || KEPT.has(name));
  const base = Object.fromEntries(own.filter(([name]) => !NOT_INHERITED.has(name)));
  return {
    ...withPlugin({ ...base, ...failClosedEnv(base) }),
    OPENCODE_SERVER_PASSWORD: password,
    HANDRAIL_COMPANION: "1",
    [SIGN_VARIABLE]: signFile,
    [IDLE_VARIABLE]: String(idleMs),
    [ROOT_VARIABLE]: root,
  };
}

/** Of another server, or of the Claude Code process that asked (facts, claude-code.md). */
const NOT_INHERITED = new Set([
  "OPENCODE_SERVER_PASSWORD",
  "OPENCODE_SERVER_USERNAME",
  "CLAUDE_CODE_MESSAGING_SOCKET",
  "CLAUDE_CODE_MESSAGING_TOKEN",
  "CLAUDE_ENV_FILE",
]);
