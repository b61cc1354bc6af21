import { expect, test } from "vitest";
import { flushOutbox } from "../../../shared/callback/flush.ts";
import type { CallbackPayload, Envelope } from "../../../shared/callback/payload.ts";
import { MAX_TEXT } from "../../../shared/callback/text.ts";
import { closing } from "../../lab/cleanup.ts";
import { type GatewayPolicy, startGateway } from "../../lab/openclaw-gateway.ts";
import { FAST, makeProject, TOKEN } from "./outgoing.ts";

const ENVELOPE: Envelope = {
  task_id: "add-retry",
  run_id: "r20261121T093012-1a2b3c",
  agent_id: "build",
  requested_agent_id: "build",
  resolved_agent_id: "build",
  session_key: "hook:opencode:build:add-retry",
  origin_session_key: "none",
  callback_target_session_key: "none",
  project_id: "project-1",
  repo_root: "/repo",
  opencode_server_url: "",
};
const from = (key: string, more: Partial<Envelope> = {}): Envelope => ({
  ...ENVELOPE,
  origin_session_key: key,
  callback_target_session_key: key,
  ...more,
});

/** Sends one callback to a gateway. @returns the gateway, and what became of the callback's target */
async function call(
  envelope: Envelope,
  policy: Partial<GatewayPolicy> = {},
  more: Partial<CallbackPayload> = {},
) {
  const project = makeProject();
  const gateway = closing(
    await startGateway({
      token: TOKEN,
      allowRequestSessionKey: true,
      allowedSessionKeyPrefixes: ["hook:", "agent:"],
      ...policy,
    }),
  );
  const env = project.knowing(gateway.url);
  project.put("c1", env, { envelope, ...more });
  const { entries } = await flushOutbox(project.root, { env, policy: FAST });
  return { gateway, target: entries[0]?.targets[0], project, env };
}

test("a caller that is no OpenClaw session is told in the task's hook session, with the fields that exist", async () => {
  for (const envelope of [
    ENVELOPE,
    from("claude:s1", { origin_session_id: "s1", callback_target_session_id: "s1" }),
  ]) {
    const { gateway, target } = await call(envelope, { allowedSessionKeyPrefixes: ["hook:"] });
    expect(target).toMatchObject({ state: "delivered", attempts: 1 });
    expect(gateway.runs).toEqual([
      {
        message: expect.stringContaining("add-retry"),
        name: "Handrail",
        agentId: "build",
        sessionKey: "hook:opencode:build:add-retry",
        idempotencyKey: "c1",
        wakeMode: "now",
        deliver: false,
      },
    ]);
    expect(gateway.received[0]?.headers["idempotency-key"]).toBe("c1");
    expect(gateway.received[0]?.body).not.toContain("sessionId");
    expect(gateway.wakes).toEqual([]);
  }
});

test("an OpenClaw session that asked is told itself, as its own agent, where it said", async () => {
  const { gateway } = await call(
    from("agent:creator:telegram:direct:516", { channel: "telegram", to: "516", deliver: true }),
  );
  expect(gateway.runs).toMatchObject([
    {
      sessionKey: "agent:creator:telegram:direct:516",
      agentId: "creator",
      channel: "telegram",
      to: "516",
      deliver: true,
    },
  ]);
});

test.each<[string, Envelope, Partial<GatewayPolicy>, string]>([
  ["refuses every session key", ENVELOPE, { allowRequestSessionKey: false }, "sessionKey is disabled"],
  [
    "does not admit its prefix",
    from("agent:a:b"),
    { allowedSessionKeyPrefixes: ["hook:"] },
    "sessionKey must start",
  ],
  ["does not allow its agent", ENVELOPE, { allowedAgentIds: [] }, "agentId is not allowed"],
  ["has another token", ENVELOPE, { token: "another" }, "HTTP 401"],
])(
  "a gateway that %s: failed, with its reason, and sent to nobody else",
  async (_what, envelope, policy, reason) => {
    const { gateway, target } = await call(envelope, policy);
    expect(target).toMatchObject({ state: "failed", attempts: 1, error: expect.stringContaining(reason) });
    expect(gateway.runs).toEqual([]);
    expect(gateway.received).toHaveLength(1);
  },
);

test("an answer that is lost is asked for again under the same key: one run", async () => {
  const { gateway, target } = await call(ENVELOPE, {
    meddle: (_request, response, nth) => nth === 1 && Boolean(response.destroy()),
  });
  expect(target).toMatchObject({ state: "delivered", attempts: 2 });
  expect(gateway.runs).toHaveLength(1);
});

test("a 202 without JSON is success, too", async () => {
  const { target } = await call(ENVELOPE, {
    meddle: (_request, response) => Boolean(response.writeHead(202).end("accepted")),
  });
  expect(target).toMatchObject({ state: "delivered" });
});

test("the main session is roused only for what is urgent, and only after the callback was taken", async () => {
  const urgent = { ...ENVELOPE, priority: "high" };
  const { gateway } = await call(urgent);
  expect(gateway.received.map((one) => one.path)).toEqual(["/hooks/agent", "/hooks/wake"]);
  expect(gateway.wakes).toEqual([{ text: expect.stringContaining("add-retry"), mode: "now" }]);
  const refused = await call(urgent, { token: "another" });
  expect(refused.gateway.received.map((one) => one.path)).toEqual(["/hooks/agent"]);
  const sleepy = await call(urgent, {
    meddle: (request, response) => request.path === "/hooks/wake" && Boolean(response.writeHead(500).end()),
  });
  expect(sleepy.target).toMatchObject({ state: "delivered", attempts: 1 });
});

test("a huge turn fits into the gateway's limits", async () => {
  const { gateway, target } = await call(
    ENVELOPE,
    {},
    {
      changes: Array.from({ length: 20_000 }, (_, n) => ({
        path: `src/${"long-".repeat(20)}${n}.ts`,
        status: "added",
        inScope: true,
        by: "executor" as const,
      })),
    },
  );
  expect(target).toMatchObject({ state: "delivered" });
  expect(gateway.runs[0]?.message.length).toBeLessThanOrEqual(MAX_TEXT);
});
