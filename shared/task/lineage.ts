import { loadTask } from "./load.ts";
import { listTaskFiles } from "./prompt.ts";
import type { TaskSpec } from "./spec.ts";

/**
 * The task whose baseline a task stands on: its own, or that of the first task in its chain of corrections
 * (`Corrects: <slug>`), which all share one baseline.
 * @returns that task's slug
 */
export function lineage(spec: TaskSpec, root: string): string {
  const seen = new Set([spec.slug]);
  let { slug, corrects } = spec;
  while (corrects !== undefined && !seen.has(corrects)) {
    slug = corrects;
    seen.add(slug);
    const file = listTaskFiles(root).find((name) => name.replace(/\.[^.]+$/, "").endsWith(`-${slug}`));
    corrects = file === undefined ? undefined : loadTask(file, root).corrects;
  }
  return slug;
}
