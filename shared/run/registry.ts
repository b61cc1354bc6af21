import { join } from "node:path";
import * as z from "zod/mini";
import { HandrailError } from "../errors.ts";
import { readJson, writeJson } from "../state/files.ts";
import { projectDir } from "../state/place.ts";

const registrationSchema = z.object({ run_id: z.string() });
const SESSION_ID = /^[A-Za-z0-9_-]{1,128}$/;

/** Registers that a session works for a run, so that a later process binds it again. */
export function registerSession(root: string, sessionId: string, runId: string): void {
  writeJson(registration(root, sessionId), { run_id: runId });
}

/** @returns the run a session was registered for, if any */
export function registeredRun(root: string, sessionId: string): string | undefined {
  return readJson(registration(root, sessionId), registrationSchema)?.run_id;
}

function registration(root: string, sessionId: string): string {
  if (!SESSION_ID.test(sessionId)) {
    throw new HandrailError("bad-input", `not a session id: ${JSON.stringify(sessionId.slice(0, 60))}`);
  }
  return join(projectDir(root), "sessions", `${sessionId}.json`);
}
