import { createHash } from "node:crypto";
import { homedir } from "node:os";
import { basename, join, resolve } from "node:path";

/**
 * Where Handrail keeps its state: `$HANDRAIL_STATE_DIR`, else the platform's state directory
 * (`$XDG_STATE_HOME` or `~/.local/state` on Linux, `~/Library/Application Support` on macOS,
 * `%LOCALAPPDATA%` on Windows).
 */
export function stateDir(env: NodeJS.ProcessEnv = process.env): string {
  if (env.HANDRAIL_STATE_DIR) return resolve(env.HANDRAIL_STATE_DIR);
  const home = env.HOME || homedir();
  if (process.platform === "darwin") return join(home, "Library", "Application Support", "handrail");
  if (process.platform === "win32")
    return join(env.LOCALAPPDATA || join(home, "AppData", "Local"), "handrail");
  return join(env.XDG_STATE_HOME || join(home, ".local", "state"), "handrail");
}

/**
 * The folder of one working tree: `projects/<slug>-<hash>/`.
 * @param root real path of the working tree's top level
 */
export function projectDir(root: string, env: NodeJS.ProcessEnv = process.env): string {
  const slug =
    basename(root)
      .replace(/[^A-Za-z0-9._-]+/g, "-")
      .slice(0, 40) || "root";
  const hash = createHash("sha256").update(root).digest("hex").slice(0, 12);
  return join(stateDir(env), "projects", `${slug}-${hash}`);
}
