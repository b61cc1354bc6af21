import type { RunRecord } from "../../shared/run/record.ts";
import { isTransient, retriesOf } from "../../shared/run/transient.ts";
import type { Delegation } from "./delegate.ts";

/**
 * Delegates a task; a packet whose run failed of something that may pass is tried again, as often as it says.
 * The lease is kept from one run to the next: the scope is the same, and nobody gets in between.
 * @param delegate the lane's way to have it done
 * @returns the last run @throws what `delegate` throws
 */
export async function delegateWithRetry(
  wanted: Delegation,
  delegate: (wanted: Delegation) => Promise<RunRecord>,
): Promise<RunRecord> {
  let run = await delegate(wanted);
  for (let left = retriesOf(run); left > 0 && isTransient(run); left -= 1) {
    wanted.progress.say(
      `run ${run.run_id} failed (${run.error?.code}); it is tried again under the same lease`,
    );
    run = await delegate({ ...wanted, retryOf: run.run_id });
  }
  return run;
}
