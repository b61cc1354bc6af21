import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import * as z from "zod/mini";

/** A process, named so that a reused pid is not taken for it. */
export const processIdentitySchema = z.object({
  pid: z.number(),
  /** Start time in clock ticks since boot (`/proc/<pid>/stat` field 22, proc(5)); absent where there is no /proc. */
  started: z.optional(z.string()),
  host: z.string(),
});
export type ProcessIdentity = z.infer<typeof processIdentitySchema>;

/** @param pid a process of this machine, by default this one */
export function identify(pid: number = process.pid): ProcessIdentity {
  const started = readStat(pid)?.started;
  return { pid, host: hostname(), ...(started === undefined ? {} : { started }) };
}

/**
 * Whether the process still runs. A process of another host counts as alive: nobody here can know,
 * and ending the run of somebody else would be worse than waiting.
 */
export function isAlive(identity: ProcessIdentity): boolean {
  if (identity.host !== hostname()) return true;
  try {
    process.kill(identity.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  const now = readStat(identity.pid);
  // Ended, and nobody has asked for its status: in a container without an init it stays so for good.
  if (now?.state === "Z" || now?.state === "X") return false;
  if (identity.started === undefined) return true;
  return now?.started === undefined || now.started === identity.started;
}

/** State and start time of a process (proc(5): fields 3 and 22). */
function readStat(pid: number): { state: string | undefined; started: string | undefined } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The command name (field 2) may hold spaces and parentheses: count from the last one.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { state: fields[0], started: fields[19] };
  } catch {
    return undefined; // gone, or no /proc here
  }
}
