import { expect, test } from "vitest";
import type { Envelope } from "../../../shared/callback/payload.ts";
import {
  callerKey,
  checkRouting,
  hookSessionKey,
  requireRouting,
  resolveAgent,
  usedFallback,
} from "../../../shared/callback/routing.ts";

const GOOD: Envelope = {
  task_id: "add-retry",
  run_id: "r20261121T093012-1a2b3c",
  agent_id: "build",
  requested_agent_id: "build",
  resolved_agent_id: "build",
  session_key: "hook:opencode:build:add-retry",
  origin_session_key: "agent:main:main",
  callback_target_session_key: "agent:main:main",
  origin_session_id: "s1",
  callback_target_session_id: "s1",
  project_id: "project-1",
  repo_root: "/repo with space",
  opencode_server_url: "",
};
const NOBODY: Envelope = (({ origin_session_id, callback_target_session_id, ...rest }) => ({
  ...rest,
  origin_session_key: "none",
  callback_target_session_key: "none",
}))(GOOD);

const fields = (envelope: Envelope, options = { expectCallback: true }) =>
  checkRouting(envelope, options).map(({ field }) => field);

test("a consistent envelope holds, with and without ids", () => {
  expect(fields(GOOD)).toEqual([]);
  const { origin_session_id, callback_target_session_id, ...keysOnly } = GOOD;
  expect(fields(keysOnly)).toEqual([]);
});

test("a run that nobody asked for holds, unless somebody waits for it", () => {
  expect(fields(NOBODY, { expectCallback: false })).toEqual([]);
  expect(
    fields(
      { ...NOBODY, origin_session_key: "", callback_target_session_key: "none" },
      { expectCallback: false },
    ),
  ).toEqual([]);
  expect(fields(NOBODY)).toEqual(["origin_session_key", "callback_target_session_key"]);
});

test.each([
  ["task_id"],
  ["run_id"],
  ["agent_id"],
  ["requested_agent_id"],
  ["resolved_agent_id"],
  ["session_key"],
  ["origin_session_key"],
  ["callback_target_session_key"],
  ["project_id"],
  ["repo_root"],
] as const)("%s is required", (field) => {
  for (const blank of ["", "  "]) expect(fields({ ...GOOD, [field]: blank })).toContain(field);
});

test.each<[string, Partial<Envelope>, keyof Envelope]>([
  ["another agent than the one asked for", { requested_agent_id: "plan" }, "resolved_agent_id"],
  ["an agent that is neither", { agent_id: "plan", session_key: "hook:opencode:plan:add-retry" }, "agent_id"],
  ["a session key of another shape", { session_key: "coding:add-retry" }, "session_key"],
  ["a session key of another task", { session_key: "hook:opencode:build:other" }, "session_key"],
  ["a session key of another agent", { session_key: "hook:opencode:plan:add-retry" }, "session_key"],
  [
    "a callback to another session",
    { callback_target_session_key: "agent:main:other" },
    "callback_target_session_key",
  ],
  [
    "a callback to the execution session",
    { callback_target_session_key: GOOD.session_key },
    "callback_target_session_key",
  ],
  ["a callback to another id", { callback_target_session_id: "s2" }, "callback_target_session_id"],
  ["a callback to no id", { callback_target_session_id: "" }, "callback_target_session_id"],
  ["a callback for nobody to somebody", { origin_session_key: "none" }, "callback_target_session_key"],
  [
    "an id without a key",
    { origin_session_key: "none", callback_target_session_key: "none" },
    "origin_session_key",
  ],
  ["a relative root", { repo_root: "repo" }, "repo_root"],
  ["a server that is none", { opencode_server_url: "localhost" }, "opencode_server_url"],
])("%s is a problem", (_what, change, field) => {
  expect(fields({ ...GOOD, ...change }, { expectCallback: false })).toContain(field);
});

test("a server is needed only where the lane has one", () => {
  expect(checkRouting(GOOD, { expectCallback: true, expectServer: true })).toEqual([
    { field: "opencode_server_url", message: "opencode_server_url is missing" },
  ]);
  const served = { ...GOOD, opencode_server_url: "http://127.0.0.1:4096" };
  expect(checkRouting(served, { expectCallback: true, expectServer: true })).toEqual([]);
});

test("a fallback is told, and stops the run with every problem in one message", () => {
  const bad = { ...GOOD, resolved_agent_id: "general", callback_target_session_id: "s2" };
  expect(usedFallback(bad)).toBe(true);
  expect(usedFallback(GOOD)).toBe(false);
  expect(() => requireRouting(GOOD, { expectCallback: true })).not.toThrow();
  expect(() => requireRouting(bad, { expectCallback: true })).toThrow(
    expect.objectContaining({
      code: "routing",
      message: expect.stringMatching(/fallback.*callback_target_session_id/),
    }),
  );
});

test("the agent that the host resolves is the one asked for, or a fallback", () => {
  const routed = (agent: string, asked?: string) =>
    fields(resolveAgent(GOOD, agent, asked), { expectCallback: true });
  expect(routed("build", "build")).toEqual([]);
  expect(routed("plan")).toEqual([]);
  expect(resolveAgent(GOOD, "plan", undefined).session_key).toBe("hook:opencode:plan:add-retry");
  expect(routed("build", "coder")).toEqual(["resolved_agent_id"]);
});

test("keys are made in one place", () => {
  expect(hookSessionKey("build", "add-retry")).toBe("hook:opencode:build:add-retry");
  expect(callerKey({ session_key: "agent:main:main", session_id: "x" })).toBe("agent:main:main");
  expect(callerKey({ session_id: "x" })).toBe("claude:x");
  expect(callerKey({})).toBe("none");
});
