import { onTestFinished, vi } from "vitest";
import { putOutbox } from "../../../shared/callback/outbox.ts";
import type { CallbackPayload } from "../../../shared/callback/payload.ts";
import { DELIVERY, type DeliveryPolicy } from "../../../shared/callback/policy.ts";
import { targetFromEnv } from "../../../shared/callback/target.ts";
import { closing } from "../../lab/cleanup.ts";
import { makeSandbox } from "../../lab/sandbox.ts";
import { samplePayload } from "./sample.ts";

/** Delivery as it is, but in milliseconds. */
export const FAST: DeliveryPolicy = {
  ...DELIVERY,
  attempts: 3,
  budgetMs: 20_000,
  connectMs: 2_000,
  totalMs: 2_000,
  baseWaitMs: 5,
  maxWaitMs: 50,
};

export const TOKEN = "tok-5ecretValue.42";

/** A project with a state folder of its own, which this process and its children use. */
export function makeProject() {
  const sandbox = closing(makeSandbox());
  vi.stubEnv("HANDRAIL_STATE_DIR", sandbox.state);
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
  const root = `${sandbox.dir}/project`;
  return {
    ...sandbox,
    root,
    /** The environment of a process that knows the address and the token. */
    knowing: (url: string, token = TOKEN): NodeJS.ProcessEnv => ({
      ...sandbox.env,
      HANDRAIL_CALLBACK_URL: url,
      HANDRAIL_CALLBACK_TOKEN: token,
    }),
    /** Puts a callback for the environment's address into the outbox. */
    put: (id: string, env: NodeJS.ProcessEnv, more: Partial<CallbackPayload> = {}) =>
      putOutbox(root, samplePayload(id, more), { callback: targetFromEnv(env) }, env),
  };
}
