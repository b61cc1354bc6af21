import { isAlive } from "../run/process.ts";
import { endTree } from "./end-tree.ts";
import { isRunning, listEntries, readEntry, removeEntry, type ServerEntry } from "./entry.ts";

/**
 * Ends a server with everything it has started, and takes it off the record. Only what is on record is ended,
 * and only while pid and start time are those on record: nobody else's process.
 * @returns whether there was anything to end
 */
export async function stopServer(entry: ServerEntry): Promise<boolean> {
  const running = isRunning(entry) || isAlive(entry.leader);
  // A launcher may be gone and leave its group behind: as long as that has a member, its number is no other's.
  if (running) await endTree(entry.leader.pid, entry.process ? [entry.process.pid] : []);
  removeEntry(entry);
  return running;
}

/** Stops the server of one project. @returns the server that was stopped, if there was one */
export async function stopServerOf(root: string): Promise<ServerEntry | undefined> {
  const entry = readEntry(root);
  if (!entry) return undefined;
  return (await stopServer(entry)) ? entry : undefined;
}

/**
 * Clears up after servers of all projects: ends those that no starter finished, and takes the dead off the record.
 * @param idle ends these, too; asked of each that runs
 * @returns what was ended, and whose record went
 */
export async function cleanUpServers(
  idle: (entry: ServerEntry) => Promise<boolean>,
): Promise<{ stopped: ServerEntry[]; forgotten: ServerEntry[]; unreadable: string[] }> {
  const stopped: ServerEntry[] = [];
  const forgotten: ServerEntry[] = [];
  const { entries, unreadable } = listEntries();
  for (const entry of entries) {
    if (!isRunning(entry) && !isAlive(entry.leader)) {
      removeEntry(entry);
      forgotten.push(entry);
    } else if (await idle(entry)) {
      await stopServer(entry);
      stopped.push(entry);
    }
  }
  return { stopped, forgotten, unreadable };
}
