import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import * as z from "zod/mini";
import { HandrailError } from "../errors.ts";
import { keptAside, readJson, writeJson } from "../state/files.ts";
import { projectDir } from "../state/place.ts";
import { projectFolders } from "./entry.ts";

const SESSION_ID = /^ses_[A-Za-z0-9]{1,120}$/;
/** How much of each prompt is kept, in characters, and of how many: for a session that has to be started anew. */
const KEPT_CHARS = 20_000;
const KEPT_PROMPTS = 10;

const FOLDER = "companion-sessions";

/** `companion-sessions/<session id>.json`: a session that the companion has started. */
export const sessionRecordSchema = z.object({
  schema: z.literal(1),
  session_id: z.string(),
  /** Real path of the working tree's top level. */
  directory: z.string(),
  title: z.string(),
  /** What its newest prompt may write. */
  held: z.enum(["task", "read-only", "unscoped"]),
  /** Oldest first; a prompt is a run. */
  runs: z.array(z.string()),
  /** The newest prompts, oldest first; cut. */
  prompts: z.array(z.object({ at: z.string(), text: z.string() })),
  model: z.optional(z.string()),
  agent: z.optional(z.string()),
  /** The session that took its place when the server no longer knew it. */
  continued_by: z.optional(z.string()),
  created: z.string(),
});
export type SessionRecord = z.infer<typeof sessionRecordSchema>;

/** @throws HandrailError `bad-input` for an id that is none */
export function saveSessionRecord(record: SessionRecord): void {
  writeJson(fileOf(projectDir(record.directory), record.session_id), record);
}

/** The record with one more prompt. */
export function withPrompt(record: SessionRecord, text: string, now = new Date()): SessionRecord {
  const prompts = [...record.prompts, { at: now.toISOString(), text: text.slice(0, KEPT_CHARS) }];
  return { ...record, prompts: prompts.slice(-KEPT_PROMPTS) };
}

/**
 * A session's record, wherever on this machine it was started: its id says which project it belongs to.
 * @param root the project that is looked in first
 * @throws HandrailError `bad-input` for an id that is none, `state-unreadable`
 */
export function findSessionRecord(sessionId: string, root: string): SessionRecord | undefined {
  const own = projectDir(root);
  const folders = [own, ...projectFolders().filter((folder) => basename(folder) !== basename(own))];
  for (const folder of folders) {
    const record = readJson(fileOf(folder, sessionId), sessionRecordSchema);
    if (record) return record;
  }
  for (const folder of folders) {
    const [file] = keptAside(join(folder, FOLDER), nameOf(sessionId));
    if (file !== undefined)
      throw new HandrailError("state-unreadable", asideMessage(file), { fix: "handrail session new" });
  }
  return undefined;
}

/** The sessions of a project, oldest first. @returns also a sentence for each record that cannot be read, now or earlier */
export function listSessionRecords(root: string): { records: SessionRecord[]; unreadable: string[] } {
  const folder = join(projectDir(root), FOLDER);
  const records: SessionRecord[] = [];
  const unreadable: string[] = [];
  for (const name of namesIn(folder)) {
    try {
      const record = readJson(join(folder, name), sessionRecordSchema);
      if (record) records.push(record);
    } catch (error) {
      if (!(error instanceof HandrailError)) throw error;
      if (keptAside(folder, name).length === 0) unreadable.push(error.message);
    }
  }
  return {
    records: records.sort((a, b) => a.created.localeCompare(b.created)),
    unreadable: [...unreadable, ...keptAside(folder).map(asideMessage)],
  };
}

function asideMessage(file: string): string {
  return `the record of session ${basename(file).split(".")[0]} was not readable and was kept as ${file}`;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith(".json"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function fileOf(project: string, sessionId: string): string {
  return join(project, FOLDER, nameOf(sessionId));
}

function nameOf(sessionId: string): string {
  if (SESSION_ID.test(sessionId)) return `${sessionId}.json`;
  throw new HandrailError("bad-input", `not a session id: ${JSON.stringify(sessionId.slice(0, 60))}`, {
    fix: "handrail session list",
  });
}
