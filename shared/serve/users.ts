import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { identify, isAlive, type ProcessIdentity, processIdentitySchema } from "../run/process.ts";
import { parseJson, writeJson } from "../state/files.ts";
import { projectDir } from "../state/place.ts";

/**
 * Notes that this process works with the project's server, until it leaves or ends: nobody else ends the server
 * meanwhile. Between two prompts no session is busy, and the next prompt may be on its way.
 * @param root real path of the working tree's top level
 */
export function joinServer(root: string): void {
  const file = fileOf(root, process.pid);
  writeJson(file, identify());
  if (atExit.has(file)) return;
  atExit.add(file);
  process.once("exit", () => rmSync(file, { force: true }));
}

/** What is cleared when this process ends: once each, however often it joins. */
const atExit = new Set<string>();

/** This process works with the server no more. */
export function leaveServer(root: string): void {
  rmSync(fileOf(root, process.pid), { force: true });
}

/** The other processes that work with a project's server. What a killed one has left is cleared. */
export function otherUsers(root: string): ProcessIdentity[] {
  return namesIn(folderOf(root)).flatMap((name) => {
    const file = join(folderOf(root), name);
    const user = readUser(file);
    if (user?.pid === process.pid) return [];
    if (user && isAlive(user)) return [user];
    rmSync(file, { force: true });
    return [];
  });
}

function readUser(file: string): ProcessIdentity | undefined {
  try {
    const parsed = parseJson(readFileSync(file, "utf8"), processIdentitySchema);
    return parsed.ok ? parsed.value : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined; // it has just left
    throw error;
  }
}

function folderOf(root: string): string {
  return join(projectDir(root), "serve-users");
}

function fileOf(root: string, pid: number): string {
  return join(folderOf(root), `${pid}.json`);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => /^\d+\.json$/.test(name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
