import * as fc from "fast-check";
import { expect, test } from "vitest";
import { flushOutbox } from "../../../shared/callback/flush.ts";
import { checkHookPolicy, type HookPolicy, type HookRequest } from "../../../shared/callback/hook-policy.ts";
import { agentHook } from "../../../shared/callback/openclaw.ts";
import { type Envelope, payloadSchema } from "../../../shared/callback/payload.ts";
import { hookSessionKey } from "../../../shared/callback/routing.ts";
import { closing } from "../../lab/cleanup.ts";
import { startGateway } from "../../lab/openclaw-gateway.ts";
import { FAST, makeProject, TOKEN } from "./outgoing.ts";
import { samplePayload } from "./sample.ts";

const OPEN: HookPolicy = { allowRequestSessionKey: true, allowedSessionKeyPrefixes: ["hook:", "agent:"] };

function envelope(key: string, agent: string): Envelope {
  return {
    task_id: "add-retry",
    run_id: "r20261121T093012-1a2b3c",
    agent_id: agent,
    requested_agent_id: agent,
    resolved_agent_id: agent,
    session_key: hookSessionKey(agent, "add-retry"),
    origin_session_key: key,
    callback_target_session_key: key,
    project_id: "project-1",
    repo_root: "/repo",
    opencode_server_url: "",
  };
}

/** A row: what it is about, the gateway's policy, who asks as which agent, and what the answer is. */
const TABLE: [string, HookPolicy, { key?: string; agent?: string }, number | "not up"][] = [
  ["everything is allowed", OPEN, {}, 200],
  ["no restriction of prefixes", { allowRequestSessionKey: true }, {}, 200],
  ["a list of blanks restricts nothing", { ...OPEN, allowedSessionKeyPrefixes: ["", "  "] }, {}, 200],
  [
    "prefixes in another case of letters",
    { ...OPEN, allowedSessionKeyPrefixes: [" HOOK:OpenCode: ", "hook:"] },
    {},
    200,
  ],
  ["the caller's own session", OPEN, { key: "agent:creator:telegram:1" }, 200],
  [
    "a prefix that is missing for it",
    { ...OPEN, allowedSessionKeyPrefixes: ["hook:"] },
    { key: "agent:a:b" },
    400,
  ],
  ["no keys from requests", { ...OPEN, allowRequestSessionKey: false }, {}, 400],
  ["no keys from requests, by default", {}, {}, 400],
  [
    "prefixes without hook:",
    { ...OPEN, allowedSessionKeyPrefixes: ["agent:"] },
    { key: "agent:a:b" },
    "not up",
  ],
  [
    "prefixes without hook:, with a default key",
    { ...OPEN, allowedSessionKeyPrefixes: ["agent:"], defaultSessionKey: "agent:main:hooks" },
    { key: "agent:a:b" },
    200,
  ],
  ["its agent is allowed", { ...OPEN, allowedAgentIds: ["build"] }, {}, 200],
  ["all agents are allowed", { ...OPEN, allowedAgentIds: ["other", "*"] }, {}, 200],
  ["no agent is allowed", { ...OPEN, allowedAgentIds: [] }, {}, 400],
  ["another agent is allowed", { ...OPEN, allowedAgentIds: ["main"] }, {}, 400],
  [
    "the session's agent is meant, not OpenCode's",
    { ...OPEN, allowedAgentIds: ["creator"] },
    { key: "agent:creator:x" },
    200,
  ],
  ["an agent that is not configured", { ...OPEN, agentIds: ["main"] }, {}, 400],
  ["an agent that is configured", { ...OPEN, agentIds: ["main", "build"] }, {}, 200],
  ["a small limit", { ...OPEN, maxBodyBytes: 200 }, {}, 413],
  ["another path below", { ...OPEN, path: "/gateway/hooks/" }, {}, 200],
  ["hooks are off", { ...OPEN, enabled: false }, {}, 404],
];

