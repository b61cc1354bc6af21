import { existsSync, readdirSync, rmSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";
import { HandrailError } from "../errors.ts";
import { isAlive, processIdentitySchema } from "../run/process.ts";
import { readJson, writeJson } from "../state/files.ts";
import { projectDir, stateDir } from "../state/place.ts";

/** `serve.json`: the one server of a project. Written before it is ready, so that a killed starter leaves no orphan. */
export const serverEntrySchema = z.object({
  schema: z.literal(1),
  state: z.enum(["starting", "ready"]),
  /** Empty until the server has named it. */
  url: z.string(),
  /** Real path of the working tree's top level. */
  directory: z.string(),
  password: z.string(),
  /** What Handrail has started; it leads a process group of its own. */
  leader: processIdentitySchema,
  /** Who waits for it to be ready, while it is starting. */
  starter: z.optional(processIdentitySchema),
  /** OpenCode itself: `opencode` may be a launcher that starts the real program. */
  process: z.optional(processIdentitySchema),
  /** OpenCode's version, as the server says. */
  version: z.string(),
  /** OpenCode and Handrail's plugin on disk as the server was started with them (`currentPrints`). */
  program: z.string(),
  plugin: z.string(),
  /** ISO 8601, UTC. */
  started: z.string(),
  /** Why it was started, and for whom: a few plain words. */
  reason: z.string(),
  /** It was started for a task alone, and ends with the last one that works on it. */
  for_task: z.optional(z.boolean()),
});
export type ServerEntry = z.infer<typeof serverEntrySchema>;

/** The file of a project's server. @param root real path of the working tree's top level */
export function entryFile(root: string): string {
  return join(projectDir(root), "serve.json");
}

/**
 * @returns the project's server on record, alive or not
 * @throws HandrailError `state-unreadable`
 */
export function readEntry(root: string): ServerEntry | undefined {
  return readJson(entryFile(root), serverEntrySchema);
}

export function writeEntry(entry: ServerEntry): void {
  writeJson(entryFile(entry.directory), entry);
}

/** Takes a server off the record, unless another has taken its place. */
export function removeEntry(entry: ServerEntry): void {
  const current = readEntry(entry.directory);
  if (current && isSame(current, entry)) rmSync(entryFile(entry.directory), { force: true });
}

/** Whether two entries mean one process. */
export function isSame(one: ServerEntry, other: ServerEntry): boolean {
  return one.leader.pid === other.leader.pid && one.leader.started === other.leader.started;
}

/** Whether the server's process still runs: by pid and start time, so that nobody else's is taken for it. */
export function isRunning({ process, leader }: ServerEntry): boolean {
  return isAlive(process ?? leader);
}

/** Notes that the server is in use. The file's own time, so that nothing is rewritten that another may replace. */
export function touchEntry(root: string): void {
  const file = entryFile(root);
  const now = new Date();
  if (existsSync(file)) utimesSync(file, now, now);
}

/** When the server was last in use, in milliseconds since 1970; undefined without one on record. */
export function lastUse(root: string): number | undefined {
  return statSync(entryFile(root), { throwIfNoEntry: false })?.mtimeMs;
}

/** The servers on record of all projects. @returns also a sentence for each record that cannot be read */
export function listEntries(): { entries: ServerEntry[]; unreadable: string[] } {
  const entries: ServerEntry[] = [];
  const unreadable: string[] = [];
  for (const project of projectFolders()) {
    try {
      const entry = readJson(join(project, "serve.json"), serverEntrySchema);
      if (entry) entries.push(entry);
    } catch (error) {
      if (!(error instanceof HandrailError)) throw error;
      unreadable.push(error.message);
    }
  }
  return { entries, unreadable };
}

/** The state folders of all projects. */
export function projectFolders(): string[] {
  const projects = join(stateDir(), "projects");
  if (!existsSync(projects)) return [];
  return readdirSync(projects)
    .sort()
    .map((name) => join(projects, name));
}
