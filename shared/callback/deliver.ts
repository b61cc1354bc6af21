import { Agent } from "undici";
import { agentHook, wakeHook, wakeUrl } from "./openclaw.ts";
import { putInto } from "./outbox.ts";
import { afterOutcome, type Outcome, type TargetState } from "./outcome.ts";
import type { CallbackPayload } from "./payload.ts";
import type { DeliveryPolicy } from "./policy.ts";
import { post } from "./post.ts";
import type { Redact } from "./redact.ts";
import { resume } from "./resume.ts";
import { type Address, readTarget, resolveTarget } from "./target.ts";

/** What the attempts of one process have in common. */
export interface Delivery {
  env: NodeJS.ProcessEnv;
  policy: DeliveryPolicy;
  redact: Redact;
  dispatcher: Agent;
  /** Ends an attempt under way. */
  signal?: AbortSignal | undefined;
}

/** The connections of one process; to be destroyed by whoever made them. */
export function createDispatcher(policy: DeliveryPolicy): Agent {
  return new Agent({
    connect: { timeout: policy.connectMs },
    headersTimeout: policy.totalMs,
    bodyTimeout: policy.totalMs,
    maxResponseSize: policy.maxResponseBytes,
  });
}

/**
 * Tries one target once. The idempotency key is the callback's id, over all attempts and all processes.
 * @returns the target as it is afterwards. Where this process has not got what the target needs there was
 *   no attempt, and the target says what it waits for
 */
export async function attempt(
  state: TargetState,
  payload: CallbackPayload,
  delivery: Delivery,
): Promise<TargetState> {
  const { policy, redact } = delivery;
  const known = readTarget(state.target);
  if (!known) return { ...state, state: "failed", error: "a kind of target that this version does not know" };
  if (known.kind === "inbox") return afterOutcome(state, putInto(known.place, payload), policy, redact);
  if (known.kind === "resume") return resume(state, known.place, payload.callback_id, delivery);
  const resolved = resolveTarget(state, delivery.env);
  if (!resolved.ok) return { ...state, error: resolved.reason };
  const outcome =
    known.kind === "openclaw"
      ? await callAgent(resolved.address, payload, delivery)
      : await send(resolved.address, payload.callback_id, payload, delivery);
  return afterOutcome(state, outcome, policy, redact);
}

async function callAgent(address: Address, payload: CallbackPayload, delivery: Delivery): Promise<Outcome> {
  const outcome = await send(address, payload.callback_id, agentHook(payload), delivery);
  const wake = outcome.kind === "delivered" ? wakeHook(payload) : undefined;
  // It only rouses. Whether that works changes nothing for the callback, which has been taken.
  if (wake) {
    await send({ ...address, url: wakeUrl(address.url) }, `${payload.callback_id}-wake`, wake, delivery);
  }
  return outcome;
}

function send(
  { url, authorization }: Address,
  key: string,
  body: object,
  { dispatcher, policy, signal }: Delivery,
): Promise<Outcome> {
  const headers = { "idempotency-key": key, ...(authorization ? { authorization } : {}) };
  return post({ url, headers, body: JSON.stringify(body), dispatcher, policy, signal });
}
