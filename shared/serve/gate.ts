import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { HandrailError } from "../errors.ts";
import { claim } from "../lock/claim.ts";
import { isHolderAlive, newHolder } from "../lock/holder.ts";
import { projectDir } from "../state/place.ts";

/** How often the gate is tried again while somebody else is at it, in milliseconds. */
const AGAIN_MS = 50;

/**
 * Lets one caller at a time start, join or end a project's server, so that nobody is given one that another is
 * about to end. The gate of a killed caller is free.
 * @param root real path of the working tree's top level
 * @param waitMs how long to wait for whoever is at it
 * @param signal breaks the waiting off
 * @throws HandrailError `busy`, `interrupted`
 */
export async function atServerGate<T>(
  root: string,
  waitMs: number,
  work: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const end = Date.now() + waitMs;
  const holder = newHolder();
  for (;;) {
    if (signal?.aborted) throw startInterrupted();
    const place = claim(join(projectDir(root), "serve-start"), holder, isHolderAlive);
    if (place.ok) {
      try {
        return await work();
      } finally {
        place.release();
      }
    }
    if (Date.now() >= end) {
      throw new HandrailError("busy", "another process starts or ends this project's OpenCode server", {
        fix: "handrail serve status",
      });
    }
    await sleep(AGAIN_MS);
  }
}

/** Ctrl-C while a server starts: it is ended again. */
export function startInterrupted(): HandrailError {
  return new HandrailError("interrupted", "stopped before OpenCode's server was up; it got no prompt", {
    fix: "give the command again",
  });
}
