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
import { interrupted, interruptible } from "./interruption.ts";
import type { Progress } from "./progress.ts";

/** How often a lease that is in the way is looked at again, in milliseconds. */
const LOOK_MS = 500;

/**
 * Looks whether a task could start now, before anything is on record.
 * @throws HandrailError `busy` that names the run in the way, and why
 */
export function requireFree(root: string, spec: TaskSpec, config: Config): void {
  const reason = whatIsInTheWay(root, spec, config);
  if (reason !== undefined) throw busy(reason);
}

function whatIsInTheWay(root: string, spec: TaskSpec, config: Config): string | undefined {
  const around = freezeSurroundings(spec.scope, root);
  const request = leaseRequest({ run_id: newRunId(), spec, around, root }, config);
  const blocked = blockedBy(leasesDir(root), request, config.modules);
  // One whose process is gone gives way as soon as its run is closed.
  if (!blocked || !(blocked.by.awaiting || isAlive(blocked.by.holder))) return undefined;
  return inTheWay(blocked.by, blocked.reason);
}

/**
 * Waits until a task could start. On a server the plugin takes the lease, when the prompt arrives.
 * @param minutes how long to wait; 0: not at all
 * @returns why it still cannot, when the time is up
 * @throws HandrailError `busy` where there is nothing to wait for, and `interrupted` by Ctrl-C
 */
export async function waitUntilFree(
  root: string,
  spec: TaskSpec,
  config: Config,
  minutes: number,
  progress: Progress,
): Promise<string | undefined> {
  const look = async () => whatIsInTheWay(root, spec, config);
  const waited = await lookUntilFree(look, minutes, progress);
  if (waited.interrupted) throw interrupted("its files were free; nothing was started");
  if (waited.reason !== undefined && minutes === 0) throw busy(waited.reason);
  return waited.reason;
}

/**
 * Takes the lease of a run, and waits for it where another is in the way. When the time is up, the run ends as
 * failed, which its caller is told: waiting longer is for whoever orders the work to decide.
 * @param minutes how long to wait; 0: not at all
 * @throws HandrailError `busy`, and `interrupted` by Ctrl-C: the run is aborted then
 */
export async function waitForLease(
  record: RunRecord,
  config: Config,
  minutes: number,
  progress: Progress,
): Promise<void> {
  const look = async () => {
    const taken = await takeLease(record, config);
    return taken.ok ? undefined : taken.reason;
  };
  const waited = await lookUntilFree(look, minutes, progress);
  if (waited.interrupted) {
    await closeTurn(record, { outcome: "aborted" });
    throw interrupted(`run ${record.run_id} had the files that it needs; OpenCode was not started`);
  }
  if (waited.reason === undefined) return;
  if (minutes > 0) throw await endWaiting(record, waited.reason, minutes);
  await closeTurn(record, { outcome: "error", error: { code: "busy", message: waited.reason } });
  throw busy(waited.reason);
}

interface Waited {
  /** What is still in the way. */
  reason: string | undefined;
  interrupted: boolean;
}

/** Looks again and again until nothing is in the way, the time is up, or somebody presses Ctrl-C. */
function lookUntilFree(
  look: () => Promise<string | undefined>,
  minutes: number,
  progress: Progress,
): Promise<Waited> {
  const end = Date.now() + minutes * 60_000;
  return interruptible(async ({ stop }) => {
    let said: string | undefined;
    for (;;) {
      const reason = await look();
      if (reason === undefined || Date.now() >= end) return { reason, interrupted: false };
      if (stop.aborted) return { reason, interrupted: true };
      if (reason !== said) progress.say(`waits, at most ${minutes} min: ${reason}`);
      said = reason;
      await sleep(LOOK_MS, undefined, { signal: stop }).catch(() => undefined);
    }
  });
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
