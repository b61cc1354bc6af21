import { HandrailError } from "../errors.ts";
import { hasHolder, isHeld } from "../lock/lease.ts";
import { leasesDir, readLease, releaseLease } from "../lock/store.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { readCheckpoints } from "./checkpoints.ts";
import { readableRun } from "./store.ts";

/** What a lease held when it was given back. */
export interface Released {
  run_id: string;
  files: string[];
  modules: string[];
  groups: string[];
  /** Whether the END report was complete. */
  complete: boolean;
}

/**
 * What keeps a lease from being given back: the least that whoever ordered the work has to see first.
 * @returns undefined where the report has what it needs
 */
export function unconfirmed(end: Checkpoint | undefined, verdict: string | undefined): string | undefined {
  if (!end) return "there is no END report";
  if (verdict === "violated" || !end.lock_release_request) return "it changed files out of its scope";
  // A run that failed has nothing more to show than that.
  if (end.state === "failed" || end.state === "aborted" || end.state === "blocked_conflict") return undefined;
  return end.complete ? undefined : `its END report is not complete: ${(end.missing ?? []).join("; ")}`;
}

/**
 * Gives the lease of an ended run back: the confirmation of whoever ordered the work.
 * @param force also where the report lacks something, or the run is still at work; its next write is refused then
 * @throws HandrailError `not-found`, `busy` for a run at work, `run-failed` for a report that lacks something
 */
export async function confirmRelease(root: string, runId: string, force: boolean): Promise<Released> {
  const dir = leasesDir(root);
  const lease = force ? readAnyLease(dir, runId) : readLease(dir, runId);
  if (!lease) {
    if (force) await releaseLease(dir, runId);
    throw new HandrailError("not-found", `run ${runId} holds no lease`, { fix: "handrail lock list" });
  }
  const end = readCheckpoints(root, runId).findLast((one) => one.kind === "END");
  if (!force) {
    if (!lease.awaiting && isHeld(lease) && hasHolder(lease)) {
      throw new HandrailError("busy", `run ${runId} is still at work; its lease ends with it`, {
        fix: `handrail show ${runId}, or handrail lock release --force ${runId} to take it away`,
      });
    }
    const problem = lease.awaiting && unconfirmed(end, readableRun(root, runId)?.verdict);
    if (problem) {
      throw new HandrailError("run-failed", `run ${runId} keeps its lease: ${problem}`, {
        fix: `handrail show ${runId}; then: handrail lock release --force ${runId}`,
      });
    }
  }
  await releaseLease(dir, runId);
  const { claims } = lease;
  return {
    run_id: runId,
    files: claims.scope.allow,
    modules: claims.modules ?? [],
    groups: claims.groups,
    complete: end?.complete ?? false,
  };
}

/** A lease that cannot be read is still one that can be given back by force. */
function readAnyLease(dir: string, runId: string): ReturnType<typeof readLease> {
  try {
    return readLease(dir, runId);
  } catch (error) {
    if (error instanceof HandrailError && error.code === "state-unreadable") return undefined;
    throw error;
  }
}
