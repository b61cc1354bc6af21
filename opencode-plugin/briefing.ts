import { isReadOnly } from "../shared/task/spec.ts";
import { packetBriefing } from "./packet-briefing.ts";
import type { Bound } from "./sessions.ts";

const MAX_LISTED = 40;

/**
 * The scope as text for the system prompt, so that the model need not find it out by being refused.
 * @returns nothing for a session that Handrail leaves alone
 */
export function briefing({ binding, turn }: Bound): string | undefined {
  if (binding.kind === "free") return undefined;
  if (binding.kind === "read-only") return readOnly(binding.detail);
  if (isReadOnly(binding.record.spec.scope)) return readOnly("it was asked to read and to answer");
  const { scope, prohibitions } = binding.record.spec;
  const advice = prohibitions.filter((line) => line.enforcement === "advisory").map((line) => line.text);
  return [
    "# Handrail: this session is held to its task file",
    "Writes outside this scope are refused or dropped, whatever the tool, sub-agent or shell command.",
    list("You may modify or create only", scope.allow),
    list("For reading only", scope.inspect),
    list("Never touch", scope.forbid),
    list("Rules", scope.rules),
    list("The task also asks you not to", advice),
    scope.rules.includes("may-commit")
      ? ""
      : "Leave the changes in the working tree: staging and commits do not land.",
    ...packetBriefing(binding.record, binding.config),
    shellNote(turn?.record.confinement),
    "If the task cannot be done inside this scope, stop and say which file you would need and why.",
  ]
    .filter(Boolean)
    .join("\n");
}

function readOnly(why: string): string {
  return [
    "# Handrail: this session is read-only",
    `No file can be written, by any tool: ${why}.`,
    "Read and answer; do not try to change files. Say in your answer what stopped you.",
  ].join("\n");
}

function shellNote(
  confinement: { kind: "overlay" | "none"; reason?: string | undefined } | undefined,
): string {
  return confinement?.kind === "overlay"
    ? "Shell commands run in a transaction: changes in scope land when the command ends, others are dropped and named on stderr. Background processes end with their command."
    : "This machine cannot hold shell commands. Each is compared before and after, and one that changes anything out of scope blocks the run at once: keep their writes in scope.";
}

function list(title: string, items: readonly string[]): string {
  if (items.length === 0) return "";
  const shown = items.slice(0, MAX_LISTED).map((item) => `- ${item}`);
  if (items.length > MAX_LISTED) shown.push(`- and ${items.length - MAX_LISTED} more`);
  return [`${title}:`, ...shown].join("\n");
}
