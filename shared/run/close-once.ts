import { randomBytes } from "node:crypto";
import { join } from "node:path";
import * as z from "zod/mini";
import { claim } from "../lock/claim.ts";
import { parseJson } from "../state/files.ts";
import { closeTurn, type TurnEnd } from "./close.ts";
import { identify, isAlive, processIdentitySchema } from "./process.ts";
import { isOver, type RunRecord } from "./record.ts";
import { readableRun, runDir } from "./store.ts";

const holderSchema = z.object({ process: processIdentitySchema, nonce: z.string() });

/**
 * Closes a turn unless somebody else has, or is just doing so: whoever else finds it unfinished does the same.
 * @param record the run as it was when its turn was found to have ended
 * @returns the run as it is now; undefined while somebody else closes it
 * @throws what `closeTurn` throws
 */
export async function closeOnce(
  record: RunRecord,
  end: TurnEnd,
  env: NodeJS.ProcessEnv = process.env,
): Promise<RunRecord | undefined> {
  const { root, run_id, turn } = record;
  const holder = { process: identify(), nonce: randomBytes(6).toString("hex") };
  const place = claim(join(runDir(root, run_id), "closing"), JSON.stringify(holder), isLive);
  if (!place.ok) return undefined;
  try {
    // A record that cannot be read has been set aside; what is known of the run is made one again.
    const now = readableRun(root, run_id) ?? record;
    if (isOver(now) || now.turn !== turn) return now;
    return await closeTurn(now, end, env);
  } finally {
    place.release();
  }
}

function isLive(holder: string): boolean {
  const parsed = parseJson(holder, holderSchema);
  return parsed.ok && isAlive(parsed.value.process);
}
