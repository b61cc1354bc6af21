import type { Config } from "../shared/config/config.ts";
import type { RunRecord } from "../shared/run/record.ts";
import { packetArtifacts } from "../shared/task/artifacts.ts";
import { LANGUAGE_RULE } from "../shared/text/language.ts";
import { MISSING_CONTEXT } from "./give-up.ts";

/**
 * What the executor of a coding packet is told besides its scope: what it works from, what it must not decide,
 * and how it reports.
 */
export function packetBriefing({ spec, task_file, root }: RunRecord, config: Config): string[] {
  const { packet } = spec;
  if (!packet) return [];
  const artifacts = task_file === undefined ? [] : packetArtifacts(task_file, root);
  return [
    `This is coding packet ${packet.task_id} (${packet.workstream}), owned by ${packet.owner_agent}. It is the only source of what to do: read no tracker (Jira or other) for it, and deploy nothing.`,
    artifacts.length > 0 ? `Read first, and do not change: ${artifacts.join(", ")}.` : "",
    packet.acceptance?.length
      ? `Acceptance criteria, which are not yours to change:\n${packet.acceptance.map((one) => `- ${one}`).join("\n")}`
      : "",
    spec.validation.length > 0
      ? `When you are finished, these run by themselves and decide whether it is done:\n${spec.validation.map((one) => `- ${one}`).join("\n")}`
      : "",
    "Keep your list of steps up to date (todowrite): each step that is done is reported as a checkpoint.",
    "Skills: use those that fit; where the packet names a workflow, follow that one. A skill of this project goes before one of the same name for all projects.",
    `If context is missing that you cannot find in the repository, do not guess: end your answer with a line "${MISSING_CONTEXT} <what is missing>". Whoever ordered the work then decides.`,
    LANGUAGE_RULE[config.language] ?? "",
  ].filter(Boolean);
}
