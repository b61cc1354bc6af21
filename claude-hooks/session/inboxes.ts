import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";
import { inboxDir } from "../../shared/callback/inbox.ts";
import { identify, isAlive, processIdentitySchema } from "../../shared/run/process.ts";
import { privateDir, readJson, writeJson, writeStateFile } from "../../shared/state/files.ts";

/** `/clear` again and again: the inboxes of the last conversations are enough. */
const MOST_INBOXES = 16;

const processSchema = z.object({ process: processIdentitySchema, session: z.string() });

export interface SessionStart {
  sessionId: string;
  source: string;
  /** `CLAUDE_PLUGIN_DATA`: where this plugin keeps its own records. */
  dataDir: string;
  /** `CLAUDE_PID`: the Claude Code process. */
  pid: number | undefined;
}

/**
 * Makes the inbox of a session that starts, and finds the inboxes that are its conversation's: its own,
 * those it had before (resume, compaction: the session id stays), and after `/clear` those of the session
 * that the same process had until then. A fork is a conversation of its own.
 *
 * The list is kept as plain lines in `<data>/sessions/<session id>`: the hooks' shell part reads it.
 * @returns folders, the session's own first; all exist
 */
export function openInboxes(start: SessionStart): string[] {
  const inherited = start.source === "clear" ? inboxesOf(start.dataDir, sessionOf(start)) : [];
  const dirs = [inboxDir(start.sessionId), ...inboxesOf(start.dataDir, start.sessionId), ...inherited];
  const list = [...new Set(dirs)].slice(0, MOST_INBOXES);
  for (const dir of list) privateDir(dir);
  writeStateFile(listFile(start.dataDir, start.sessionId), list.map((dir) => `${dir}\n`).join(""));
  remember(start);
  return list;
}

/** The inboxes of a session that has started; none where it started before the plugin was there. */
export function inboxesOf(dataDir: string, sessionId: string | undefined): string[] {
  if (sessionId === undefined) return [];
  try {
    return readFileSync(listFile(dataDir, sessionId), "utf8").split("\n").filter(Boolean);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}

function listFile(dataDir: string, sessionId: string): string {
  return join(dataDir, "sessions", sessionId);
}

/** Notes that every command of the session gets its environment from `CLAUDE_ENV_FILE`. */
export function markArmed(dataDir: string, sessionId: string): void {
  writeStateFile(join(dataDir, "armed", sessionId), "");
}

/** A session that began before the plugin was there is not. */
export function isArmed(dataDir: string, sessionId: string): boolean {
  return existsSync(join(dataDir, "armed", sessionId));
}

/** The session that a Claude Code process works on, as far as its session starts have told. */
export function sessionOf({ dataDir, pid }: Pick<SessionStart, "dataDir" | "pid">): string | undefined {
  if (pid === undefined) return undefined;
  const known = readJson(join(dataDir, "processes", `${pid}.json`), processSchema);
  return known && isAlive(known.process) ? known.session : undefined;
}

function remember({ dataDir, pid, sessionId }: SessionStart): void {
  if (pid === undefined) return;
  const dir = join(dataDir, "processes");
  writeJson(join(dir, `${pid}.json`), { process: identify(pid), session: sessionId });
  for (const name of readdirSync(dir)) {
    const other = /^\d+\.json$/.test(name) ? readJson(join(dir, name), processSchema) : undefined;
    if (other && !isAlive(other.process)) rmSync(join(dir, name), { force: true });
  }
}
