import * as z from "zod/mini";
import { quote } from "../scope/quote.ts";
import { packetArtifacts } from "../task/artifacts.ts";
import type { Language } from "../text/language.ts";
import { WORDS } from "../text/language.ts";
import type { RunRecord } from "./record.ts";

const pairSchema = z.object({
  requested: z.nullable(z.string()),
  /** What OpenCode resolved; null while it has not said so. */
  resolved: z.nullable(z.string()),
  fallback: z.boolean(),
});

/** What has to be reported when work was handed over (requirements, opencode-orchestration). */
export const handoffSchema = z.object({
  lane: z.enum(["cli", "serve"]),
  /** The same in the requirements' words. */
  path: z.enum(["direct", "bridge"]),
  run_id: z.string(),
  task_id: z.string(),
  /** The task file or packet, and what lies beside it. */
  packet: z.nullable(z.string()),
  artifacts: z.array(z.string()),
  project_id: z.string(),
  repo_root: z.string(),
  opencode_server_url: z.nullable(z.string()),
  /** What became of the server when the run was over, and why it stays; null before that, and in lane `cli`. */
  server_after: z.nullable(
    z.object({ state: z.enum(["stopped", "running"]), reason: z.optional(z.string()) }),
  ),
  scope_claim: z.object({ files: z.array(z.string()), modules: z.array(z.string()) }),
  /** Whether the session that asked is called back, and how. */
  callback: z.object({
    expected: z.boolean(),
    session_key: z.nullable(z.string()),
    session_id: z.nullable(z.string()),
    address: z.nullable(z.string()),
  }),
  agent: pairSchema,
  model: pairSchema,
});
export type Handoff = z.infer<typeof handoffSchema>;

/** The report of a handover, from the run's record alone. */
export function handoffOf(record: RunRecord): Handoff {
  const { envelope, origin, spec, lane } = record;
  const asked = origin.session_key !== undefined || origin.session_id !== undefined;
  const resolved = record.turn > 0;
  return {
    lane,
    path: lane === "serve" ? "bridge" : "direct",
    run_id: record.run_id,
    task_id: spec.packet?.task_id ?? record.task_id,
    packet: record.task_file ?? null,
    artifacts: spec.packet && record.task_file ? packetArtifacts(record.task_file, record.root) : [],
    project_id: envelope?.project_id ?? "",
    repo_root: record.root,
    opencode_server_url: envelope?.opencode_server_url || null,
    server_after: record.server_after ?? null,
    scope_claim: { files: spec.scope.allow, modules: spec.packet?.scope.module_boundaries ?? [] },
    callback: {
      expected: asked || origin.callback !== undefined,
      session_key: asked ? (envelope?.callback_target_session_key ?? null) : null,
      session_id: envelope?.callback_target_session_id ?? null,
      address: origin.callback?.target ?? null,
    },
    agent: pair(record.asked?.agent, resolved ? envelope?.resolved_agent_id : undefined),
    model: pair(record.asked?.model, resolved ? record.model : undefined),
  };
}

function pair(requested: string | undefined, resolved: string | undefined): Handoff["agent"] {
  return {
    requested: requested ?? null,
    resolved: resolved ?? null,
    fallback: requested !== undefined && resolved !== undefined && requested !== resolved,
  };
}

/** The same as one short text. */
export function handoffText(handoff: Handoff, language: Language = "en"): string {
  const words = WORDS[language];
  const used = (one: Handoff["agent"]) => {
    const name = one.resolved ?? one.requested;
    if (name === null) return words.openCodesChoice;
    if (one.fallback) return `${quote(name, 60)} (${words.insteadOf} ${quote(one.requested ?? "", 60)})`;
    return quote(name, 60);
  };
  const { callback } = handoff;
  const to = callback.session_id ?? callback.session_key ?? callback.address;
  return [
    `${words.handedOver} ${quote(handoff.task_id, 60)}: ${words.lane[handoff.lane]}, ${words.run} ${handoff.run_id}.`,
    `${words.packet}: ${handoff.packet === null ? words.none : quote(handoff.packet, 100)}${handoff.artifacts.map((one) => `, ${quote(one, 100)}`).join("")}.`,
    `${words.project}: ${quote(handoff.repo_root, 120)}${handoff.opencode_server_url === null ? "" : `, ${words.server} ${handoff.opencode_server_url}${after(handoff, words)}`}.`,
    `${words.agent}: ${used(handoff.agent)}; ${words.model}: ${used(handoff.model)}.`,
    `${words.callback}: ${callback.expected ? `${words.expected}${to === null ? "" : ` (${quote(to, 80)})`}` : words.notExpected}.`,
  ].join("\n");
}

function after({ server_after: server }: Handoff, words: (typeof WORDS)[Language]): string {
  if (server === null) return "";
  if (server.state === "stopped") return ` (${words.serverStopped})`;
  return ` (${words.serverStays}${server.reason === undefined ? "" : `: ${quote(server.reason, 100)}`})`;
}
