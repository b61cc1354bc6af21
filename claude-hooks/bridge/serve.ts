import { HandrailError } from "../../shared/errors.ts";
import { clientFor } from "../../shared/serve/client.ts";
import { isRunning, lastUse, readEntry, type ServerEntry } from "../../shared/serve/entry.ts";
import { busySessions } from "../../shared/serve/session.ts";
import { type Project, readProject } from "../../shared/state/projects.ts";

/** A server that has had nothing to do for so long is to be stopped, in minutes (facts/protocols). */
export const IDLE_MINUTES = 15;

/** What is shown of a project's server; never its password. */
export function serverOf(root: string) {
  const entry = readEntry(root);
  if (!entry || !isRunning(entry)) return { state: "stopped" as const, opencode_server_url: "" };
  const { url, process, leader, version, started, reason } = entry;
  const keep = readProject(root)?.keep_alive_reason;
  return {
    state: entry.state === "ready" ? ("running" as const) : ("starting" as const),
    opencode_server_url: url,
    pid: (process ?? leader).pid,
    started,
    reason,
    ...(version === "" ? {} : { version }),
    ...(keep ? { keep_alive_reason: keep } : {}),
  };
}

export interface Idle {
  idle_seconds: number;
  idle_minutes_allowed: number;
  busy_sessions: string[];
  should_shut_down: boolean;
  why: string;
}

/**
 * Whether a running server is to be stopped. One that works, or cannot be asked, is not.
 * @param minutes instead of what the project allows
 */
export async function idleOf(
  entry: ServerEntry,
  project: Pick<Project, "idle_minutes" | "keep_alive_reason"> | undefined,
  minutes = project?.idle_minutes ?? IDLE_MINUTES,
): Promise<Idle> {
  const used = lastUse(entry.directory) ?? Date.parse(entry.started);
  const idle = Math.max(0, Math.round((Date.now() - used) / 1000));
  const facts = { idle_seconds: idle, idle_minutes_allowed: minutes };
  const stays = (why: string, busy: string[] = []): Idle => ({
    ...facts,
    busy_sessions: busy,
    should_shut_down: false,
    why,
  });
  if (project?.keep_alive_reason) return stays(`kept: ${project.keep_alive_reason}`);
  if (entry.state !== "ready") return stays("it is starting");
  if (idle < minutes * 60) return stays(`in use ${idle} s ago; ${minutes} min are allowed`);
  const busy = await busyOf(entry);
  if (busy === undefined) return stays("it does not answer: `handrail serve status`");
  if (busy.length > 0) return stays("it works", busy);
  return { ...facts, busy_sessions: [], should_shut_down: true, why: `idle for ${idle} s` };
}

/** @returns undefined where the server cannot be asked */
export async function busyOf(entry: ServerEntry): Promise<string[] | undefined> {
  try {
    return await busySessions({ entry, client: clientFor(entry, 5000) });
  } catch (error) {
    if (error instanceof HandrailError && error.code === "server-failed") return undefined;
    throw error;
  }
}
