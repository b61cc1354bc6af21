import type { Rule, Scope } from "../task/spec.ts";
import type { Refusal } from "./decision.ts";
import { quote } from "./quote.ts";

const MOST_PATTERNS = 6;

/**
 * Renders a refusal for the model that was refused: what, why, and what to do instead.
 * @param scope where the refusal comes from a task: a few of its allowed patterns are named
 */
export function refusalText(refusal: Refusal, scope?: Pick<Scope, "allow">): string {
  const [what, next] = say(refusal);
  const hints = pathCodes.has(refusal.code) ? [mayChange(scope), REPORT] : [];
  return ["Handrail refused this call.", what, next, ...hints].filter((part) => part !== "").join(" ");
}

/** Refusals that say where the model may write instead. */
const pathCodes = new Set<Refusal["code"]>([
  "out-of-scope",
  "forbidden",
  "inspect-only",
  "control-file",
  "git-dir",
  "outside-repository",
  "link",
]);

const REPORT =
  "If the task cannot be done without it, leave it as it is and say so at the end. Do not try another tool for it: all of them are held to the same scope.";

function mayChange(scope: Pick<Scope, "allow"> | undefined): string {
  if (!scope || scope.allow.length === 0) return "";
  const shown = scope.allow.slice(0, MOST_PATTERNS).map((pattern) => quote(pattern, 80));
  const more = scope.allow.length - shown.length;
  return `You may change: ${shown.join(", ")}${more > 0 ? ` and ${more} more` : ""}.`;
}

/** What was refused and why, and what to do instead where that depends on the code. */
function say(refusal: Refusal): [what: string, next: string] {
  const path = refusal.path === undefined ? "It" : quote(refusal.path);
  const detail = refusal.detail === undefined ? "" : quote(refusal.detail, 300);
  const by = detail ? ` (${detail})` : "";
  switch (refusal.code) {
    case "out-of-scope":
      return [`${path} is not in the scope of this task${by}.`, ""];
    case "forbidden":
      return [`${path} must not be changed: the task forbids ${detail || "it"}.`, ""];
    case "inspect-only":
      return [`${path} is for inspection only in this task${by}.`, "You may read it."];
    case "control-file":
      return [`${path} steers tools, agents or CI, and the task does not name it literally${by}.`, ""];
    case "git-dir":
      return [`${path} belongs to git itself${by}; no task opens it.`, ""];
    case "outside-repository":
      return [
        `${path} is outside the repository${by}; no task reaches there.`,
        "For scratch files use $TMPDIR in a shell command.",
      ];
    case "link":
      return [
        `${path} cannot be written safely through a link${by}.`,
        "Write the real file by its own path if it is in scope; for a hard link make a copy and rename it over the link first.",
      ];
    case "special-file":
      return [`${path} cannot be brought into the repository (${detail || "a special file"}).`, ""];
    case "rule":
      return [`${path}: ${ruleReason(refusal.rule)}${by}.`, ruleAdvice(refusal.rule)];
    case "no-read":
      return [
        `The task says not to read or open ${path}${by}.`,
        "Go on without its contents; do not try another tool for it.",
      ];
    case "private":
      return [
        `${path} holds, or leads to, what is not for a task to read: Handrail's own records, or the memory of processes${by}.`,
        "Look in the repository, or in a narrower folder.",
      ];
    case "unknown-tool":
      return [
        `The tool ${detail || path} is not known to Handrail, so what it would write cannot be checked.`,
        'Use the built-in tools instead. A person can declare it in handrail.config.json: under "readOnlyTools" if it changes nothing, or under "pathArguments" with the argument that holds the path it writes.',
      ];
    case "bad-arguments":
      return [
        `The arguments cannot be understood with certainty: ${refusal.path === undefined ? "" : `${path}: `}${detail || "they do not fit"}.`,
        "Correct them and call the tool again.",
      ];
    case "unbound":
      return [
        `This session works for no task${by}, so it may only read.`,
        "To bind it, start it with `handrail run <task file>`, or with the text of a task file in opencode_tasks/ as the prompt.",
      ];
    case "invalid-task":
      return [
        `The task file cannot be used${by}, so nothing may be written.`,
        "Stop here and say so; whoever wrote it finds the errors with `handrail task check <task file>`.",
      ];
    case "invalid-config":
      return [
        `handrail.config.json does not parse${by}, so nothing may be written.`,
        "Stop here and say so.",
      ];
    case "leased":
      return [
        `${path} belongs to another task now${by}.`,
        "Leave it as it is: work on the other files of your task, or stop and say so. `handrail lock list` shows who holds what; only whoever ordered the work can release or transfer it.",
      ];
    case "busy":
      return [
        `Another task is worked on in this working tree${by}.`,
        "Stop here and say so; `handrail lock list` shows it.",
      ];
    case "blocked":
      return [
        `This run is blocked: ${detail || "something out of scope was changed"}. Nothing more may be written in it, not even to put that back.`,
        "Stop here and say what you were doing; a person decides about it.",
      ];
    case "ended":
      return [
        `This run has been ended: ${detail || "its packet says so"}. Nothing more may be written in it.`,
        "Stop here; whoever ordered the work has been told and decides about it.",
      ];
    case "open-server":
      return [
        `Shell commands are refused here: this OpenCode listens at ${detail || "a port"} without a password, so that a command could have anything done through it.`,
        "Use the other tools, and say so at the end. A person starts it with OPENCODE_SERVER_PASSWORD set.",
      ];
    case "guard-failed":
      return [
        `Handrail cannot check this call${by}, so it is refused.`,
        "Stop here and say so; `handrail doctor` finds the cause.",
      ];
  }
}

function ruleReason(rule: Rule | undefined): string {
  switch (rule) {
    case "no-new-files":
      return "the task allows no new files besides those it names";
    case "no-delete":
      return "the task says not to delete files";
    case "no-rename":
      return "the task says not to rename or move files";
    case "no-new-dependencies":
      return "the task allows no new dependencies, so manifests and lock files stay as they are";
    case "no-test-changes":
      return "the task says not to change tests";
    case "no-network":
      return "the task says not to use the network";
    case "no-commit":
      return "commits, branches and other refs stay as they are in this task";
    case "no-stage":
      return "nothing is staged in this task; changes stay in the working tree";
    default:
      return "a rule of the task is against it";
  }
}

function ruleAdvice(rule: Rule | undefined): string {
  switch (rule) {
    case "no-commit":
    case "no-stage":
      return "Leave your changes unstaged and uncommitted: they are reviewed there. `git status` and `git diff` work.";
    case "no-network":
      return "Work with what is in the repository.";
    case "no-new-files":
      return "Change the files that exist.";
    default:
      return "Find a way without it, or leave it and say so at the end. Do not try another tool for it.";
  }
}
