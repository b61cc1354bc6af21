import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Claude } from "./claude.ts";
import type { Sandbox } from "./sandbox.ts";
import { isRecord } from "./script.ts";
import { startTerminal, type Terminal } from "./terminal.ts";

/** Starts an interactive `claude` in a terminal; ready for input when this returns. */
export async function openTerminal(claude: Claude, sandbox: Sandbox, directory: string): Promise<Terminal> {
  trust(join(sandbox.home, ".claude", ".claude.json"), directory);
  const env = { ...claude.env, PWD: directory };
  const terminal = startTerminal({ folder: sandbox.dir, command: claude.command, cwd: directory, env });
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
