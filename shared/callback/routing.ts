import { isAbsolute } from "node:path";
import { HandrailError } from "../errors.ts";
import type { Envelope } from "./payload.ts";

/** Stands in the envelope of a run that nobody asked for from a session. */
export const NO_CALLER = "none";

/**
 * The envelope once the host has said which agent does the work.
 * @param asked the agent that was asked for by name; where none was, the one that works is the right one
 */
export function resolveAgent(envelope: Envelope, resolved: string, asked: string | undefined): Envelope {
  return {
    ...envelope,
    agent_id: resolved,
    requested_agent_id: asked ?? resolved,
    resolved_agent_id: resolved,
    session_key: hookSessionKey(resolved, envelope.task_id),
  };
}

const CLAUDE = "claude:";

/** The key of the session that asked, from what the origin told of itself. */
export function callerKey(origin: {
  session_key?: string | undefined;
  session_id?: string | undefined;
}): string {
  return origin.session_key || (origin.session_id ? `${CLAUDE}${origin.session_id}` : NO_CALLER);
}

/** Whether a key names a session of OpenClaw's; a Claude Code session, or nobody, has no such key. */
export function isOpenClawKey(key: string): boolean {
  return bare(key) !== "" && !key.startsWith(CLAUDE);
}

/** One thing that is wrong with an envelope. */
export interface RoutingProblem {
  /** The envelope's field, in the requirements' name. */
  field: keyof Envelope;
  message: string;
}

/**
 * The key of the session that works on a task: `hook:opencode:<agentId>:<taskId>` (requirements,
 * opencode-orchestration: session key convention). The only place that makes it.
 */
export function hookSessionKey(agentId: string, taskId: string): string {
  return `hook:opencode:${agentId}:${taskId}`;
}

/** Whether another agent does the work than the one that was asked for. */
export function usedFallback(envelope: Envelope): boolean {
  return envelope.requested_agent_id !== envelope.resolved_agent_id;
}

const ALWAYS = [
  "task_id",
  "run_id",
  "agent_id",
  "requested_agent_id",
  "resolved_agent_id",
  "session_key",
  "project_id",
  "repo_root",
] as const satisfies (keyof Envelope)[];
const FOR_CALLBACK = [
  "origin_session_key",
  "callback_target_session_key",
] as const satisfies (keyof Envelope)[];

/**
 * Whether a callback of this run would reach the session that asked, and nobody else.
 * @param options.expectCallback a session waits for it: who that is must be told
 * @param options.expectServer the run needs a server (lane `serve`): its URL must be told
 * @returns what is missing or inconsistent; empty when the routing holds
 */
export function checkRouting(
  envelope: Envelope,
  options: { expectCallback: boolean; expectServer?: boolean },
): RoutingProblem[] {
  const required = [
    ...ALWAYS,
    ...(options.expectCallback ? FOR_CALLBACK : []),
    ...(options.expectServer ? (["opencode_server_url"] as const) : []),
  ];
  const missing = required.filter((field) => !told(envelope[field]));
  return [
    ...missing.map((field) => ({ field, message: `${field} is missing` })),
    ...inconsistencies(envelope).filter((problem) => !missing.some((field) => field === problem.field)),
  ];
}

/** @throws HandrailError `routing` that names every problem, before anything is started */
export function requireRouting(
  envelope: Envelope,
  options: { expectCallback: boolean; expectServer?: boolean },
): void {
  const problems = checkRouting(envelope, options);
  if (problems.length === 0) return;
  throw new HandrailError(
    "routing",
    `the callback could not be routed: ${problems.map(({ message }) => message).join("; ")}`,
    {
      fix: "name the agent as OpenCode does, and give the caller's HANDRAIL_ORIGIN_SESSION_KEY and HANDRAIL_ORIGIN_SESSION_ID",
    },
  );
}

function inconsistencies(envelope: Envelope): RoutingProblem[] {
  const problems: RoutingProblem[] = [];
  const unless = (holds: boolean, field: keyof Envelope, message: string) => {
    if (!holds) problems.push({ field, message });
  };
  const { requested_agent_id: requested, resolved_agent_id: resolved, agent_id: agent } = envelope;
  unless(
    !usedFallback(envelope),
    "resolved_agent_id",
    `agent ${shown(requested)} was asked for, and ${shown(resolved)} would do the work (a fallback)`,
  );
  unless(
    agent === resolved,
    "agent_id",
    `agent_id ${shown(agent)} is not the resolved agent ${shown(resolved)}`,
  );
  const key = hookSessionKey(agent, envelope.task_id);
  unless(envelope.session_key === key, "session_key", `session_key is not ${shown(key)}`);
  unless(
    bare(envelope.origin_session_key) === bare(envelope.callback_target_session_key),
    "callback_target_session_key",
    "callback_target_session_key is not the session that asked (origin_session_key)",
  );
  unless(
    bare(envelope.origin_session_id) === bare(envelope.callback_target_session_id),
    "callback_target_session_id",
    "callback_target_session_id is not the session that asked (origin_session_id)",
  );
  unless(
    !told(envelope.origin_session_id) || told(envelope.origin_session_key),
    "origin_session_key",
    "there is an origin_session_id, and no origin_session_key",
  );
  unless(isAbsolute(envelope.repo_root), "repo_root", "repo_root is no absolute path");
  unless(
    !told(envelope.opencode_server_url) || /^https?:\/\//.test(envelope.opencode_server_url),
    "opencode_server_url",
    "opencode_server_url is no http address",
  );
  return problems;
}

function told(value: string | boolean | undefined): boolean {
  return typeof value === "string" && bare(value) !== "";
}

/** "Nobody" is spelt in several ways; all are the same. */
function bare(value: string | undefined): string {
  const text = value?.trim() ?? "";
  return text === NO_CALLER ? "" : text;
}

function shown(value: string): string {
  return JSON.stringify(value.slice(0, 80));
}
