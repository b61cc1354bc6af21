import { quote } from "../scope/quote.ts";
import type { Scope } from "../task/spec.ts";
import type { Applied } from "./apply.ts";
import type { RefusedChange } from "./commands.ts";

const MOST_NAMED = 12;

/** What the model is told on stderr of a command whose changes were not all applied; "" when all were. */
export function notApplied({ record, failed, unlinked, full }: Applied, scope: Scope): string {
  const problems = new Map(failed.map(({ path, problem }) => [path, problem]));
  const lines = [
    ...record.refused.map((one) => `  ${quote(one.path)}: ${reason(one)}`),
    ...record.conflicts.map((path) => {
      const problem = problems.get(path);
      return `  ${quote(path)}: ${problem ? `could not be written (${problem})` : "somebody else changed it meanwhile"}`;
    }),
  ];
  const links = unlinked.slice(0, MOST_NAMED).map((path) => {
    return `handrail: ${quote(path)} had other names (hard links); those keep the old content\n`;
  });
  if (full) links.push("handrail: the command was ended because it wrote too much\n");
  if (lines.length === 0) return links.join("");
  const named = lines.slice(0, MOST_NAMED);
  const more = lines.length - named.length;
  const allowed = scope.allow.slice(0, 6).map((pattern) => quote(pattern, 80));
  return [
    "handrail: the command ran, but these changes of it were not applied:",
    ...named,
    ...(more > 0 ? [`  and ${more} more`] : []),
    ...(allowed.length > 0 ? [`handrail: this task may change ${allowed.join(", ")}`] : []),
    links.join(""),
  ].join("\n");
}

function reason({ code, rule, detail }: RefusedChange): string {
  switch (code) {
    case "forbidden":
      return `the task forbids ${detail === undefined ? "it" : quote(detail, 80)}`;
    case "inspect-only":
      return "for inspection only";
    case "control-file":
      return detail ?? "it steers tools, agents or CI, and the task does not name it";
    case "git-dir":
      return "it belongs to git itself";
    case "link":
      return `the link leads out of the scope${detail === undefined ? "" : ` (${quote(detail, 80)})`}`;
    case "special-file":
      return `a ${detail ?? "special file"} is not brought into the repository`;
    case "leased":
      return `another task holds it now${detail === undefined ? "" : ` (${quote(detail, 120)})`}`;
    case "no-read":
      return "the task says not to open it";
    case "rule":
      return RULE_REASONS[rule ?? ""] ?? "a rule of the task is against it";
    default:
      return "not in the scope of this task";
  }
}

const RULE_REASONS: Record<string, string> = {
  "no-commit": "commits, branches and other refs stay as they are in this task",
  "no-stage": "nothing is staged in this task",
  "no-new-files": "the task allows no new files",
  "no-delete": "the task says not to delete files",
  "no-rename": "the task says not to rename files",
  "no-test-changes": "the task says not to change tests",
  "no-new-dependencies": "the task allows no new dependencies",
};
