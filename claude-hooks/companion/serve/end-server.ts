import { HandrailError } from "../../../shared/errors.ts";
import { isLost } from "../../../shared/run/lost.ts";
import { isOver } from "../../../shared/run/record.ts";
import { listOpenRunIds, readableRun } from "../../../shared/run/store.ts";
import type { Server } from "../../../shared/serve/client.ts";
import { readEntry } from "../../../shared/serve/entry.ts";
import { currentJob, isOpenJob, listJobs } from "../../../shared/serve/job.ts";
import { busySessions } from "../../../shared/serve/session.ts";
import { stopServer } from "../../../shared/serve/stop.ts";

/** Begins the reason of a server that ends with the tasks it was started for. */
const FOR_TASK = "only for task ";

/** Why a server is started for a task. @param keep why it is to stay after it, if it is */
export function reasonFor(slug: string, keep: string | undefined): string {
  return keep ?? `${FOR_TASK}${slug}`;
}

/**
 * Ends a server that was started for tasks alone, when the last of them is over, whoever's it was: another
 * task may have come to it meanwhile, and its own end comes by here, too.
 * @returns why it stays, or undefined when it has ended
 */
export async function endAfterTask(server: Server): Promise<string | undefined> {
  const root = server.entry.directory;
  const entry = readEntry(root);
  if (!entry) return undefined;
  if (!entry.reason.startsWith(FOR_TASK)) return entry.reason;
  if (hasOtherWork(root) || (await isBusy(server))) return "another task works on it";
  await stopServer(entry);
  return undefined;
}

/** A job is on record before its worker comes to the server; a run whose turn is closed needs it no more. */
function hasOtherWork(root: string): boolean {
  const works = (runId: string): boolean => {
    const run = readableRun(root, runId);
    return run !== undefined && run.lane === "serve" && !isOver(run) && !isLost(run);
  };
  if (listOpenRunIds(root).some(works)) return true;
  const jobs = listJobs(root).jobs.map(currentJob).filter(isOpenJob);
  return jobs.some(({ worker, run_id }) => run_id === undefined && worker?.pid !== process.pid);
}

async function isBusy(server: Server): Promise<boolean> {
  try {
    return (await busySessions(server)).length > 0;
  } catch (error) {
    // It is gone, or does not answer any more: it is of no use to anybody.
    if (error instanceof HandrailError) return false;
    throw error;
  }
}
