import * as z from "zod/mini";
import { isOpenClawPath } from "./target.ts";

/** The part of OpenClaw's `hooks` configuration that decides about `POST /hooks/agent` (docs: config-hooks). */
export const hookPolicySchema = z.object({
  /** Where it is false there is no such endpoint. */
  enabled: z.optional(z.boolean()),
  /** `/hooks` by default. */
  path: z.optional(z.string()),
  /** Absent or with `*`: every agent; empty: none. */
  allowedAgentIds: z.optional(z.array(z.string())),
  /** Whose turn it is when a request names no agent. */
  defaultAgentId: z.optional(z.string()),
  /** The configured agents, where they are known: any other name is refused. */
  agentIds: z.optional(z.array(z.string())),
  /** false by default: then a request may not name a session. */
  allowRequestSessionKey: z.optional(z.boolean()),
  /** Absent or blank: no restriction. */
  allowedSessionKeyPrefixes: z.optional(z.array(z.string())),
  defaultSessionKey: z.optional(z.string()),
  maxBodyBytes: z.optional(z.number()),
});
export type HookPolicy = z.infer<typeof hookPolicySchema>;

/** What would be sent. */
export interface HookRequest {
  agentId?: string | undefined;
  sessionKey?: string | undefined;
  bytes: number;
  /** Whether there is a token to send. */
  token: boolean;
  /** Path of the address, where it is known. */
  path?: string | undefined;
}

/** Why a gateway would refuse, and which setting would change that. */
export interface HookProblem {
  field: keyof HookPolicy | "token";
  /** The HTTP status it would answer with; absent where the gateway would not even start its hooks. */
  status?: number;
  message: string;
  fix: string;
}

/** What the gateway makes of a hook when its configuration says nothing else, in bytes. */
const MAX_BODY_BYTES = 256 * 1024;

/**
 * What a gateway with this policy makes of a request, in the order in which it looks.
 * Source: OpenClaw `src/gateway/hooks.ts`, `docs/gateway/config-hooks.md`.
 * @returns empty when it would be accepted; the first entry is what the gateway would answer
 */
export function checkHookPolicy(policy: HookPolicy, request: HookRequest): HookProblem[] {
  return [
    ...endpoint(policy, request),
    ...access(policy, request),
    ...agent(policy, request),
    ...session(policy, request),
  ];
}

function endpoint(policy: HookPolicy, { path }: HookRequest): HookProblem[] {
  const problems: HookProblem[] = [];
  if (policy.enabled === false) {
    problems.push({
      field: "enabled",
      status: 404,
      message: "hooks are switched off",
      fix: "hooks.enabled: true",
    });
  }
  const wanted = `${hooksPath(policy)}/agent`;
  if (path !== undefined && path.replace(/\/+$/, "") !== wanted) {
    problems.push({
      field: "path",
      status: 404,
      message: `the callback address ends in ${JSON.stringify(path.slice(0, 80))}, the gateway listens at ${wanted}`,
      fix: `end HANDRAIL_CALLBACK_URL in ${wanted}`,
    });
  }
  if (!isOpenClawPath(wanted)) {
    problems.push({
      field: "path",
      status: 400,
      message: `Handrail knows a gateway by an address that ends in /hooks/agent, and this one listens at ${wanted}`,
      fix: "end hooks.path in /hooks",
    });
  }
  // Without a default key the gateway makes up `hook:<uuid>`, and does not start when that is not admitted.
  const prefixes = prefixesOf(policy);
  const fallback = policy.defaultSessionKey?.trim() || "hook:example";
  if (prefixes.length > 0 && !admits(prefixes, fallback)) {
    problems.push({
      field: "allowedSessionKeyPrefixes",
      message: `the gateway does not start its hooks: no prefix admits ${policy.defaultSessionKey ? "hooks.defaultSessionKey" : "hook:"}`,
      fix: 'add "hook:" to hooks.allowedSessionKeyPrefixes',
    });
  }
  return problems;
}

function access(policy: HookPolicy, { token, bytes }: HookRequest): HookProblem[] {
  const problems: HookProblem[] = [];
  if (!token) {
    problems.push({
      field: "token",
      status: 401,
      message: "there is no token to send",
      fix: "export HANDRAIL_CALLBACK_TOKEN, the gateway's hooks.token, where Handrail runs",
    });
  }
  const most = policy.maxBodyBytes && policy.maxBodyBytes > 0 ? policy.maxBodyBytes : MAX_BODY_BYTES;
  if (bytes > most) {
    problems.push({
      field: "maxBodyBytes",
      status: 413,
      message: `the request has ${bytes} bytes; the gateway takes ${most}`,
      fix: "send less",
    });
  }
  return problems;
}

function agent(policy: HookPolicy, { agentId }: HookRequest): HookProblem[] {
  const wanted = normal(agentId) || normal(policy.defaultAgentId) || "main";
  const known = policy.agentIds?.map(normal);
  if (known && agentId !== undefined && !known.includes(wanted)) {
    return [
      {
        field: "agentIds",
        status: 400,
        message: `the gateway has no agent ${JSON.stringify(wanted)}`,
        fix: `name one of ${known.join(", ")}`,
      },
    ];
  }
  const allowed = policy.allowedAgentIds?.map(normal);
  if (!allowed || allowed.includes("*") || allowed.includes(wanted)) return [];
  return [
    {
      field: "allowedAgentIds",
      status: 400,
      message: `agent ${JSON.stringify(wanted)} is not in hooks.allowedAgentIds`,
      fix: `add ${JSON.stringify(wanted)} to hooks.allowedAgentIds, or call back to an agent that is there`,
    },
  ];
}

function session(policy: HookPolicy, request: HookRequest): HookProblem[] {
  const key = request.sessionKey?.trim();
  if (!key) return [];
  const problems: HookProblem[] = [];
  if (policy.allowRequestSessionKey !== true) {
    problems.push({
      field: "allowRequestSessionKey",
      status: 400,
      message: "the gateway takes no session key from a request",
      fix: "hooks.allowRequestSessionKey: true",
    });
  }
  const prefixes = prefixesOf(policy);
  if (prefixes.length > 0 && !admits(prefixes, key)) {
    problems.push({
      field: "allowedSessionKeyPrefixes",
      status: 400,
      message: `no prefix in hooks.allowedSessionKeyPrefixes admits ${JSON.stringify(key.slice(0, 80))}`,
      fix: `add ${JSON.stringify(`${key.split(":")[0]}:`)} to hooks.allowedSessionKeyPrefixes`,
    });
  }
  return problems;
}

/** A leading slash is added and those at the end are removed. */
function hooksPath(policy: HookPolicy): string {
  const path = (policy.path?.trim() || "/hooks").replace(/\/+$/, "");
  return path.startsWith("/") ? path : `/${path}`;
}

function prefixesOf(policy: HookPolicy): string[] {
  return (policy.allowedSessionKeyPrefixes ?? []).map(normal).filter(Boolean);
}

function admits(prefixes: readonly string[], key: string): boolean {
  return prefixes.some((prefix) => normal(key).startsWith(prefix));
}

function normal(text: string | undefined): string {
  return text?.trim().toLowerCase() ?? "";
}
