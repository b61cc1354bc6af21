import { createHash } from "node:crypto";
import { existsSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, join, resolve, sep } from "node:path";
import { HandrailError } from "../errors.ts";

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

/**
 * Makes sure that an executor cannot write where Handrail keeps its records.
 * @param root real path of the working tree's top level
 * @throws HandrailError `bad-usage` for a state folder in the working tree
 */
export function requireStateOutside(root: string, env: NodeJS.ProcessEnv = process.env): void {
  const folder = stateDir(env);
  if (liesIn(folder, root))
    throw new HandrailError(
      "bad-usage",
      `the state folder ${folder} lies inside the repository, where an executor may write`,
      { fix: "set HANDRAIL_STATE_DIR to a folder outside" },
    );
}

/** Whether a folder, which may not be there yet, is in a working tree. @param root its real path */
export function liesIn(folder: string, root: string): boolean {
  return `${realpathSync(nearest(folder))}${sep}`.startsWith(`${root}${sep}`);
}

/** The path itself, or the nearest parent that is there. */
export function nearest(path: string): string {
  return existsSync(path) ? path : nearest(dirname(path));
}
