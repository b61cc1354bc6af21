import { dirname, relative, sep } from "node:path";
import { HandrailError } from "../../shared/errors.ts";
import { quote } from "../../shared/scope/quote.ts";
import { requireStateOutside } from "../../shared/state/place.ts";
import { lineage } from "../../shared/task/lineage.ts";
import { loadTask } from "../../shared/task/load.ts";
import type { TaskIssue, TaskSpec } from "../../shared/task/spec.ts";
import { captureBaseline } from "../../shared/tree/baseline.ts";
import { openRepository } from "../../shared/tree/repository.ts";

/** Entries shown of a list. */
const MOST = 8;

/**
 * Reads a task file that was just written, captures its baseline, and says in a line or two what Handrail
 * will enforce and what is only advice; or what is wrong with it, with lines.
 * @param file absolute
 */
export async function describeTask(file: string): Promise<string> {
  try {
    const repo = await openRepository(dirname(file));
    requireStateOutside(repo.root);
    const path = relative(repo.root, file).split(sep).join("/");
    const spec = loadTask(path, repo.root);
    if (!spec.ok) return wrong(path, spec.errors);
    const baseline = await captureBaseline(repo, {
      slug: lineage(spec, repo.root),
      allow: spec.scope.allow,
    });
    const age = baseline.created ? "captured" : "kept from before";
    return `${understood(spec)}\nBaseline ${baseline.baseline.slice(0, 12)} ${age}.${warnings(spec)}`;
  } catch (error) {
    if (!(error instanceof HandrailError)) throw error;
    return `Handrail: ${error.message}.${error.fix === undefined ? "" : ` Fix: ${error.fix}`}`;
  }
}

function understood(spec: TaskSpec): string {
  const { allow, forbid, noRead, rules } = spec.scope;
  const advice = spec.prohibitions.filter((one) => one.enforcement === "advisory").map((one) => one.text);
  return [
    `Handrail: task ${quote(spec.slug, 80)} is understood. OpenCode may change ${list(allow)} and nothing else`,
    forbid.length > 0 ? `; never ${list(forbid)}` : "",
    noRead.length > 0 ? `; may not read ${list(noRead)}` : "",
    rules.length > 0 ? `; rules: ${rules.slice(0, MOST).join(", ")}` : "",
    ".",
    advice.length > 0 ? ` Only advice, so check it in review: ${list(advice)}.` : "",
  ].join("");
}

function wrong(path: string, errors: readonly TaskIssue[]): string {
  const lines = errors.slice(0, 3).map(issue).join("; ");
  return `Handrail: ${path} cannot be delegated: ${lines}. Mend the file; \`handrail task check ${quote(path, 120)}\` says more.`;
}

function warnings(spec: TaskSpec): string {
  return spec.warnings.length === 0 ? "" : ` Note: ${spec.warnings.slice(0, 2).map(issue).join("; ")}.`;
}

function issue({ line, message }: TaskIssue): string {
  return `${line === undefined ? "" : `line ${line}: `}${message}`;
}

function list(items: readonly string[]): string {
  const shown = items.slice(0, MOST).map((item) => quote(item, 80));
  const more = items.length - shown.length;
  return more > 0 ? `${shown.join(", ")} and ${more} more` : shown.join(", ");
}
