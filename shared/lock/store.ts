import { readdirSync, readFileSync, rmSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { HandrailError } from "../errors.ts";
import { identify } from "../run/process.ts";
import { parseJson, writeJson } from "../state/files.ts";
import { projectDir } from "../state/place.ts";
import { claim } from "./claim.ts";
import { proveDisjoint } from "./disjoint.ts";
import { isHolderAlive, newHolder } from "./holder.ts";
import { claimsAgainst, isHeld, type Lease, type LeaseFile, leaseSchema } from "./lease.ts";
import type { ModuleMap } from "./modules.ts";

/** The leases of one working tree. @param root real path of its top level */
export function leasesDir(root: string): string {
  return join(projectDir(root), "leases");
}

/** What a run asks for; `holder` is this process where nothing else is said. */
export type LeaseRequest = Omit<
  LeaseFile,
  "schema" | "given" | "taken" | "awaiting" | "superseded" | "holder"
> & {
  holder?: LeaseFile["holder"];
};

export type Acquired =
  | { ok: true; lease: Lease }
  /** `by`: the lease that is in the way. */
  | { ok: false; by: Lease; reason: string };

/**
 * Takes a lease on everything a run claims, or on nothing. It is refused where another lease is in the way:
 * only what is proven disjoint goes side by side. The run's own lease is renewed; that of an earlier run of
 * the same task, which has ended, is superseded.
 * @param modules what the configuration says of modules
 * @throws HandrailError `state-unreadable` for a lease that cannot be read: it is not taken for none
 */
export async function acquire(dir: string, request: LeaseRequest, modules: ModuleMap): Promise<Acquired> {
  return withGate(dir, () => {
    const leases = readLeases(dir);
    const own = leases.find((one) => one.run_id === request.run_id);
    const blocked = blockedBy(dir, request, modules, leases);
    if (blocked) return { ok: false, ...blocked };
    const earlier = leases.find((one) => isHeld(one) && isSuperseded(one, request));
    const superseded = own?.superseded ?? earlier;
    const lease = leaseSchema.parse({
      schema: 1,
      ...request,
      holder: request.holder ?? identify(),
      given: own?.given ?? [],
      taken: own?.taken ?? new Date().toISOString(),
      ...(superseded ? { superseded } : {}),
    });
    writeJson(fileOf(dir, request.run_id), lease);
    for (const old of leases) {
      // One that nobody has confirmed in time is not held, and stays until that has been told.
      const over = old.awaiting ? isSuperseded(old, request) : !isHeld(old);
      if (old !== own && over) {
        rmSync(fileOf(dir, old.run_id), { force: true });
      }
    }
    return { ok: true, lease: { ...lease, renewed: Date.now() } };
  });
}

/**
 * The lease that keeps a run from starting now, if any, and why. Looks only.
 * @throws HandrailError `state-unreadable`
 */
export function blockedBy(
  dir: string,
  request: LeaseRequest,
  modules: ModuleMap,
  leases: readonly Lease[] = readLeases(dir),
): { by: Lease; reason: string } | undefined {
  for (const other of leases) {
    if (other.run_id === request.run_id || !isHeld(other) || isSuperseded(other, request)) continue;
    const reason = inTheWay(other, request, modules);
    if (reason !== undefined) return { by: other, reason };
  }
  return undefined;
}

/** A run that has ended leaves its lease to the next one of its task. */
function isSuperseded(other: Lease, request: LeaseRequest): boolean {
  return other.task_id === request.task_id && other.awaiting !== undefined;
}

function inTheWay(other: Lease, request: LeaseRequest, modules: ModuleMap): string | undefined {
  if (other.task_id === request.task_id) return "it works for the same task";
  const { disjoint, reason } = proveDisjoint(claimsAgainst(other, request.task_id), request.claims, modules);
  return disjoint ? undefined : reason;
}

/**
 * All leases on record, oldest first; also those that count no more.
 * @throws HandrailError `state-unreadable`
 */
export function readLeases(dir: string): Lease[] {
  return leaseNames(dir)
    .flatMap((name) => readLease(dir, name) ?? [])
    .sort((left, right) => left.taken.localeCompare(right.taken));
}

/** @returns undefined where the run holds none @throws HandrailError `state-unreadable` */
export function readLease(dir: string, runId: string): Lease | undefined {
  const file = fileOf(dir, runId);
  let text: string;
  let renewed: number;
  try {
    renewed = statSync(file).mtimeMs;
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const parsed = parseJson(text, leaseSchema);
  if (parsed.ok) return { ...parsed.value, renewed };
  throw new HandrailError(
    "state-unreadable",
    `the lease of run ${runId} does not parse (${parsed.problem})`,
    {
      fix: `handrail lock release ${runId}`,
    },
  );
}

/** The heartbeat of a lease. @returns false when the run holds none any more */
export function renew(dir: string, runId: string): boolean {
  const now = new Date();
  try {
    utimesSync(fileOf(dir, runId), now, now);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

/** Changes a lease under the gate. @returns the lease as it is then; undefined where the run holds none */
export function changeLease(
  dir: string,
  runId: string,
  change: (lease: Lease) => LeaseFile,
): Promise<LeaseFile | undefined> {
  return withGate(dir, () => {
    const lease = readLease(dir, runId);
    if (!lease) return undefined;
    const next = leaseSchema.parse(change(lease));
    writeJson(fileOf(dir, runId), next);
    return next;
  });
}

/** Gives a lease back. Does nothing where there is none; one that cannot be read goes, too. */
export function releaseLease(dir: string, runId: string): Promise<void> {
  return withGate(dir, () => rmSync(fileOf(dir, runId), { force: true }));
}

/**
 * Undoes a lease whose run never began: what it had superseded waits again, as it did. Does nothing where there
 * is none.
 * @throws HandrailError `state-unreadable`
 */
export function undoLease(dir: string, runId: string): Promise<void> {
  return withGate(dir, () => {
    const { superseded } = readLease(dir, runId) ?? {};
    if (superseded) writeJson(fileOf(dir, superseded.run_id), superseded);
    rmSync(fileOf(dir, runId), { force: true });
  });
}

/** A process that keeps the gate longer than this is stopped, or worse. */
const LONGEST_WAIT = 10_000;

/**
 * Does something while no other process changes the leases. Quick and without waiting inside: a killed
 * holder is succeeded by the next.
 * @throws HandrailError `busy` when another process keeps the gate for ten seconds
 */
export async function withGate<T>(dir: string, act: () => T): Promise<T> {
  const me = newHolder();
  const end = Date.now() + LONGEST_WAIT;
  for (;;) {
    const gate = claim(join(dir, "gate"), me, isHolderAlive);
    if (gate.ok) {
      try {
        return act();
      } finally {
        gate.release();
      }
    }
    if (Date.now() > end) {
      throw new HandrailError("busy", `another Handrail process keeps the leases in ${dir} to itself`, {
        fix: "repeat the command; handrail lock list",
      });
    }
    await sleep(2);
  }
}

function leaseNames(dir: string): string[] {
  try {
    return readdirSync(dir).flatMap((name) => /^(r[\w-]+)\.json$/.exec(name)?.[1] ?? []);
  } catch (error) {
    // Whoever writes there is told of a file that is in the way.
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return [];
    throw error;
  }
}

const RUN_ID = /^r[\w-]{1,60}$/;

function fileOf(dir: string, runId: string): string {
  if (!RUN_ID.test(runId)) {
    throw new HandrailError("bad-input", `not a run id: ${JSON.stringify(runId.slice(0, 60))}`, {
      fix: "handrail lock list",
    });
  }
  return join(dir, `${runId}.json`);
}
