import { startFlusher } from "../callback/start.ts";
import type { TurnEnd } from "./close.ts";
import { closeOnce } from "./close-once.ts";
import { isLost } from "./lost.ts";
import { isOver, type RunRecord } from "./record.ts";
import { listOpenRunIds, readableRun, unclosed } from "./store.ts";
import { endUnconfirmed } from "./unconfirmed.ts";

/**
 * What whichever Handrail process comes by does for those that could not: closes the runs whose executor is
 * gone (pid, start time and host, not pid alone), or whose turn could not be closed when it ended, with what
 * evidence there is, sends their one callback, ends leases that nobody has confirmed in time, and has delivered
 * what is still in the outbox.
 * @param env where callbacks' addresses and tokens are, if anywhere
 * @returns the runs it closed
 * @throws what closing a turn throws, once it has tried them all
 */
export async function reap(root: string, env: NodeJS.ProcessEnv = process.env): Promise<RunRecord[]> {
  const closed: RunRecord[] = [];
  const problems: unknown[] = [];
  for (const id of listOpenRunIds(root)) {
    const record = readableRun(root, id); // `readRuns` tells of those that cannot be read
    if (!record || isOver(record) || !isLost(record)) continue;
    try {
      const now = await closeOnce(record, endOf(record), env);
      if (now) closed.push(now);
    } catch (error) {
      problems.push(error);
    }
  }
  try {
    await endUnconfirmed(root, env);
  } catch (error) {
    problems.push(error);
  }
  startFlusher(root, env);
  if (problems.length > 0) throw problems[0];
  return closed;
}

/** How the turn of a lost run came to its end, as far as it is known. */
function endOf(record: RunRecord): TurnEnd {
  const how = unclosed(record);
  if (how === "idle" || how === "aborted" || how === "left") return { outcome: how };
  if (how === undefined) return { outcome: "lost" };
  const message = "it ended with an error, and could not be closed at once; its events say more";
  return { outcome: "error", error: { code: "ended-with-error", message } };
}
