import * as z from "zod";
import { NO_CALLER, usedFallback } from "../../shared/callback/routing.ts";
import { readTarget } from "../../shared/callback/target.ts";
import type { RunRecord } from "../../shared/run/record.ts";

export const handoffOut = {
  lane: z.enum(["cli", "serve"]),
  packet: z.string(),
  project_id: z.string(),
  repo_root: z.string(),
  opencode_server_url: z.string(),
  requested_agent: z.string(),
  resolved_agent: z.string(),
  fallback_used: z.boolean(),
  callback_expected: z.boolean(),
  callback_target_session_key: z.string(),
  callback_target_session_id: z.string().optional(),
  /** Where the callback goes: the session's inbox, an address, or the project's own inbox. */
  callback_via: z.array(z.enum(["session inbox", "openclaw", "http", "project inbox"])),
};

/** What an outer agent reports after a handoff, from the run's record. */
export function handoffOf(run: RunRecord) {
  const { envelope, origin } = run;
  const kind = origin.callback && readTarget(origin.callback.target)?.kind;
  const via = [
    ...(origin.inbox ? (["session inbox"] as const) : []),
    ...(kind === "openclaw" || kind === "http" ? [kind] : []),
  ];
  const key = envelope?.callback_target_session_key ?? NO_CALLER;
  return {
    lane: run.lane,
    packet: run.task_file ?? "",
    project_id: envelope?.project_id ?? "",
    repo_root: run.root,
    opencode_server_url: envelope?.opencode_server_url ?? "",
    requested_agent: envelope?.requested_agent_id ?? "",
    resolved_agent: envelope?.resolved_agent_id ?? "",
    fallback_used: envelope ? usedFallback(envelope) : false,
    callback_expected: via.length > 0,
    callback_target_session_key: key,
    ...(envelope?.callback_target_session_id
      ? { callback_target_session_id: envelope.callback_target_session_id }
      : {}),
    callback_via: via.length > 0 ? via : (["project inbox"] as const).slice(),
  };
}
