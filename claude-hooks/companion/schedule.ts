import { loadConfig } from "../../shared/config/config.ts";
import { HandrailError } from "../../shared/errors.ts";
import { claimsOf } from "../../shared/lock/claims.ts";
import { groupsWith } from "../../shared/lock/groups.ts";
import { type Planned, planSchedule, ready } from "../../shared/lock/schedule.ts";
import { leasesDir, readLeases } from "../../shared/lock/store.ts";
import { confirmRelease, unconfirmed } from "../../shared/run/confirm.ts";
import type { RunRecord } from "../../shared/run/record.ts";
import { requireRun } from "../../shared/run/store.ts";
import { freezeSurroundings } from "../../shared/scope/surroundings.ts";
import { lineage } from "../../shared/task/lineage.ts";
import { locateTask } from "../../shared/task/locate.ts";
import { requireTask } from "../../shared/task/require.ts";
import type { TaskSpec } from "../../shared/task/spec.ts";

/** One task of a schedule. */
export interface Entry {
  file: string;
  spec: TaskSpec;
  plan: Planned;
}

/**
 * Reads several tasks and plans them.
 * @param files as typed: from the root, or from `cwd`
 * @throws HandrailError `invalid-task` for the first that cannot be used, `bad-usage` for one given twice
 */
export function scheduleOf(files: readonly string[], root: string, cwd: string): Entry[] {
  const config = loadConfig(root);
  const groups = groupsWith(config.sharedGroups);
  const located = files.map((file) => locateTask(file, root, cwd));
  const twice = located.find((file, index) => located.indexOf(file) !== index);
  if (twice !== undefined) {
    throw new HandrailError("bad-usage", `${twice} is given twice`, { fix: "name each task once" });
  }
  const specs = located.map((file) => requireTask(file, root));
  const candidates = specs.map((spec) => ({
    task_id: lineage(spec, root),
    claims: claimsOf(spec, freezeSurroundings(spec.scope, root), groups),
  }));
  const plans = planSchedule(candidates, config.modules);
  return located.flatMap((file, index) => {
    const [spec, plan] = [specs[index], plans[index]];
    return spec && plan ? [{ file, spec, plan }] : [];
  });
}

/** What became of one task of a schedule. */
export interface Outcome {
  file: string;
  /** Absent for a task that did not start. */
  run?: RunRecord;
  problem?: string;
  /** The error that kept it from starting, or ended it. */
  error?: unknown;
}

export interface Running {
  root: string;
  entries: readonly Entry[];
  /** How many tasks may run at once. */
  most: number;
  /** Runs one task to its end. */
  start: (entry: Entry) => Promise<RunRecord>;
  /** Whether nothing more is to be started. */
  stopped: () => boolean;
}

/**
 * Runs a schedule: each task when all it waits for have ended, and their leases are given back. A packet's
 * lease is given back here, once its END report has what it needs; else those that wait for it do not start.
 */
export async function runSchedule({ root, entries, most, start, stopped }: Running): Promise<Outcome[]> {
  const outcomes: Outcome[] = entries.map(({ file }) => ({ file }));
  const started = new Set<number>();
  const ended = new Set<number>();
  const blocked = new Map<number, string>();
  const plan = entries.map((entry) => entry.plan);

  const perform = async (task: number, entry: Entry): Promise<void> => {
    const outcome = outcomes[task] ?? { file: entry.file };
    try {
      outcome.run = await start(entry);
    } catch (error) {
      outcome.error = error;
      outcome.problem = error instanceof Error ? error.message : String(error);
    }
    const kept = await confirm(root, entry).catch((error: unknown) =>
      error instanceof Error ? error.message : String(error),
    );
    if (kept !== undefined) blocked.set(task, kept);
    ended.add(task);
  };

  const skip = (task: number, reason: string): void => {
    const outcome = outcomes[task];
    if (outcome) outcome.problem = reason;
    started.add(task);
    ended.add(task);
  };

  // What an earlier schedule was killed with: a run that failed has nothing to confirm, and its lease would be in
  // the way of a task that comes before it now. What lacks something stays, and is said when it is in the way.
  for (const entry of entries) await confirm(root, entry).catch(() => undefined);
  const running = new Map<number, Promise<void>>();
  while (ended.size < entries.length) {
    for (const task of ready(plan, { started, ended }, most)) {
      const entry = entries[task];
      const waits = plan[task]?.after.find((one) => blocked.has(one.task));
      if (!entry || stopped()) skip(task, "not started: stopped");
      else if (waits) {
        skip(
          task,
          `not started: ${entries[waits.task]?.file} keeps its files locked (${blocked.get(waits.task)})`,
        );
        blocked.set(task, "it did not start");
      } else {
        started.add(task);
        running.set(
          task,
          perform(task, entry).finally(() => running.delete(task)),
        );
      }
    }
    if (running.size > 0) await Promise.race(running.values());
  }
  return outcomes;
}

/** Gives back what a task still holds when its run is over, however it ended. @returns why it is kept */
async function confirm(root: string, { spec }: Entry): Promise<string | undefined> {
  const task = lineage(spec, root);
  const lease = readLeases(leasesDir(root)).find((one) => one.task_id === task && one.awaiting);
  if (!lease) return undefined;
  const run = requireRun(root, lease.run_id);
  const kept = unconfirmed(run.end, run.verdict);
  if (kept === undefined) await confirmRelease(root, lease.run_id, false);
  return kept;
}
