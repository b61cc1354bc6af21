import { HandrailError } from "../errors.ts";
import { logEvent } from "./events.ts";
import type { RunRecord } from "./record.ts";
import { canMove, type RunState } from "./state.ts";
import { saveRun } from "./store.ts";

/**
 * Moves a run to another state, saves it and logs the move.
 * @param patch what else changes with it
 * @throws HandrailError `internal` for a move that the states do not allow
 */
export function moveRun(record: RunRecord, state: RunState, patch: Partial<RunRecord> = {}): RunRecord {
  if (record.state !== state && !canMove(record.state, state)) {
    throw new HandrailError("internal", `run ${record.run_id} cannot go from ${record.state} to ${state}`);
  }
  const next: RunRecord = { ...record, ...patch, state };
  saveRun(next);
  if (next.state !== record.state) logEvent(next, { type: "state", from: record.state, to: state });
  return next;
}
