import { setTimeout as sleep } from "node:timers/promises";
import type { Config } from "../config/config.ts";
import { claimsOf } from "../lock/claims.ts";
import { groupsWith } from "../lock/groups.ts";
import type { Lease } from "../lock/lease.ts";
import { acquire, type LeaseRequest, leasesDir } from "../lock/store.ts";
import { quote } from "../scope/quote.ts";
import { lineage } from "../task/lineage.ts";
import { isAlive } from "./process.ts";
import { reap } from "./reap.ts";
import type { RunRecord } from "./record.ts";

/** What a run asks for. */
export function leaseRequest(
  record: Pick<RunRecord, "run_id" | "spec" | "around" | "root">,
  config: Config,
): LeaseRequest {
  const { spec, around, root } = record;
  const shared = groupsWith(config.sharedGroups);
  return {
    run_id: record.run_id,
    task_id: lineage(spec, root),
    owner: spec.packet?.owner_agent ?? "task file",
    claims: claimsOf(spec, around, shared),
    shared: Object.fromEntries(Object.entries(shared).map(([name, patterns]) => [name, [...patterns]])),
    confirm_minutes: config.leases.confirmMinutes,
  };
}

/**
 * Takes the lease of a run, for this process. Where a run is in the way whose process is gone, somebody closes
 * that run first: what its last command left may still have to be applied.
 * @returns also why not, and what to do, in one sentence
 */
export async function takeLease(
  record: RunRecord,
  config: Config,
  env: NodeJS.ProcessEnv = process.env,
): Promise<{ ok: true } | { ok: false; by: Lease; reason: string }> {
  const request = leaseRequest(record, config);
  for (;;) {
    const got = await acquire(leasesDir(record.root), request, config.modules);
    if (got.ok) return { ok: true };
    const { by } = got;
    if (by.awaiting || isAlive(by.holder)) return { ok: false, by, reason: inTheWay(by, got.reason) };
    await reap(record.root, env);
    // Its lease ends by itself within a minute where nobody can close it.
    await sleep(100);
  }
}

/** Why a lease keeps another run from starting, and the next step. */
export function inTheWay(by: Lease, reason: string): string {
  const task = quote(by.task_id, 60);
  return by.awaiting
    ? `run ${by.run_id} of task ${task} has ended, and its report is not confirmed yet: ${reason}; check it, then: handrail lock release ${by.run_id}`
    : `run ${by.run_id} of task ${task} is worked on: ${reason}; wait for it (handrail lock list)`;
}
