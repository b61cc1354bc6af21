import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { claim } from "../lock/claim.ts";
import { isHolderAlive, newHolder } from "../lock/holder.ts";
import { stateDir } from "../state/place.ts";

const LOOK_MS = 50;
/** Longer than a start takes on a busy machine; the gate spares time, nothing rests on it. */
const PATIENCE_MS = 60_000;

/**
 * Lets one OpenCode of this user start at a time. Of several that start at once in one home one may die in the
 * migration of OpenCode's database, and their race for its own lock leaves one behind for which the next ones
 * wait a minute (1.18.33, measured). A process that dies gives its place free; after a minute nobody is waited for.
 * @param signal breaks the waiting off
 * @returns lets the next one start; may be called twice
 */
export async function takeStart(
  env: NodeJS.ProcessEnv = process.env,
  signal?: AbortSignal,
): Promise<() => void> {
  const place = join(stateDir(env), "starting");
  const me = newHolder();
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const got = claimOrUndefined(place, me);
    if (got === undefined) return () => undefined;
    if (got.ok) {
      let held = true;
      return () => {
        if (held) got.release();
        held = false;
      };
    }
    if (Date.now() > end || signal?.aborted) return () => undefined;
    await sleep(LOOK_MS);
  }
}

/** @returns undefined where the state cannot be written: whoever needs it says so, and names the file */
function claimOrUndefined(place: string, me: string): ReturnType<typeof claim> | undefined {
  try {
    return claim(place, me, isHolderAlive);
  } catch {
    return undefined;
  }
}
