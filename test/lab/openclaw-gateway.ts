import type { ServerResponse } from "node:http";
import * as z from "zod/mini";
import { type Endpoint, type Received, startEndpoint } from "./endpoint.ts";

/** OpenClaw's hook policy, as it documents it (docs/gateway/config-hooks.md). */
export interface GatewayPolicy {
  token: string;
  /** Absent, or with `*`: all. */
  allowedAgentIds?: string[];
  defaultAgentId?: string;
  /** The configured agents; absent: any name is one. */
  agentIds?: string[];
  allowRequestSessionKey?: boolean;
  /** In any case of letters; absent or blank: no restriction. */
  allowedSessionKeyPrefixes?: string[];
  defaultSessionKey?: string;
  maxBodyBytes?: number;
  path?: string;
  enabled?: boolean;
  /** Does to the answer what a test wants, after the request was judged. @returns whether it answered itself */
  meddle?: (request: Received, response: ServerResponse, nth: number) => boolean;
}

export interface Gateway extends Endpoint {
  /** The address for HANDRAIL_CALLBACK_URL. */
  url: string;
  /** What an agent was really run for: each idempotency key once. */
  runs: z.infer<typeof bodySchema>[];
  wakes: unknown[];
}

const MAX_BYTES = 256 * 1024;
const bodySchema = z.strictObject({
  message: z.string().check(z.trim(), z.minLength(1)),
  name: z.optional(z.string()),
  agentId: z.optional(z.string()),
  sessionKey: z.optional(z.string()),
  sessionMode: z.optional(z.enum(["isolated", "persistent"])),
  idempotencyKey: z.optional(z.string().check(z.maxLength(256))),
  waitForCompletion: z.optional(z.boolean()),
  wakeMode: z.optional(z.enum(["now", "next-heartbeat"])),
  deliver: z.optional(z.boolean()),
  channel: z.optional(z.string()),
  to: z.optional(z.string()),
  model: z.optional(z.string()),
  thinking: z.optional(z.string()),
  timeoutSeconds: z.optional(z.number()),
});

/** A gateway that is stricter than OpenClaw: what it does not know is an error. */
export async function startGateway(policy: GatewayPolicy): Promise<Gateway> {
  const runs: Gateway["runs"] = [];
  const wakes: unknown[] = [];
  const seen = new Map<string, string>();
  const endpoint = await startEndpoint((request, response, nth) => {
    const { status, body } = judge(request);
    if (policy.meddle?.(request, response, nth)) return;
    response.writeHead(status, { "content-type": "application/json" }).end(body);
  });

  const base = `/${(policy.path ?? "/hooks").replace(/^\/+|\/+$/g, "")}`;
  const prefixes = (policy.allowedSessionKeyPrefixes ?? []).map((one) => one.trim()).filter(Boolean);
  const admitted = (key: string) =>
    prefixes.length === 0 || prefixes.some((one) => key.toLowerCase().startsWith(one.toLowerCase()));
  // Such a configuration is an error at OpenClaw's start: its hooks are not there then.
  const up = policy.enabled !== false && admitted(policy.defaultSessionKey ?? "hook:1");

  function judge(request: Received): { status: number; body: string } {
    if (!up) return { status: 404, body: "Not Found" };
    if (request.path.includes("token=")) return { status: 400, body: "token in the query" };
    const given =
      request.headers.authorization?.replace(/^Bearer /, "") ?? request.headers["x-openclaw-token"];
    if (given !== policy.token) return { status: 401, body: "Unauthorized" };
    if (request.method !== "POST") return { status: 405, body: "Method Not Allowed" };
    if (Buffer.byteLength(request.body) > (policy.maxBodyBytes ?? MAX_BYTES))
      return { status: 413, body: "payload too large" };
    if (request.path === `${base}/wake`) {
      wakes.push(JSON.parse(request.body));
      return { status: 200, body: '{"ok":true}' };
    }
    if (request.path !== `${base}/agent`) return { status: 404, body: "Not Found" };
    const parsed = bodySchema.safeParse(JSON.parse(request.body));
    if (!parsed.success) return { status: 400, body: parsed.error.issues[0]?.message ?? "bad" };
    const hook = parsed.data;
    const agent = (hook.agentId ?? policy.defaultAgentId ?? "main").trim().toLowerCase();
    if (hook.agentId !== undefined && policy.agentIds && !policy.agentIds.includes(agent)) {
      return { status: 400, body: "agentId must name a configured agent" };
    }
    if (policy.allowedAgentIds && !policy.allowedAgentIds.some((one) => one === "*" || one === agent)) {
      return { status: 400, body: "agentId is not allowed by hooks.allowedAgentIds" };
    }
    if (hook.sessionKey !== undefined && !policy.allowRequestSessionKey) {
      return { status: 400, body: "sessionKey is disabled for external /hooks/agent payloads" };
    }
    if (hook.sessionKey !== undefined && !admitted(hook.sessionKey)) {
      return { status: 400, body: `sessionKey must start with one of: ${prefixes.join(", ")}` };
    }
    const header = request.headers["idempotency-key"];
    const key =
      (typeof header === "string" && header.length <= 256 ? header : undefined) ?? hook.idempotencyKey;
    const known = key === undefined ? undefined : seen.get(key);
    const runId = known ?? `run-${runs.push(hook)}`;
    if (key !== undefined) seen.set(key, runId);
    return { status: 200, body: JSON.stringify({ ok: true, runId }) };
  }

  return { ...endpoint, url: `${endpoint.origin}${base}/agent`, runs, wakes };
}
