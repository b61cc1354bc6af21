import { realpathSync } from "node:fs";
import { stateDir } from "./place.ts";

/**
 * Folders that no tool of an executor reads: Handrail's own state (a server's password lies there), the
 * caller's inbox, and the memory and environment of processes.
 * @returns absolute paths, as named and as they really are
 */
export function privateFolders(env: NodeJS.ProcessEnv = process.env, inbox?: string): string[] {
  const named = [stateDir(env), ...(inbox === undefined ? [] : [inbox])];
  if (process.platform === "linux") named.push("/proc");
  return [...new Set(named.flatMap((path) => [path, real(path)]))];
}

function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path; // not there yet
  }
}
