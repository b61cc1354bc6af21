import type { Claims } from "./claims.ts";
import { proveDisjoint } from "./disjoint.ts";
import type { ModuleMap } from "./modules.ts";

/** One task of a schedule, in the order in which they were given. */
export interface Candidate {
  /** By which corrections of a task are known to be the same task. */
  task_id: string;
  claims: Claims;
}

/** What a task waits for, and what it may run beside; by the place of the other in the order. */
export interface Planned {
  after: { task: number; reason: string }[];
  beside: { task: number; reason: string }[];
}

/**
 * Plans several tasks: each waits for every earlier one from which it is not proven disjoint, and runs beside
 * the others. Without proof the order given is kept: sequential by default.
 */
export function planSchedule(candidates: readonly Candidate[], modules: ModuleMap): Planned[] {
  return candidates.map((candidate, index) => {
    const planned: Planned = { after: [], beside: [] };
    for (const [task, other] of candidates.slice(0, index).entries()) {
      const { disjoint, reason } =
        other.task_id === candidate.task_id
          ? { disjoint: false, reason: "they are the same task" }
          : proveDisjoint(other.claims, candidate.claims, modules);
      (disjoint ? planned.beside : planned.after).push({ task, reason });
    }
    return planned;
  });
}

/** The tasks that can start now. @param most how many may run at once */
export function ready(
  plan: readonly Planned[],
  state: { started: ReadonlySet<number>; ended: ReadonlySet<number> },
  most: number,
): number[] {
  const running = [...state.started].filter((task) => !state.ended.has(task)).length;
  return plan
    .map((_, task) => task)
    .filter((task) => !state.started.has(task))
    .filter((task) => plan[task]?.after.every((one) => state.ended.has(one.task)))
    .slice(0, Math.max(0, most - running));
}
