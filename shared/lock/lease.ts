import { hostname } from "node:os";
import * as z from "zod/mini";
import { isAlive, processIdentitySchema } from "../run/process.ts";
import type { Scope } from "../task/spec.ts";
import { claimsSchema } from "./claims.ts";

/** A part of a lease that its owner has handed over to another task. */
const givenSchema = z.object({
  /** The task that may take it. */
  to: z.string(),
  /** Files, or folders with a slash at the end. */
  paths: z.array(z.string()),
  modules: z.array(z.string()),
  groups: z.array(z.string()),
  /** The checkpoint with which it was handed over. */
  checkpoint: z.string(),
  at: z.string(),
});
export type Given = z.infer<typeof givenSchema>;

const shape = {
  schema: z.literal(1),
  run_id: z.string(),
  /** Its task, by the slug under which corrections of it run, too. */
  task_id: z.string(),
  /** Who does the work: `owner_agent` of a packet. */
  owner: z.string(),
  /** The process that keeps it; it ends with it. */
  holder: processIdentitySchema,
  claims: claimsSchema,
  /** The patterns of all shared groups, as configured when the lease was taken. */
  shared: z.record(z.string(), z.array(z.string())),
  given: z.array(givenSchema),
  /** How long it waits for a confirmation after its run has ended; a task file's does not wait. */
  confirm_minutes: z.number(),
  /** ISO 8601, UTC. */
  taken: z.string(),
  /** The run has ended, and the lease waits for whoever ordered the work to confirm its report. */
  awaiting: z.optional(z.object({ state: z.string(), since: z.string(), until: z.string() })),
};

/** `leases/<run_id>.json`: all that one run holds, taken and given back as one. */
export const leaseSchema = z.object({
  ...shape,
  /** The lease whose place it has taken, of an earlier run that nobody has confirmed yet. */
  superseded: z.optional(z.object(shape)),
});
export type LeaseFile = z.infer<typeof leaseSchema>;

/** A lease as it is found: with the time of its last heartbeat, in milliseconds since 1970. */
export interface Lease extends LeaseFile {
  renewed: number;
}

/** A lease whose process is gone lasts this long after its last heartbeat, in milliseconds. */
export const LEASE_MS = 60_000;
export const HEARTBEAT_MS = 20_000;

/** When a lease ends if nobody renews it, in milliseconds since 1970. */
export function expiryOf(lease: Lease): number {
  return lease.awaiting ? Date.parse(lease.awaiting.until) : lease.renewed + LEASE_MS;
}

/**
 * Whether a lease still counts. That of a living process of this machine does, however late its heartbeat; of
 * a process that is gone, or of another machine, only until it expires, so that somebody can close the run.
 */
export function isHeld(lease: Lease, now = Date.now()): boolean {
  if (!lease.awaiting && hasHolder(lease)) return true;
  return now < expiryOf(lease);
}

/** Whether its process is known to run on this machine. */
export function hasHolder({ holder }: Pick<Lease, "holder">): boolean {
  return holder.host === hostname() && isAlive(holder);
}

/** What is left of a lease for everybody but the task that was given a part of it. */
export function claimsAgainst(lease: LeaseFile, task: string): LeaseFile["claims"] {
  const given = lease.given.filter((one) => one.to === task);
  const { claims } = lease;
  if (given.length === 0) return claims;
  const gone = (kind: "modules" | "groups") => new Set(given.flatMap((one) => one[kind]));
  const [modules, groups] = [gone("modules"), gone("groups")];
  const paths = given.flatMap((one) => one.paths);
  return {
    ...claims,
    scope: withoutPaths(claims.scope, paths),
    groups: claims.groups.filter((name) => !groups.has(name)),
    ...(claims.modules && { modules: claims.modules.filter((name) => !modules.has(name)) }),
    // Handing something over is leave for the task that is given it.
    parallel: true,
  };
}

function withoutPaths(scope: Scope, paths: readonly string[]): Scope {
  const gone = new Set(paths);
  return {
    ...scope,
    allow: scope.allow.filter((path) => !gone.has(path)),
    // With a slash somewhere it means this one path; at the root it would mean any depth.
    forbid: [...scope.forbid, ...paths.filter((path) => path.replace(/\/$/, "").includes("/"))],
  };
}
