import { EXIT, HandrailError } from "../../../shared/errors.ts";
import type { ChecklistItem, Feature } from "../../../shared/task/plan.ts";
import { findFeature, findItem } from "../../../shared/task/plan-features.ts";
import { loadPlan, tickItem } from "../../../shared/task/plan-load.ts";
import { emit } from "../output.ts";
import { type OpenedPlan, openPlan } from "./open.ts";
import { checklistLines, missingParts, namesFiles, progress, specOf } from "./show.ts";

export interface CheckOptions {
  json?: boolean;
  tick?: string[];
  untick?: string[];
}

/**
 * `handrail plan check`: what a feature's plan lacks, and its checklist; ticks and unticks items of it. Without
 * a feature, in a plan of several, the items that belong to none.
 */
export function checkFeature(named: string, wanted: string | undefined, options: CheckOptions): void {
  const opened = openPlan(named);
  const loose = wanted === undefined && opened.plan.features.length > 1;
  const feature = loose ? undefined : findFeature(opened.plan, wanted, opened.file);
  const edits = [
    ...(options.tick ?? []).map((item) => ({ item, checked: true })),
    ...(options.untick ?? []).map((item) => ({ item, checked: false })),
  ];
  // All are found before the first is written: a name that fits none changes nothing.
  const numbers = edits.map(({ item, checked }) => ({
    number: findItem(itemsOf(opened, feature), item, opened.file).number,
    checked,
  }));
  const seen = new Set(numbers.map(({ number }) => number));
  if (seen.size < numbers.length)
    throw new HandrailError("bad-usage", "an item is named twice in --tick and --untick", {
      fix: `handrail plan check ${opened.file} shows the numbers`,
    });
  for (const { number, checked } of numbers) {
    const now = { ...opened, ...loadPlan(opened.file, opened.root) };
    const items = itemsOf(now, feature && findFeature(now.plan, feature.slug, now.file));
    tickItem(now, opened.root, findItem(items, String(number), now.file), checked);
  }
  const after = { ...opened, ...loadPlan(opened.file, opened.root) };
  report(after, feature && findFeature(after.plan, feature.slug, after.file), options, edits.length > 0);
}

function itemsOf({ plan }: OpenedPlan, feature: Feature | undefined): readonly ChecklistItem[] {
  return feature ? feature.checklist : plan.checklist;
}

function report(
  opened: OpenedPlan,
  feature: Feature | undefined,
  options: CheckOptions,
  edited: boolean,
): void {
  const items = itemsOf(opened, feature);
  const { done, total } = progress(items);
  const missing = feature ? missingParts(feature) : [];
  const spec = feature && namesFiles(feature) ? specOf(opened, feature) : undefined;
  const errors = spec?.errors ?? [];
  const value = {
    plan: opened.file,
    feature: feature?.slug ?? null,
    ok: errors.length === 0,
    complete: done === total,
    checklist: items.map(({ offset: _offset, ...item }) => item),
    missing,
    errors,
  };
  const lines = () => [
    feature ? `${opened.file}: ${feature.slug}` : `${opened.file}: items that belong to no feature`,
    ...(items.length === 0
      ? ["  no checklist item"]
      : [...checklistLines(items), `${done} of ${total} done`]),
    ...(feature ? [] : [`of a feature: handrail plan check ${opened.file} FEATURE`]),
    ...errors.map(
      ({ line, message }) => `${opened.file}${line === undefined ? "" : `:${line}`}: error: ${message}`,
    ),
    ...(missing.length > 0 && !edited ? [`the plan does not say: ${missing.join(", ")}`] : []),
  ];
  emit(options, value, () => lines().join("\n"), errors.length > 0 ? EXIT.usage : EXIT.done);
}
