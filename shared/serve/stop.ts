import { HandrailError } from "../errors.ts";
import { isAlive } from "../run/process.ts";
import { endTree } from "./end-tree.ts";
import { isRunning, isSame, listEntries, readEntry, removeEntry, type ServerEntry } from "./entry.ts";
import { atServerGate } from "./gate.ts";
import { otherUsers } from "./users.ts";

/**
 * Ends a server with everything it has started, and takes it off the record. Only what is on record is ended,
 * and only while pid and start time are those on record: nobody else's process.
 * @returns whether there was anything to end
 */
export async function stopServer(entry: ServerEntry): Promise<boolean> {
  const { leader, process } = entry;
  const own = process && isAlive(process) ? [process.pid] : [];
  const running = own.length > 0 || isAlive(leader);
  // A launcher may be gone and leave its group behind: as long as that has a member, its number is no other's.
  if (running) await endTree(leader.pid, own);
  removeEntry(entry);
  return running;
}

/** How long to wait for a caller that starts, joins or ends the server, in milliseconds. */
const OTHER_MS = 5_000;

/**
 * Stops a project's server unless somebody works with it; nobody can come to it meanwhile.
 * @param needed why it has to stay, besides the processes that have joined it; asked of one that is ready
 * @returns why it stays, or the server that was on record, if there was one, and whether it ran
 * @throws HandrailError `busy` while another caller starts or ends it
 */
export function stopUnlessNeeded(
  root: string,
  needed: (entry: ServerEntry) => Promise<string | undefined>,
): Promise<{ stays: string } | { stays: undefined; entry?: ServerEntry; ran: boolean }> {
  return atServerGate(root, OTHER_MS, async () => {
    const entry = readEntry(root);
    if (!entry) return { stays: undefined, ran: false };
    const works = entry.state === "ready" && isRunning(entry);
    const [user] = otherUsers(root);
    const stays =
      (works ? await needed(entry) : undefined) ?? (user && `process ${user.pid} of Handrail works with it`);
    return stays === undefined ? { stays, entry, ran: await stopServer(entry) } : { stays };
  });
}

/**
 * Clears up after servers of all projects: ends those that no starter finished, and takes the dead off the
 * record. One that somebody is just starting, joining or ending is left to him.
 * @param idle ends these, too; asked of each that runs and that no process works with
 * @returns what was ended, and whose record went
 */
export async function cleanUpServers(
  idle: (entry: ServerEntry) => Promise<boolean>,
): Promise<{ stopped: ServerEntry[]; forgotten: ServerEntry[]; unreadable: string[] }> {
  const stopped: ServerEntry[] = [];
  const forgotten: ServerEntry[] = [];
  const { entries, unreadable } = listEntries();
  for (const entry of entries) {
    try {
      await atServerGate(entry.directory, 0, async () => {
        const now = readEntry(entry.directory);
        if (!now || !isSame(now, entry)) return;
        if (!isRunning(now) && !isAlive(now.leader)) {
          removeEntry(now);
          forgotten.push(now);
        } else if (otherUsers(now.directory).length === 0 && (await idle(now))) {
          await stopServer(now);
          stopped.push(now);
        }
      });
    } catch (error) {
      if (!(error instanceof HandrailError) || error.code !== "busy") throw error;
    }
  }
  return { stopped, forgotten, unreadable };
}
