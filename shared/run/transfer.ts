import { HandrailError } from "../errors.ts";
import type { Given, Lease } from "../lock/lease.ts";
import { changeLease, leasesDir, readLease } from "../lock/store.ts";
import { createMatcher } from "../scope/matcher.ts";
import { compileWide } from "../scope/pattern.ts";
import { handoffProblem, type Roles } from "../task/roles.ts";
import { readCheckpoints } from "./checkpoints.ts";

/** Who receives: a task, and the agent that owns it. */
export interface Receiver {
  task_id: string;
  owner: string | undefined;
  /** Whether its own scope allows a path: a lease outside it would be of no use. */
  allows: (path: string) => boolean;
}

export interface Transfer {
  root: string;
  run: string;
  to: Receiver;
  /** Files, or folders with a slash at the end. */
  paths: string[];
  modules: string[];
  groups: string[];
  roles: Roles;
}

/**
 * Hands a part of a lease over to another task, at a checkpoint of the run that gives it. From then on the run
 * may not write it any more, and nobody but that task may take it.
 * @throws HandrailError `not-found`, `bad-input` for what the lease does not hold or the rules do not allow
 */
export async function transferLease(wanted: Transfer): Promise<Given> {
  const { root, run, to, paths, modules, groups } = wanted;
  const dir = leasesDir(root);
  const lease = readLease(dir, run);
  if (!lease)
    throw new HandrailError("not-found", `run ${run} holds no lease`, { fix: "handrail lock list" });
  const checkpoint = readCheckpoints(root, run).findLast((one) => one.kind !== "START");
  if (!checkpoint) {
    throw refused(`run ${run} has no checkpoint yet (MID or END): nothing says how far it is`);
  }
  const problem = problemWith(wanted, lease);
  if (problem !== undefined) throw refused(problem);
  const given: Given = {
    ...{ to: to.task_id, paths, modules, groups },
    checkpoint: checkpoint.kind,
    at: new Date().toISOString(),
  };
  const changed = await changeLease(dir, run, (now) => ({ ...now, given: [...now.given, given] }));
  if (!changed) throw refused(`run ${run} has just given its lease back`);
  return given;
}

function problemWith({ to, paths, modules, groups, roles }: Transfer, lease: Lease): string | undefined {
  const { claims } = lease;
  if (to.task_id === lease.task_id) return "the task that receives is the one that gives";
  const matcher = createMatcher(claims.scope, {
    kindOf: (path) => claims.around.kinds[path],
    caseInsensitive: claims.around.caseInsensitive,
  });
  const holds = (path: string) =>
    path.endsWith("/")
      ? claims.scope.allow.some((one) => one.endsWith("/") && path.startsWith(one))
      : matcher.classify(path).decision === "allow";
  const foreign = paths.find((path) => !holds(path));
  if (foreign !== undefined) return `run ${lease.run_id} does not hold ${JSON.stringify(foreign)}`;
  const module = modules.find((name) => !claims.modules?.includes(name));
  if (module !== undefined) return `run ${lease.run_id} does not hold the module ${JSON.stringify(module)}`;
  const group = groups.find((name) => !claims.groups.includes(name));
  if (group !== undefined)
    return `run ${lease.run_id} does not hold the shared group ${JSON.stringify(group)}`;
  const useless = paths.find((path) => !to.allows(path));
  if (useless !== undefined) {
    return `${JSON.stringify(useless)} is not in the scope of ${to.task_id}: it could not be written there`;
  }
  if (to.owner === undefined) return undefined;
  return handoffProblem(lease.owner, to.owner, paths, roles, covers);
}

function covers(pattern: string, path: string): boolean {
  return compileWide(pattern, {}).some((one) => one.covers(path.replace(/\/$/, "")));
}

function refused(message: string): HandrailError {
  return new HandrailError("bad-input", message, { fix: "handrail lock list" });
}
