import { accessSync, constants, realpathSync, statSync } from "node:fs";
import { delimiter, isAbsolute, join, relative } from "node:path";
import { HandrailError } from "../errors.ts";

/**
 * Finds a program on PATH, as an absolute path. Entries that are relative or lie inside `outside` are
 * passed over: an executor may have put a file of that name there.
 * @param outside real path of a working tree
 */
export function findProgram(
  name: string,
  outside: string,
  env: NodeJS.ProcessEnv = process.env,
): string | undefined {
  for (const entry of (env.PATH ?? "").split(delimiter)) {
    if (!isAbsolute(entry)) continue;
    const path = join(entry, name);
    try {
      accessSync(path, constants.X_OK);
      if (!statSync(path).isFile() || isInside(realpathSync(entry), outside)) continue;
    } catch {
      continue; // not here
    }
    return path;
  }
  return undefined;
}

function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way === "" || (!way.startsWith("..") && !isAbsolute(way));
}

/** @throws HandrailError `opencode-missing` */
export function requireOpencode(root: string, env: NodeJS.ProcessEnv = process.env): string {
  const program = findProgram("opencode", root, env);
  if (program !== undefined) return program;
  throw new HandrailError("opencode-missing", "there is no `opencode` on PATH (outside this repository)", {
    fix: "npm install -g opencode-ai",
  });
}
