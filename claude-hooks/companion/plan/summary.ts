import { HandrailError } from "../../../shared/errors.ts";
import type { Iteration } from "../../../shared/iteration/state.ts";
import type { Finding } from "../../../shared/review/findings.ts";
import { findFeature } from "../../../shared/task/plan-features.ts";
import { printable } from "../../../shared/text/printable.ts";
import { contribution } from "../../../shared/tree/diff.ts";
import { openHere } from "../here.ts";
import { evidenceOf } from "../task-evidence.ts";
import { openPlan } from "./open.ts";
import { progress } from "./show.ts";

/** What the user is told at the end of a feature; from the file system, the plan and the store. */
export interface Summary {
  /** What the executor changed since the feature was begun; null where its baseline is gone. */
  files: { path: string; status: string; added: number | null; deleted: number | null }[] | null;
  /** The command that shows them. */
  diff: string;
  /** Null where the plan has changed so that the feature is no longer found. */
  checklist: { done: number; total: number } | null;
  evaluation: string | null;
  advisory: string | null;
  fix_rounds: number;
  /** What the user accepted, and why. */
  accepted: { note: string; findings: Finding[] }[];
}

/** @returns the summary of an iteration that is finished */
export async function summaryOf(state: Iteration): Promise<Summary> {
  return {
    files: await filesOf(state.task),
    diff: `handrail diff --task ${state.task}`,
    checklist: checklistOf(state),
    evaluation: state.evaluations.at(-1)?.classification ?? null,
    advisory: state.advisories.at(-1)?.classification ?? null,
    fix_rounds: state.round,
    accepted: state.accepted.map(({ note, findings }) => ({ note, findings })),
  };
}

export function summaryLines(summary: Summary): string[] {
  const { files, checklist, accepted } = summary;
  const changed = (files ?? []).map(
    ({ path, added, deleted }) => `${printable(path, 200)} +${added ?? "?"} -${deleted ?? "?"}`,
  );
  const shown = changed.length > 20 ? [...changed.slice(0, 20), `and ${changed.length - 20} more`] : changed;
  return [
    "summary:",
    `  files changed: ${files === null ? "not known, the baseline is gone" : shown.join(", ") || "none"}`,
    `  checklist: ${checklist ? `${checklist.done} of ${checklist.total} done` : "no longer found in the plan"}`,
    `  evaluation ${summary.evaluation ?? "none"}, advisory ${summary.advisory ?? "none"}, fix rounds ${summary.fix_rounds}`,
    ...(accepted.length === 0 ? ["  accepted residual issues: none"] : []),
    ...accepted.flatMap(({ note, findings }) => [
      `  accepted: ${printable(note, 300)}`,
      ...findings.map(
        ({ severity, file, claim }) => `    [${severity}] ${printable(`${file}: ${claim}`, 300)}`,
      ),
    ]),
  ];
}

async function filesOf(task: string): Promise<Summary["files"]> {
  try {
    const repo = await openHere();
    const { files } = await contribution(repo, task, evidenceOf(repo, task));
    return files
      .filter(({ by }) => by === "executor")
      .map(({ path, status, added = null, deleted = null }) => ({ path, status, added, deleted }));
  } catch (error) {
    if (error instanceof HandrailError && error.code === "no-baseline") return null;
    throw error;
  }
}

function checklistOf({ plan, feature }: Iteration): Summary["checklist"] {
  try {
    const opened = openPlan(plan);
    return progress(findFeature(opened.plan, feature, opened.file).checklist);
  } catch (error) {
    if (error instanceof HandrailError) return null;
    throw error;
  }
}
