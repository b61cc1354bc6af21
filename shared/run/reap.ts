import { join } from "node:path";
import { startFlusher } from "../callback/start.ts";
import { claim } from "../lock/claim.ts";
import { parseJson } from "../state/files.ts";
import { closeTurn } from "./close.ts";
import { identify, isAlive, type ProcessIdentity, processIdentitySchema } from "./process.ts";
import { isOver, type RunRecord } from "./record.ts";
import { listOpenRunIds, readableRun, runDir } from "./store.ts";

/** A run that was recorded but that no process took up within this time is lost, in milliseconds. */
const TAKE_UP_MS = 120_000;

/**
 * What whichever Handrail process comes by does for those that could not: closes the runs whose executor is
 * gone (pid, start time and host, not pid alone) with what evidence there is, sends their one callback, and
 * has delivered what is still in the outbox.
 * @param env where callbacks' addresses and tokens are, if anywhere
 * @returns the runs it closed
 */
export async function reap(root: string, env: NodeJS.ProcessEnv = process.env): Promise<RunRecord[]> {
  const closed: RunRecord[] = [];
  for (const id of listOpenRunIds(root)) {
    const record = readableRun(root, id); // `readRuns` tells of those that cannot be read
    if (!record || isOver(record) || !isLost(record)) continue;
    const place = claim(join(runDir(root, id), "closing"), JSON.stringify(identify()), isLive);
    if (!place.ok) continue;
    try {
      closed.push(await closeTurn(record, { outcome: "lost" }, env));
    } finally {
      place.release();
    }
  }
  startFlusher(root, env);
  return closed;
}

/** Whether nobody works for an open run any more. */
export function isLost(record: RunRecord): boolean {
  if (record.executor) return !isAlive(record.executor);
  return Date.now() - Date.parse(record.created) > TAKE_UP_MS;
}

function isLive(holder: string): boolean {
  const parsed = parseJson(holder, processIdentitySchema);
  const process: ProcessIdentity | undefined = parsed.ok ? parsed.value : undefined;
  return process !== undefined && isAlive(process);
}
