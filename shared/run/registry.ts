import { join } from "node:path";
import * as z from "zod/mini";
import { HandrailError } from "../errors.ts";
import { readJson, writeJson } from "../state/files.ts";
import { projectDir } from "../state/place.ts";

const registrationSchema = z.object({
  /** Absent for a session that a person wants to be left alone. */
  run_id: z.optional(z.string()),
  /** Whoever drives the session says what each prompt is for: a task that a prompt names does not count. */
  fixed: z._default(z.boolean(), false),
});
export type Registration = z.infer<typeof registrationSchema>;

const SESSION_ID = /^[A-Za-z0-9_-]{1,128}$/;

/**
 * Registers that a session works for a run, so that a later process binds it again.
 * @param options `fixed`: a prompt of the session that names another task does not change that
 */
export function registerSession(
  root: string,
  sessionId: string,
  runId: string,
  options: { fixed: boolean } = { fixed: false },
): void {
  writeJson(registration(root, sessionId), { run_id: runId, fixed: options.fixed });
}

/** Registers that a session is to be left alone (`--unscoped`). */
export function registerUnscoped(root: string, sessionId: string): void {
  writeJson(registration(root, sessionId), { fixed: true });
}

/** @returns what a session was registered for, if anything */
export function readRegistration(root: string, sessionId: string): Registration | undefined {
  return readJson(registration(root, sessionId), registrationSchema);
}

function registration(root: string, sessionId: string): string {
  if (!SESSION_ID.test(sessionId)) {
    throw new HandrailError("bad-input", `not a session id: ${JSON.stringify(sessionId.slice(0, 60))}`);
  }
  return join(projectDir(root), "sessions", `${sessionId}.json`);
}
