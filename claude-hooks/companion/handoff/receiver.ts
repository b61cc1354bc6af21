import { requireRun } from "../../../shared/run/store.ts";
import type { Receiver } from "../../../shared/run/transfer.ts";
import { createMatcher } from "../../../shared/scope/matcher.ts";
import { surroundingsOf } from "../../../shared/scope/surroundings.ts";
import { lineage } from "../../../shared/task/lineage.ts";
import { loadTask } from "../../../shared/task/load.ts";
import { locateTask } from "../../../shared/task/locate.ts";
import type { TaskSpec } from "../../../shared/task/spec.ts";

/**
 * Who receives a part of a lease.
 * @param given a run id, or a task file or packet, from the root or `cwd`
 * @throws HandrailError what reading the run or the file throws
 */
export function receiverOf(given: string, root: string, cwd: string): Receiver {
  const spec: TaskSpec = /^r\d{8}T/.test(given)
    ? requireRun(root, given).spec
    : loadTask(locateTask(given, root, cwd), root);
  const matcher = createMatcher(spec.scope, surroundingsOf(root));
  return {
    task_id: lineage(spec, root),
    owner: spec.packet?.owner_agent,
    allows: (path) => matcher.classify(path.endsWith("/") ? `${path}any` : path).decision === "allow",
  };
}
