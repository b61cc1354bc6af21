import { claimHolder } from "../lock/claim.ts";
import { isLost } from "./lost.ts";
import type { RunRecord } from "./record.ts";
import { isEnded } from "./state.ts";
import { activeClaimDir, readableRun } from "./store.ts";

/** The run that works on a working tree now, if any: one does at a time. */
export function activeRun(root: string): RunRecord | undefined {
  const holder = claimHolder(activeClaimDir(root));
  const record = holder === undefined ? undefined : readableRun(root, holder);
  return record && isActive(record) ? record : undefined;
}

/** Whether somebody still works for a run. */
export function isActive(record: RunRecord): boolean {
  return !isEnded(record.state) && !isLost(record);
}
