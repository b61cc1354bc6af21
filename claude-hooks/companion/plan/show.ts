import { kindOfIn } from "../../../shared/task/load.ts";
import { type ChecklistItem, type Feature, partText } from "../../../shared/task/plan.ts";
import { findFeature } from "../../../shared/task/plan-features.ts";
import type { PlanKind } from "../../../shared/task/plan-kinds.ts";
import { featureSpec } from "../../../shared/task/plan-spec.ts";
import type { TaskSpec } from "../../../shared/task/spec.ts";
import { printable } from "../../../shared/text/printable.ts";
import { emit } from "../output.ts";
import { type OpenedPlan, openPlan, planFileOf } from "./open.ts";

/** What a feature should say, as the plan's headings call it. */
const PARTS: readonly [PlanKind, string, string][] = [
  ["userStory", "user_story", "User story"],
  ["specification", "specification", "Specification"],
  ["deliverableStandard", "deliverable_standard", "Deliverable standard"],
  ["testScenarios", "test_scenarios", "Test scenarios"],
  ["authorityReferences", "authority_references", "Authority references"],
  ["prerequisites", "prerequisites", "Prerequisites"],
];

/** `handrail plan list`: the features, how far their checklists are, and what they do not say. */
export function listFeatures(named: string, options: { json?: boolean }): void {
  const { file, plan } = openPlan(named);
  const features = plan.features.map((feature) => ({
    number: feature.number,
    id: feature.id ?? null,
    slug: feature.slug,
    title: feature.title,
    line: feature.line,
    checklist: progress(feature.checklist),
    missing: missingParts(feature),
  }));
  emit(options, { plan: file, title: plan.title, features, checklist: progress(plan.checklist) }, () =>
    [
      `${file}: ${printable(plan.title)}`,
      ...features.map(({ number, slug, title, checklist, missing }) => {
        const lacks = missing.length === 0 ? "" : `; lacks ${missing.join(", ")}`;
        return `  ${number}  ${slug}: ${printable(title)} (${checklist.done} of ${checklist.total} done${lacks})`;
      }),
    ].join("\n"),
  );
}

/** `handrail plan show`: everything that the plan says about one feature. */
export function showFeature(named: string, wanted: string | undefined, options: { json?: boolean }): void {
  const opened = openPlan(named);
  const feature = findFeature(opened.plan, wanted, opened.file);
  const spec = specOf(opened, feature);
  emit(options, featureJson(opened, feature, spec), () => featureText(opened, feature, spec));
}

/** The feature as a task, if it names its files. */
export function specOf(opened: OpenedPlan, feature: Feature): TaskSpec {
  const planFile = planFileOf(opened);
  const place = { root: opened.root, kindOf: kindOfIn(opened.root) };
  return featureSpec(opened.plan, feature, planFile === undefined ? place : { ...place, planFile });
}

export function progress(items: readonly ChecklistItem[]): { done: number; total: number } {
  return { done: items.filter((item) => item.checked).length, total: items.length };
}

/** What a task iteration needs and the feature does not say. */
export function missingParts(feature: Feature): string[] {
  const parts = PARTS.filter(([kind]) => kind !== "prerequisites" && partText(feature, kind) === "");
  return [
    ...parts.map(([, , name]) => name.toLowerCase()),
    ...(feature.checklist.length === 0 ? ["checklist"] : []),
  ];
}

function featureJson({ file, plan }: OpenedPlan, feature: Feature, spec: TaskSpec) {
  const texts = PARTS.map(([kind, key]) => [key, partText(feature, kind) || null]);
  return {
    plan: file,
    number: feature.number,
    id: feature.id ?? null,
    slug: feature.slug,
    title: feature.title,
    line: feature.line,
    ...Object.fromEntries(texts),
    checklist: feature.checklist.map(({ offset: _offset, ...item }) => item),
    missing: missingParts(feature),
    scope: spec.ok ? spec.scope : null,
    scope_errors: namesFiles(feature) ? spec.errors : [],
    features: plan.features.length,
  };
}

function featureText(opened: OpenedPlan, feature: Feature, spec: TaskSpec): string {
  const missing = missingParts(feature);
  return [
    `${opened.file}:${feature.line}: feature ${feature.number}, ${feature.slug}`,
    printable(feature.title),
    ...PARTS.flatMap(([kind, , name]) => {
      const text = partText(feature, kind);
      return text === "" ? [] : ["", `${name}:`, visible(text)];
    }),
    ...(feature.checklist.length > 0 ? ["", "Checklist:", ...checklistLines(feature.checklist)] : []),
    "",
    ...scopeLines(opened, feature, spec),
    ...(missing.length > 0 ? [`The plan does not say: ${missing.join(", ")}.`] : []),
  ].join("\n");
}

function scopeLines({ file }: OpenedPlan, feature: Feature, spec: TaskSpec): string[] {
  if (!namesFiles(feature)) return ["The plan names no files to modify; the file scope is yours to plan."];
  if (spec.ok) return [`Files to modify: ${spec.scope.allow.map((path) => printable(path)).join(", ")}`];
  return spec.errors.map(
    ({ line, message }) => `${file}${line === undefined ? "" : `:${line}`}: error: ${message}`,
  );
}

export function namesFiles(feature: Feature): boolean {
  return feature.parts.some((part) => part.kind === "files");
}

/** The items, numbered as `--tick` takes them. */
export function checklistLines(items: readonly ChecklistItem[]): string[] {
  return items.map(({ number, text, checked, depth }) => {
    const mark = checked ? "[x]" : "[ ]";
    return `  ${String(number).padStart(2)}  ${"  ".repeat(depth)}${mark} ${printable(text)}`;
  });
}

/** The plan's own Markdown on a terminal: lines stay, control characters do not. */
function visible(text: string): string {
  return text
    .split("\n")
    .map((line) => `  ${printable(line, 2_000)}`)
    .join("\n");
}
