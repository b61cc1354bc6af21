import { join } from "node:path";
import { expect, test } from "vitest";
import { hookPolicySchema } from "../../../shared/callback/hook-policy.ts";
import { peek } from "../../../shared/callback/inbox.ts";
import { projectInbox } from "../../../shared/callback/outbox.ts";
import { targetFromEnv } from "../../../shared/callback/target.ts";
import { closeTurn } from "../../../shared/run/close.ts";
import { createRun } from "../../../shared/run/create.ts";
import { logEvent } from "../../../shared/run/events.ts";
import { moveRun } from "../../../shared/run/move.ts";
import { identify } from "../../../shared/run/process.ts";
import type { Origin, RunRecord } from "../../../shared/run/record.ts";
import { loadTask } from "../../../shared/task/load.ts";
import { closing } from "../../lab/cleanup.ts";
import { type GatewayPolicy, startGateway } from "../../lab/openclaw-gateway.ts";
import { makeRepo, type Repo, SAMPLE } from "../../lab/repo.ts";
import { bridge } from "./bridge.ts";

const setUp = bridge();
const SESSION = "ses_1a2b3c";
const TOKEN = "tok-5ecretValue.42";
const idle = { type: "session.idle", properties: { sessionID: SESSION } };

/** A run of this process's, as the plugin leaves it while the executor works. */
function startRun(repo: Repo, origin: Origin = {}): RunRecord {
  repo.write("opencode_tasks/20261121-add-retry.txt", "Add a retry\n\nFiles to modify:\n- src/a.ts\n");
  const file = "opencode_tasks/20261121-add-retry.txt";
  const spec = loadTask(file, repo.root);
  const queued = createRun({ root: repo.root, spec, taskFile: file, lane: "cli", origin });
  const running = moveRun(queued, "running", { session: SESSION, turn: 1, executor: identify() });
  logEvent(running, { type: "turn", session: SESSION });
  logEvent(running, { type: "refusal", code: "out-of-scope", path: "src/\u202eb.ts", tool: "edit" });
  return running;
}

test("a run that works is shown with what is known of it, and an event from a caller does not end it", async () => {
  const { open, repo } = await setUp();
  const run = startRun(repo);
  const { call } = await open();
  const { value } = await call("opencode_run_status", { run_id: run.run_id });
  expect(value).toMatchObject({
    run_id: run.run_id,
    task_id: "add-retry",
    state: "running",
    session_id: SESSION,
    lifecycle: { last_event: "refusal", stall: "none", waiting_for: [] },
    callback: { state: "none", targets: [] },
  });
  const { value: told } = await call("opencode_callback_from_event", {
    run_id: run.run_id,
    event: idle,
    deliver: true,
  });
  expect(told).toMatchObject({
    event: { kind: "idle", terminal: true },
    state: "running",
    callback: { state: "none" },
    why: expect.stringContaining("does not have that yet"),
  });
  expect(peek(projectInbox(repo.root))).toEqual([]);
});

test("the events on record come normalised, in pages, and what the executor controls is escaped", async () => {
  const { open, repo } = await setUp();
  const run = startRun(repo);
  const { call } = await open();
  const events = async (more: Record<string, unknown> = {}) =>
    (await call("opencode_run_events", { run_id: run.run_id, ...more })).value;
  const all = await events();
  expect(all).toMatchObject({
    ended: "recorded",
    more: false,
    state: "running",
    next_since: all.events.length,
  });
  expect(all.events.map((event: { kind: string }) => event.kind)).toEqual([
    "state",
    "state",
    "busy",
    "refusal",
  ]);
  expect(all.events.at(-1)).toMatchObject({
    source: "record",
    status: "out-of-scope",
    tool: "edit",
    text: '"src/\\u{202e}b.ts"',
  });
  const first = await events({ max_events: 3 });
  expect(first).toMatchObject({ next_since: 3, more: true });
  expect((await events({ since: first.next_since })).events).toEqual(all.events.slice(3));
  // There is no server to hear: it comes back at once, whatever it was asked to wait for.
  expect(await events({ mode: "loop", since: all.next_since, timeout_seconds: 300 })).toMatchObject({
    events: [],
    ended: "stream_closed",
  });
  expect(await events({ mode: "once" })).toMatchObject({ ended: "first_event" });
});

test("a run that has ended has one callback, which an event only shows", async () => {
  const { open, repo } = await setUp();
  const run = await closeTurn(startRun(repo), { outcome: "idle" });
  const { call } = await open();
  for (const deliver of [false, true, true]) {
    const { value } = await call("opencode_callback_from_event", {
      run_id: run.run_id,
      event: idle,
      deliver,
    });
    expect(value).toMatchObject({
      state: run.state,
      callback: { callback_id: `${run.run_id}-t1`, state: "delivered" },
      hook: {
        sessionKey: "hook:opencode:build:add-retry",
        idempotencyKey: `${run.run_id}-t1`,
        message: expect.stringContaining("add-retry"),
      },
    });
  }
  expect(peek(projectInbox(repo.root))).toEqual([`${run.run_id}-t1`]);
  const other = { type: "session.idle", properties: { sessionID: "ses_other" } };
  expect(
    (await call("opencode_callback_from_event", { run_id: run.run_id, event: other })).error,
  ).toMatchObject({ code: "bad-input" });
  const { value } = await call("opencode_callback_from_event", {
    run_id: run.run_id,
    event: { type: "message.updated" },
  });
  expect(value.event).toMatchObject({ kind: "message", terminal: false });
});

