import { HandrailError } from "../errors.ts";
import type { ChecklistItem, ExecPlan, Feature } from "./plan.ts";

/**
 * Finds the feature that was named: by its slug, its id in the plan ("F2"), its number, its title, or words
 * that only one title has. Without a name, the only feature there is.
 * @param file how the plan is named in errors
 * @throws HandrailError `bad-input` for a plan without features, `not-found`, `ambiguous-path` for several
 */
export function findFeature(plan: ExecPlan, wanted: string | undefined, file: string): Feature {
  const [only, ...more] = plan.features;
  if (!only) throw planError(plan, file);
  if (wanted === undefined) {
    if (more.length === 0) return only;
    throw new HandrailError(
      "bad-usage",
      `${file} has ${plan.features.length} features: ${listed(plan.features)}`,
      {
        fix: `name one, for example: handrail plan show ${file} ${only.slug}`,
      },
    );
  }
  const words = wanted.trim().toLowerCase();
  const ways: ((feature: Feature) => boolean)[] = [
    (feature) => feature.slug === words,
    (feature) => feature.id?.toLowerCase() === words,
    (feature) => feature.title.toLowerCase() === words,
    (feature) => String(feature.number) === words,
    (feature) => words !== "" && feature.title.toLowerCase().includes(words),
  ];
  for (const way of ways) {
    const [found, ...others] = plan.features.filter(way);
    if (found && others.length === 0) return found;
    if (found) {
      throw new HandrailError(
        "bad-usage",
        `"${words}" fits several features: ${listed([found, ...others])}`,
        {
          fix: "give its number or its whole title",
        },
      );
    }
  }
  throw new HandrailError(
    "not-found",
    `${file} has no feature "${wanted.slice(0, 60)}", but ${listed(plan.features)}`,
    {
      fix: `handrail plan list ${file}`,
    },
  );
}

/** The error of a plan that cannot be used, with its file and line. */
export function planError(plan: ExecPlan, file: string): HandrailError {
  const [error] = plan.errors;
  const where = error?.line === undefined ? file : `${file}:${error.line}`;
  return new HandrailError("bad-input", `${where}: ${error?.message ?? "the plan has no features"}`, {
    fix: "mend the plan; references/exec-plan-parsing.md of the skill task-iteration shows the forms",
  });
}

/**
 * Finds the checklist item that was named: by its number, its whole text, or words that only one item has.
 * @throws HandrailError `not-found`, `bad-usage` for several
 */
export function findItem(items: readonly ChecklistItem[], wanted: string, file: string): ChecklistItem {
  const words = plain(wanted);
  const ways: ((item: ChecklistItem) => boolean)[] = [
    (item) => String(item.number) === words,
    (item) => plain(item.text) === words,
    (item) => words !== "" && plain(item.text).includes(words),
  ];
  for (const way of ways) {
    const [found, ...others] = items.filter(way);
    if (found && others.length === 0) return found;
    if (found) {
      const numbers = [found, ...others].map((item) => item.number).join(", ");
      throw new HandrailError("bad-usage", `"${wanted.slice(0, 60)}" fits the items ${numbers}`, {
        fix: "give the item's number",
      });
    }
  }
  const shown =
    items.length === 0 ? "no checklist item there" : `no checklist item "${wanted.slice(0, 60)}" there`;
  throw new HandrailError("not-found", `${file}: ${shown}`, {
    fix:
      items.length === 0
        ? "write items as - [ ] text"
        : `items are 1 to ${items.length}: handrail plan check ${file}`,
  });
}

function plain(text: string): string {
  return text.replace(/[*`_]/g, "").replace(/\s+/g, " ").trim().toLowerCase();
}

function listed(features: readonly Feature[]): string {
  const shown = features.slice(0, 12).map((feature) => `${feature.number} ${feature.slug}`);
  return [...shown, ...(features.length > 12 ? ["..."] : [])].join(", ");
}
