import { HandrailError } from "../../../shared/errors.ts";
import { isLost } from "../../../shared/run/lost.ts";
import { isOver } from "../../../shared/run/record.ts";
import { listOpenRunIds, readableRun } from "../../../shared/run/store.ts";
import type { Server } from "../../../shared/serve/client.ts";
import { currentJob, isOpenJob, listJobs } from "../../../shared/serve/job.ts";
import { busySessions } from "../../../shared/serve/session.ts";
import { stopUnlessNeeded } from "../../../shared/serve/stop.ts";
import { leaveServer } from "../../../shared/serve/users.ts";

/**
 * This process works with the server no more. One that was started for tasks alone ends when the last who works
 * with it leaves, whoever that is: another task, or a session that is attached, may have come to it meanwhile.
 * @returns why it stays, or undefined when it has ended
 */
export async function endAfterTask(server: Server): Promise<string | undefined> {
  const root = server.entry.directory;
  leaveServer(root);
  try {
    const { stays } = await stopUnlessNeeded(root, async (entry) => {
      if (!entry.for_task) return entry.reason;
      return hasOtherWork(root) || (await isBusy(server)) ? "another task works on it" : undefined;
    });
    return stays;
  } catch (error) {
    if (error instanceof HandrailError && error.code === "busy") return error.message;
    throw error;
  }
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