test.each(TABLE)(
  "%s: what the check says is what the gateway does",
  async (_what, policy, asks, expected) => {
    const project = makeProject();
    const gateway = closing(
      await startGateway({ token: TOKEN, ...policy } as Parameters<typeof startGateway>[0]),
    );
    const env = project.knowing(gateway.url);
    const told = { envelope: envelope(asks.key ?? "none", asks.agent ?? "build") };
    const hook = agentHook(samplePayload("c1", told));
    const problems = checkHookPolicy(policy, {
      agentId: hook.agentId,
      sessionKey: hook.sessionKey,
      bytes: Buffer.byteLength(JSON.stringify(hook)),
      token: true,
      path: new URL(gateway.url).pathname,
    });

    project.put("c1", env, told);
    const { entries } = await flushOutbox(project.root, { env, policy: FAST });

    const [target] = entries[0]?.targets ?? [];
    expect(problems.length === 0).toBe(target?.state === "delivered");
    if (expected === 200) expect({ problems, runs: gateway.runs.length }).toEqual({ problems: [], runs: 1 });
    else {
      expect(target).toMatchObject({
        state: "failed",
        error: expect.stringContaining(String(expected === "not up" ? 404 : "")),
      });
      expect(problems[0]?.status).toBe(expected === "not up" ? undefined : expected);
      expect(problems.every((one) => one.fix !== "")).toBe(true);
      expect(gateway.runs).toEqual([]);
    }
  },
);

test("no token is said beforehand, and a gateway refuses without one", async () => {
  const gateway = closing(
    await startGateway({ token: TOKEN, ...OPEN } as Parameters<typeof startGateway>[0]),
  );
  const [problem] = checkHookPolicy(OPEN, { agentId: "build", bytes: 10, token: false });
  expect(problem).toMatchObject({ field: "token", status: 401 });
  expect((await fetch(gateway.url, { method: "POST", body: '{"message":"x"}' })).status).toBe(401);
});

const word = fc.constantFrom("build", "Build", "main", "creator", "*", "x");
const prefix = fc.constantFrom("hook:", "HOOK:", "agent:", "hook:opencode:", "", " ", "x");
const list = (of: fc.Arbitrary<string>) => fc.option(fc.array(of, { maxLength: 3 }), { nil: undefined });
const policies = fc.record({
  enabled: fc.constantFrom(undefined, true, true, false),
  allowedAgentIds: list(word.map((one) => one.toLowerCase())),
  defaultAgentId: fc.constantFrom(undefined, "build"),
  agentIds: list(fc.constantFrom("main", "build", "creator")),
  allowRequestSessionKey: fc.constantFrom(undefined, true, true, false),
  allowedSessionKeyPrefixes: list(prefix),
  defaultSessionKey: fc.constantFrom(undefined, undefined, "agent:main:hooks"),
  maxBodyBytes: fc.constantFrom(undefined, undefined, 120),
});
const requests = fc.record({
  agentId: fc.constantFrom(undefined, "build", "Build", "creator", "nobody"),
  sessionKey: fc.constantFrom(undefined, "hook:opencode:build:t", "Hook:x", "agent:main:main", "other"),
  message: fc.string({ minLength: 1, maxLength: 80 }).filter((text) => text.trim() !== ""),
  token: fc.boolean(),
});

test("for any policy and request, the check and a real gateway agree", async () => {
  await fc.assert(
    fc.asyncProperty(policies, requests, async (policy, { token, ...hook }) => {
      const defined = Object.fromEntries(Object.entries(policy).filter(([, value]) => value !== undefined));
      const gateway = await startGateway({ token: TOKEN, ...defined });
      try {
        const body = JSON.stringify(hook);
        const request: HookRequest = {
          agentId: hook.agentId,
          sessionKey: hook.sessionKey,
          bytes: Buffer.byteLength(body),
          token,
        };
        const [first] = checkHookPolicy(defined, request);
        const { status } = await fetch(gateway.url, {
          method: "POST",
          body,
          headers: { connection: "close", ...(token ? { authorization: `Bearer ${TOKEN}` } : {}) },
        });
        expect(status).toBe(first === undefined ? 200 : (first.status ?? 404));
      } finally {
        await gateway.close();
      }
    }),
    { numRuns: 150 },
  );
});

test("what is checked is what is sent", () => {
  const hook = agentHook(payloadSchema.parse(samplePayload("c1", { envelope: envelope("none", "build") })));
  expect(hook).toMatchObject({ agentId: "build", sessionKey: "hook:opencode:build:add-retry" });
});
