import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { processesMentioning, projectRoot, until } from "./process.ts";

/** A temporary folder with a home of its own; nothing of the person's own settings is seen in it. */
export interface Sandbox {
  /** Real path of the folder; everything else lies below it. */
  dir: string;
  home: string;
  /** Where Handrail keeps its state when a program runs with `env`. */
  state: string;
  env: NodeJS.ProcessEnv;
  /** Removes the folder. @throws when a process started with `env` is still there (it is ended first) */
  close(): Promise<void>;
}

/** @param prefix starts the folder's name */
export function makeSandbox(prefix = "handrail-"): Sandbox {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), prefix)));
  const at = (name: string) => {
    mkdirSync(join(dir, name), { recursive: true });
    return join(dir, name);
  };
  const home = at("home");
  const state = join(dir, "state");
  const env: NodeJS.ProcessEnv = {
    PATH: `${projectRoot}/node_modules/.bin:${process.env.PATH ?? "/usr/bin:/bin"}`,
    LANG: "C.UTF-8",
    TERM: "xterm-256color",
    SHELL: "/bin/bash",
    HOME: home,
    TMPDIR: at("tmp"),
    XDG_CONFIG_HOME: at("home/.config"),
    XDG_CACHE_HOME: at("home/.cache"),
    XDG_DATA_HOME: at("home/.local/share"),
    XDG_STATE_HOME: at("home/.local/state"),
    HANDRAIL_STATE_DIR: state,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    npm_config_offline: "true",
    NO_COLOR: "1",
  };
  return {
    dir,
    home,
    state,
    env,
    async close() {
      const left = await leftRunning(dir);
      for (const line of left) end(Number.parseInt(line, 10));
      rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
      if (left.length > 0) throw new Error(`still running when its test ended:\n${left.join("\n")}`);
    },
  };
}

/** Processes of a sandbox that have not gone within three seconds. */
async function leftRunning(dir: string): Promise<string[]> {
  try {
    await until("processes to end", () => (processesMentioning(dir) ?? []).length === 0, 3000);
    return [];
  } catch {
    return processesMentioning(dir) ?? [];
  }
}

function end(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
