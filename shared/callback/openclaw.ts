import type { CallbackPayload } from "./payload.ts";
import { isOpenClawKey } from "./routing.ts";
import { callbackText } from "./text.ts";

/** The fields of `POST /hooks/agent` that Handrail uses. There is no `sessionId` (facts/protocols: OpenClaw). */
export interface AgentHook {
  message: string;
  name: string;
  agentId?: string;
  sessionKey?: string;
  idempotencyKey: string;
  wakeMode: "now" | "next-heartbeat";
  deliver: boolean;
  channel?: string;
  to?: string;
}

/**
 * What OpenClaw is told of a finished turn. The session is the one that asked: a key of OpenClaw's, where
 * the origin gave one. A caller that is no OpenClaw session (Claude Code, or nobody) has none; then it is the
 * task's own hook session, `hook:opencode:<agentId>:<taskId>`.
 */
export function agentHook(payload: CallbackPayload): AgentHook {
  const { envelope } = payload;
  const target = envelope?.callback_target_session_key ?? "";
  const sessionKey = isOpenClawKey(target) ? target : envelope?.session_key;
  // A key `agent:<id>:...` names the agent whose session it is; another agentId would contradict it.
  const agentId = /^agent:([^:]+):/.exec(sessionKey ?? "")?.[1] ?? envelope?.agent_id;
  return {
    message: callbackText(payload),
    name: "Handrail",
    ...(agentId ? { agentId } : {}),
    ...(sessionKey ? { sessionKey } : {}),
    idempotencyKey: payload.callback_id,
    wakeMode: "now",
    // OpenClaw's own default posts the answer to a chat; nobody asked for that.
    deliver: envelope?.deliver ?? false,
    ...(envelope?.channel ? { channel: envelope.channel } : {}),
    ...(envelope?.to ? { to: envelope.to } : {}),
  };
}

/** `/hooks/wake`, beside `/hooks/agent`: only rouses the main session, so only ever after the callback itself. */
export function wakeHook(payload: CallbackPayload): { text: string; mode: "now" } | undefined {
  if (!/^(high|urgent)$/i.test(payload.envelope?.priority ?? "")) return undefined;
  return {
    text: `Handrail: run ${payload.run_id} of task ${payload.task_id}: ${payload.state}`,
    mode: "now",
  };
}

export function wakeUrl(agentUrl: URL): URL {
  const url = new URL(agentUrl);
  url.pathname = url.pathname.replace(/\/agent\/?$/, "/wake");
  return url;
}
