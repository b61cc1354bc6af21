import { HandrailError } from "../errors.ts";
import { loadTask } from "./load.ts";
import type { TaskSpec } from "./spec.ts";

/** What keeps a task from being used, with its place: the first of its errors. */
export function firstProblem({ errors: [first] }: Pick<TaskSpec, "errors">, file: string): string {
  const where = first?.line === undefined ? file : `${file}:${first.line}`;
  return `${where}: ${first?.message ?? "the task cannot be read"}`;
}

/** @param file as the reader knows it @throws HandrailError `invalid-task` for one that cannot be used */
export function requireOk(spec: TaskSpec, file: string, fix = `handrail task check ${file}`): TaskSpec {
  if (spec.ok) return spec;
  throw new HandrailError("invalid-task", firstProblem(spec, file), { fix });
}

/**
 * Reads a task file or packet that is to be used.
 * @param file as `loadTask` takes it
 * @throws HandrailError `bad-input` and `invalid-task`
 */
export function requireTask(file: string, root: string): TaskSpec {
  return requireOk(loadTask(file, root), file);
}
