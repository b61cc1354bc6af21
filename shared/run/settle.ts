import { changeLease, leasesDir, releaseLease, undoLease } from "../lock/store.ts";
import type { RunRecord } from "./record.ts";
import type { RunState } from "./state.ts";

/**
 * Ends a run's hold on its files: a task file's lease ends with its run; a packet's waits, kept, until whoever
 * ordered the work confirms the report (`handrail lock release`, the next step of a schedule) or the time for
 * that is up. Where no turn began, nothing was written: there is
 * nothing to confirm, but what waited before it waits again. May be repeated.
 */
export async function settleLease(record: RunRecord, state: RunState): Promise<void> {
  const dir = leasesDir(record.root);
  if (record.spec.packet === undefined) return releaseLease(dir, record.run_id);
  if (record.turn === 0) return undoLease(dir, record.run_id);
  await changeLease(dir, record.run_id, ({ superseded: _, ...lease }) => {
    if (lease.awaiting) return lease;
    const since = new Date();
    const until = new Date(since.getTime() + lease.confirm_minutes * 60_000);
    return { ...lease, awaiting: { state, since: since.toISOString(), until: until.toISOString() } };
  });
}