test("a run whose executor is gone is closed by whoever asks, once", async () => {
  const { open, repo } = await setUp();
  const run = startRun(repo);
  moveRun(run, "running", { executor: { ...identify(), pid: 2 ** 22 - 1, started: "1" } });
  const { call } = await open();
  for (let time = 0; time < 2; time += 1) {
    const { value } = await call("opencode_run_status", { run_id: run.run_id });
    expect(value).toMatchObject({
      state: "failed",
      callback: { state: "delivered" },
      lifecycle: { stall: "none" },
    });
  }
  expect(peek(projectInbox(repo.root))).toHaveLength(1);
});

test("a run is found in its own project only", async () => {
  const { open, sandbox, repo } = await setUp();
  const other = makeRepo(join(sandbox.dir, "other"), SAMPLE);
  const run = startRun(other);
  const { call } = await open();
  expect((await call("opencode_run_status", { run_id: run.run_id })).error).toMatchObject({
    code: "not-found",
  });
  await call("opencode_registry_upsert", { repo_root: other.root });
  expect((await call("opencode_run_status", { run_id: run.run_id })).value).toMatchObject({
    repo_root: other.root,
  });
  const wrong = await call("opencode_run_status", { run_id: run.run_id, repo_root: repo.root });
  expect(wrong.error).toMatchObject({ code: "not-found" });
});

test("a session's tail says why there are no messages, and shows what is on disk", async () => {
  const { open, repo } = await setUp();
  const run = startRun(repo);
  const { call } = await open();
  const { value } = await call("opencode_session_tail", { run_id: run.run_id, diff: true });
  expect(value).toMatchObject({
    session_id: SESSION,
    messages: [],
    note: expect.stringContaining("server"),
    changes: [],
  });
  const other = await call("opencode_session_tail", { run_id: run.run_id, session_id: "ses_other" });
  expect(other.error).toMatchObject({ code: "bad-input" });
});

/** Policies, and whether the callback of this run would be taken. */
const POLICIES: [Omit<GatewayPolicy, "token">, string, boolean][] = [
  [
    { allowRequestSessionKey: true, allowedSessionKeyPrefixes: ["hook:", "agent:"] },
    "agent:creator:main",
    true,
  ],
  [{ allowRequestSessionKey: true, allowedSessionKeyPrefixes: ["hook:"] }, "agent:creator:main", false],
  [{ allowRequestSessionKey: true, allowedSessionKeyPrefixes: ["hook:"] }, "", true],
  [{ allowRequestSessionKey: true, allowedAgentIds: ["creator"] }, "agent:creator:main", true],
  [{ allowRequestSessionKey: true, allowedAgentIds: ["main"] }, "agent:creator:main", false],
  [{ allowRequestSessionKey: false }, "agent:creator:main", false],
  [{ allowRequestSessionKey: true, maxBodyBytes: 50 }, "agent:creator:main", false],
  [{ enabled: false, allowRequestSessionKey: true }, "agent:creator:main", false],
];

test.each(POLICIES)(
  "what the policy check says of %j for %j is what the gateway then does",
  async (policy, key, taken) => {
    const gateway = closing(await startGateway({ token: TOKEN, ...policy }));
    const env = { HANDRAIL_CALLBACK_URL: gateway.url, HANDRAIL_CALLBACK_TOKEN: TOKEN };
    const { open, repo } = await setUp(env);
    const callback = targetFromEnv(env);
    const running = startRun(repo, {
      ...(callback ? { callback } : {}),
      ...(key ? { session_key: key } : {}),
    });
    const run = await closeTurn(running, { outcome: "idle" }, {});
    const { call } = await open();
    const asked = { run_id: run.run_id, policy: hookPolicySchema.parse(policy) };
    const { value: check } = await call("opencode_check_hook_policy", asked);
    expect(check).toMatchObject({ compatible: taken, request: { token: "set", path: "/hooks/agent" } });
    expect(gateway.received).toEqual([]);

    const { value } = await call("opencode_callback_from_event", {
      run_id: run.run_id,
      event: idle,
      deliver: true,
    });
    expect(value.callback.state).toBe(taken ? "delivered" : "failed");
    expect(gateway.runs).toHaveLength(taken ? 1 : 0);
    expect(gateway.received.at(-1)?.body.length).toBe(check.request.bytes);
    if (taken)
      expect(gateway.runs[0]).toMatchObject({
        agentId: check.request.agent_id,
        sessionKey: check.request.session_key,
      });
    else if (check.status)
      expect(value.callback.targets[0].error).toMatch(new RegExp(`${check.status}|not allowed|sessionKey`));
  },
);

test("a policy is checked without a run, too, and a token that is missing is said", async () => {
  const { open } = await setUp();
  const { call } = await open();
  const check = (more: Record<string, unknown>) =>
    call("opencode_check_hook_policy", { policy: { allowRequestSessionKey: true, token: "x" }, ...more });
  expect((await check({ agent_id: "build", task_id: "t" })).value).toMatchObject({
    compatible: false,
    status: 401,
    problems: [{ field: "token" }],
    request: { session_key: "hook:opencode:build:t", agent_id: "build", token: "missing" },
  });
  expect((await check({ agent_id: "build" })).error).toMatchObject({ code: "bad-input" });
  expect((await check({ policy: { allowedAgentIds: "main" } })).error).toMatchObject({ code: "bad-input" });
});
