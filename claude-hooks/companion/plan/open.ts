import { isAbsolute, join, relative, sep } from "node:path";
import { findRoot, locateTask } from "../../../shared/task/locate.ts";
import { planError } from "../../../shared/task/plan-features.ts";
import { type LoadedPlan, loadPlan } from "../../../shared/task/plan-load.ts";

/** A plan that was named on the command line, with the working tree around it. */
export interface OpenedPlan extends LoadedPlan {
  root: string;
}

/**
 * Finds and reads an exec plan, from the repository root first, then from the current folder.
 * @throws HandrailError `not-a-repository`, `bad-input` (also for a plan without features), `ambiguous-path`
 */
export function openPlan(named: string, cwd: string = process.cwd()): OpenedPlan {
  const root = findRoot(cwd);
  const loaded = loadPlan(locateTask(named, root, cwd), root);
  if (loaded.plan.features.length === 0) throw planError(loaded.plan, loaded.file);
  return { ...loaded, root };
}

/** The plan's path where it lies in the repository: it is kept out of every file scope. */
export function planFileOf({ file, root }: OpenedPlan): string | undefined {
  const path = relative(root, isAbsolute(file) ? file : join(root, file));
  return path.startsWith("..") ? undefined : path.split(sep).join("/");
}
