import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { until } from "./process.ts";

export interface Terminal {
  /** What it shows now. */
  screen(): string;
  /** Types a text and presses return. */
  type(text: string): void;
  /** Presses a key, by tmux's name of it: `C-c`. */
  press(key: string): void;
  waitFor(what: RegExp, timeout?: number): Promise<string>;
  close(): Promise<void>;
}

export interface TerminalOptions {
  /** A folder for the terminal's own socket; made where it is missing. */
  folder: string;
  command: readonly string[];
  cwd: string;
  env: NodeJS.ProcessEnv;
}

/** Why there can be no terminal here, or undefined. */
export function terminalMissing(): string | undefined {
  try {
    execFileSync("tmux", ["-V"], { stdio: "ignore" });
    return undefined;
  } catch {
    return "tmux is not installed: interactive sessions are not tried";
  }
}

/** Starts a program in a terminal: a tmux server of its own. */
export function startTerminal({ folder, command, cwd, env }: TerminalOptions): Terminal {
  mkdirSync(folder, { recursive: true });
  const tmux = (...args: string[]) =>
    execFileSync("tmux", ["-f", "/dev/null", "-S", `${folder}/tmux`, ...args], {
      cwd,
      env,
      encoding: "utf8",
    });
  // What a program that ended at once had to say stays readable.
  tmux(
    ...["start-server", ";", "set-option", "-g", "remain-on-exit", "on", ";"],
    ...["new-session", "-d", "-s", "lab", "-x", "160", "-y", "50"],
    ...command,
  );
  const terminal: Terminal = {
    screen: () => tmux("capture-pane", "-p", "-t", "lab"),
    type(text) {
      tmux("send-keys", "-t", "lab", "-l", text);
      tmux("send-keys", "-t", "lab", "Enter");
    },
    press(key) {
      tmux("send-keys", "-t", "lab", key);
    },
    async waitFor(what, timeout = 30_000) {
      try {
        return await until(`${what} on the screen`, () => terminal.screen().match(what)?.[0], timeout);
      } catch (error) {
        throw new Error(`${error instanceof Error ? error.message : error}; it shows:\n${terminal.screen()}`);
      }
    },
    async close() {
      tmux("kill-server");
    },
  };
  return terminal;
}
