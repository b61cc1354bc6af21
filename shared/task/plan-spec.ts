import type { ExecPlan, Feature, PlanPart } from "./plan.ts";
import type { PlanKind } from "./plan-kinds.ts";
import type { TaskIssue, TaskSpec } from "./spec.ts";
import { readTaskFile } from "./taskfile.ts";
import type { KindOf } from "./text/names.ts";

/** The parts that say which files a feature may touch, and how a task file calls them. */
const OF_TASK: readonly [PlanKind, string | undefined][] = [
  ["files", "Files to modify"],
  ["inspect", "Files to inspect only"],
  ["constraints", "Constraints"],
  ["validation", "Validation"],
  // Its own heading: "Do not create" and "Out of scope" say different things.
  ["forbid", undefined],
];

export interface ScopeText {
  /** A `{{FILE_SCOPE}}` block, without its heading; empty where the feature names no file to change. */
  text: string;
  /** For each line, where it stands in the plan. */
  lines: (number | undefined)[];
}

/** The name of a feature's task: every prompt and every run of the feature goes by it. */
export function featureTask(plan: ExecPlan, feature: Feature): string {
  return plan.slug === feature.slug ? plan.slug : `${plan.slug}-${feature.slug}`;
}

/**
 * What an exec plan says about a feature's files, as a file scope block.
 * @param planFile the plan itself, relative to the root: it stays the planner's
 */
export function scopeText(plan: ExecPlan, feature: Feature, planFile?: string): ScopeText {
  const found: ScopeText = { text: "", lines: [] };
  const all: [string, number | undefined][] = [[`Task: ${featureTask(plan, feature)}`, undefined]];
  const parts = OF_TASK.flatMap(([kind, name]) =>
    feature.parts
      .filter((part) => part.kind === kind)
      .map((part): [PlanPart, string] => [part, name ?? part.heading]),
  );
  if (!parts.some(([part]) => part.kind === "files")) return found;
  for (const [part, name] of parts) {
    all.push(["", undefined], [`${name}:`, part.line]);
    for (const line of part.lines) all.push([line.text, line.number]);
  }
  if (planFile !== undefined)
    all.push(["", undefined], ["Do not:", undefined], [`- modify \`${planFile}\``, undefined]);
  return { text: all.map(([text]) => text).join("\n"), lines: all.map(([, line]) => line) };
}

/**
 * A feature of an exec plan as a task: its files, prohibitions and validation, where it names its files.
 * @returns a spec; its errors have the lines of the plan
 */
export function featureSpec(
  plan: ExecPlan,
  feature: Feature,
  place: { root: string; kindOf: KindOf; planFile?: string },
): TaskSpec {
  const { text, lines } = scopeText(plan, feature, place.planFile);
  // `Task:` names it here; in a task file it would be a title.
  const task = text.split("\n").slice(1).join("\n");
  const spec = readTaskFile(task, featureTask(plan, feature), { root: place.root, kindOf: place.kindOf });
  const inPlan = (issue: TaskIssue): TaskIssue => {
    const line = issue.line === undefined ? undefined : (lines[issue.line] ?? feature.line);
    return line === undefined ? { message: issue.message } : { ...issue, line };
  };
  const errors =
    text === ""
      ? [
          {
            line: feature.line,
            message: `the feature "${feature.title}" does not say which files may be changed; add "Files to modify" with one path a line`,
          },
        ]
      : spec.errors.map(inPlan);
  return {
    ...spec,
    ok: errors.length === 0,
    source: "exec-plan",
    title: feature.title,
    errors,
    warnings: spec.warnings.map(inPlan),
  };
}
