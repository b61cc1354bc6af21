import { setTimeout as sleep } from "node:timers/promises";
import type { Config } from "../../shared/config/config.ts";
import { HandrailError } from "../../shared/errors.ts";
import { blockedBy, leasesDir } from "../../shared/lock/store.ts";
import { closeTurn } from "../../shared/run/close.ts";
import { inTheWay, leaseRequest, takeLease } from "../../shared/run/lease.ts";
import { isAlive } from "../../shared/run/process.ts";
import { newRunId, type RunRecord } from "../../shared/run/record.ts";
import { freezeSurroundings } from "../../shared/scope/surroundings.ts";
import type { TaskSpec } from "../../shared/task/spec.ts";
import type { Progress } from "./progress.ts";

/** How often a lease that is in the way is looked at again, in milliseconds. */
const LOOK_MS = 500;

/**
 * Looks whether a task could start now, before anything is on record.
 * @throws HandrailError `busy` that names the run in the way, and why
 */
export function requireFree(root: string, spec: TaskSpec, config: Config): void {
  const around = freezeSurroundings(spec.scope, root);
  const request = leaseRequest({ run_id: newRunId(), spec, around, root }, config);
  const blocked = blockedBy(leasesDir(root), request, config.modules);
  // One whose process is gone gives way as soon as its run is closed.
  if (blocked && (blocked.by.awaiting || isAlive(blocked.by.holder)))
    throw busy(inTheWay(blocked.by, blocked.reason));
}

/**
 * Waits until a task could start. On a server the plugin takes the lease, when the prompt arrives.
 * @param minutes how long to wait; 0: not at all
 * @returns why it still cannot, when the time is up
 * @throws HandrailError `busy` where there is nothing to wait for
 */
export async function waitUntilFree(
  root: string,
  spec: TaskSpec,
  config: Config,
  minutes: number,
  progress: Progress,
): Promise<string | undefined> {
  const end = Date.now() + minutes * 60_000;
  let said = "";
  for (;;) {
    try {
      requireFree(root, spec, config);
      return undefined;
    } catch (error) {
      if (!(error instanceof HandrailError) || error.code !== "busy" || minutes === 0) throw error;
      if (Date.now() >= end) return error.message;
      if (error.message !== said) progress.say(`waits, at most ${minutes} min: ${error.message}`);
      said = error.message;
    }
    await sleep(LOOK_MS);
  }
}

/**
 * Takes the lease of a run, and waits for it where another is in the way. When the time is up, the run ends as
 * failed, which its caller is told: waiting longer is for whoever orders the work to decide.
 * @param minutes how long to wait; 0: not at all
 * @throws HandrailError `busy`
 */
export async function waitForLease(
  record: RunRecord,
  config: Config,
  minutes: number,
  progress: Progress,
): Promise<void> {
  const end = Date.now() + minutes * 60_000;
  let said = "";
  for (;;) {
    const taken = await takeLease(record, config);
    if (taken.ok) return;
    if (Date.now() >= end) {
      if (minutes > 0) throw await endWaiting(record, taken.reason, minutes);
      await closeTurn(record, { outcome: "error", error: { code: "busy", message: taken.reason } });
      throw busy(taken.reason);
    }
    if (taken.reason !== said) progress.say(`waits, at most ${minutes} min: ${taken.reason}`);
    said = taken.reason;
    await sleep(LOOK_MS);
  }
}

/**
 * Ends a run that has waited for a lease as long as it may: failed, with a callback, and escalated where it is a
 * packet's.
 * @returns the error for whoever started it
 */
export async function endWaiting(record: RunRecord, reason: string, minutes: number): Promise<HandrailError> {
  const message = `${reason}; waited ${minutes} min`;
  await closeTurn(record, { outcome: "error", error: { code: "lease-wait", message } });
  return busy(message);
}

function busy(message: string): HandrailError {
  return new HandrailError("busy", message, { fix: "handrail lock list" });
}
