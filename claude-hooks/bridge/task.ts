import { isAbsolute } from "node:path";
import { HandrailError } from "../../shared/errors.ts";
import { locateTask } from "../../shared/task/locate.ts";
import { requireTask } from "../../shared/task/require.ts";
import type { TaskSpec } from "../../shared/task/spec.ts";

/**
 * Reads a task file or packet of a project. Unlike a person's command, a tool reads none from outside it.
 * @param root real path of the working tree's top level
 * @param named relative to the root, or absolute inside it
 * @throws HandrailError `bad-input`, `invalid-task`
 */
export function requireTaskInside(root: string, named: string): { file: string; spec: TaskSpec } {
  const file = named.includes("\0") ? undefined : locateTask(named, root, root);
  if (file === undefined || isAbsolute(file)) {
    throw new HandrailError("bad-input", `the task file lies outside the project ${root}`, {
      fix: "write it to opencode_tasks/ of that project",
    });
  }
  return { file, spec: requireTask(file, root) };
}
