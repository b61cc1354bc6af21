import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Claude } from "./claude.ts";
import { until } from "./process.ts";
import type { Sandbox } from "./sandbox.ts";
import { isRecord } from "./script.ts";

export interface ClaudeTerminal {
  screen(): string;
  /** Types a text and presses return. */
  type(text: string): void;
  waitFor(what: RegExp, timeout?: number): Promise<string>;
  close(): Promise<void>;
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

/** Starts an interactive `claude` in a tmux server of its own; ready for input when this returns. */
export async function openTerminal(
  claude: Claude,
  sandbox: Sandbox,
  directory: string,
): Promise<ClaudeTerminal> {
  trust(join(sandbox.home, ".claude", ".claude.json"), directory);
  const socket = join(sandbox.dir, "tmux");
  const env = { ...claude.env, PWD: directory };
  const tmux = (...args: string[]) =>
    execFileSync("tmux", ["-f", "/dev/null", "-S", socket, ...args], {
      cwd: directory,
      env,
      encoding: "utf8",
    });
  // What a claude that ended at once had to say stays readable.
  tmux(
    ...["start-server", ";", "set-option", "-g", "remain-on-exit", "on", ";"],
    ...["new-session", "-d", "-s", "lab", "-x", "160", "-y", "50"],
    ...claude.command,
  );
  const terminal: ClaudeTerminal = {
    screen: () => tmux("capture-pane", "-p", "-t", "lab"),
    type(text) {
      tmux("send-keys", "-t", "lab", "-l", text);
      tmux("send-keys", "-t", "lab", "Enter");
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
  try {
    await terminal.waitFor(/^❯/m);
    return terminal;
  } catch (error) {
    await terminal.close();
    throw error;
  }
}

/** Accepts the "do you trust this folder" question beforehand. */
function trust(file: string, directory: string): void {
  const seed: unknown = JSON.parse(readFileSync(file, "utf8"));
  const before = isRecord(seed) ? seed : {};
  const projects = isRecord(before.projects) ? before.projects : {};
  const next = { ...before, projects: { ...projects, [directory]: { hasTrustDialogAccepted: true } } };
  writeFileSync(file, JSON.stringify(next));
}
