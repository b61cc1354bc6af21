import { createHash } from "node:crypto";
import { chmodSync, existsSync } from "node:fs";
import { basename, join } from "node:path";
import { privateDir, writeStateFile } from "../shared/state/files.ts";
import { stateDir } from "../shared/state/place.ts";

/** Tells Handrail's shell what to be for one call: `free`, or a run's own shell by its path. */
const ROLE = "HANDRAIL_SHELL";

/** The shells whose command lines OpenCode builds in a way of their own, by name (1.18.33). */
const KNOWN = new Set(["bash", "zsh", "fish", "sh", "dash", "ksh", "nu"]);

/**
 * The shell that OpenCode is given for every command of an instance: the bash tool, `/session/:id/shell`
 * and command templates. It runs a bound session's command in the run's own shell, is the user's shell for
 * a session that is free, and refuses what the plugin has not spoken for.
 */
export class InstanceShell {
  readonly path: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #own: Record<string, string>;

  /**
   * @param configured OpenCode's own `shell` setting
   * @param env the environment of the process: commands without a session (templates) inherit their role
   * @param own PATH and the like as they were when OpenCode was started, for sessions that are free
   */
  constructor(configured: string | undefined, env: NodeJS.ProcessEnv, own: Record<string, string>) {
    const user = userShell(configured, env);
    const text = script(user);
    const hash = createHash("sha256").update(text).digest("hex").slice(0, 12);
    // Named like the user's own: OpenCode builds its command line by the name.
    this.path = join(stateDir(env), "shell", hash, KNOWN.has(basename(user)) ? basename(user) : "sh");
    if (!existsSync(this.path)) {
      privateDir(join(this.path, ".."));
      writeStateFile(this.path, text);
      chmodSync(this.path, 0o700);
    }
    this.#env = env;
    this.#own = own;
  }

  /** What commands without a session are: a person's own, or refused until a session speaks for them. */
  byDefault(role: "free" | "refuse"): void {
    this.#env[ROLE] = role;
  }

  /** The variables for one call. @param role `free`, `refuse`, or a run's own shell by its path */
  variables(role: string, callID: string | undefined): Record<string, string> {
    return {
      [ROLE]: role,
      ...(callID === undefined ? {} : { HANDRAIL_CALL_ID: shellCallID(callID) }),
      ...(role === "free" ? this.#own : {}),
    };
  }
}

/** A call id as the shell's record names it: other characters could mean something to a shell. */
export function shellCallID(callID: string): string {
  return callID.replace(/[^A-Za-z0-9_.:-]/g, "_").slice(0, 128);
}

function userShell(configured: string | undefined, env: NodeJS.ProcessEnv): string {
  for (const candidate of [configured, env.SHELL, "/bin/bash"]) {
    if (candidate && KNOWN.has(basename(candidate)) && existsSync(candidate)) return candidate;
  }
  return "/bin/sh";
}

function script(user: string): string {
  return `#!/bin/sh
# Handrail's shell: see opencode-plugin/shell.ts.
role=\${${ROLE}-refuse}
unset ${ROLE}
case $role in
  free) unset HANDRAIL_CALL_ID; exec '${user.replace(/'/g, "'\\''")}' "$@" ;;
  /*) exec "$role" "$@" ;;
esac
echo 'Handrail refused this command: no session of it is bound to a task, so nothing may run.' >&2
exit 126
`;
}
