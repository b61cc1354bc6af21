import { basename, dirname, join } from "node:path";
import * as z from "zod/mini";
import { isAlive, processIdentitySchema } from "../run/process.ts";
import { readJson, writeJson } from "../state/files.ts";

const callerSchema = z.object({
  session: z.string(),
  /** The process that has the session open, or had it last. */
  process: processIdentitySchema,
  /** Where the session was started: it can be resumed only there. */
  directory: z.string(),
});
export type Caller = z.infer<typeof callerSchema>;

/** Notes, beside a session's inbox, who reads it. */
export function noteCaller(inbox: string, caller: Caller): void {
  writeJson(callerFile(inbox), caller);
}

/** @returns who read an inbox last; undefined where that is not known, or not readable */
export function callerOf(inbox: string): Caller | undefined {
  try {
    return readJson(callerFile(inbox), callerSchema);
  } catch {
    return undefined; // set aside: the next start of the session makes it anew
  }
}

/** Whether the session that reads an inbox is known, and no process has it open. */
export function isGone(caller: Caller | undefined): caller is Caller {
  return caller !== undefined && !isAlive(caller.process);
}

function callerFile(inbox: string): string {
  return join(dirname(inbox), ".callers", `${basename(inbox)}.json`);
}
