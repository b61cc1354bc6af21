import { mkdirSync } from "node:fs";
import { expect, test } from "vitest";
import { createRun, originFromEnv } from "../../../shared/run/create.ts";
import { readRun } from "../../../shared/run/store.ts";
import type { TaskSpec } from "../../../shared/task/spec.ts";
import { makeProject, TOKEN } from "../callback/outgoing.ts";

const SPEC: TaskSpec = {
  ok: true,
  source: "task-file",
  slug: "add-retry",
  title: "Add retry",
  scope: { allow: ["src/a.ts"], inspect: [], forbid: [], rules: [], noRead: [] },
  prohibitions: [],
  validation: [],
  errors: [],
  warnings: [],
};

function wanted(env: NodeJS.ProcessEnv, agent?: string) {
  const project = makeProject();
  mkdirSync(project.root);
  return { root: project.root, spec: SPEC, lane: "cli" as const, origin: originFromEnv(env), agent };
}

test("a run without a caller routes to nobody; with one, back to the session that asked", () => {
  expect(createRun(wanted({})).envelope).toMatchObject({
    agent_id: "build",
    session_key: "hook:opencode:build:add-retry",
    origin_session_key: "none",
    callback_target_session_key: "none",
  });
  const asked = { HANDRAIL_ORIGIN_SESSION_ID: "s1", HANDRAIL_INBOX: "/inbox" };
  expect(createRun(wanted(asked, "coder")).envelope).toMatchObject({
    requested_agent_id: "coder",
    resolved_agent_id: "coder",
    session_key: "hook:opencode:coder:add-retry",
    origin_session_key: "claude:s1",
    callback_target_session_key: "claude:s1",
    origin_session_id: "s1",
    callback_target_session_id: "s1",
  });
  expect(
    createRun(wanted({ ...asked, HANDRAIL_ORIGIN_SESSION_KEY: "agent:main:main" })).envelope,
  ).toMatchObject({
    origin_session_key: "agent:main:main",
    callback_target_session_key: "agent:main:main",
  });
});

test("the caller's address is on record without its secrets", () => {
  const run = wanted({
    HANDRAIL_CALLBACK_URL: "https://u:passw0rd@h.example/hooks/agent",
    HANDRAIL_CALLBACK_TOKEN: TOKEN,
  });
  const record = createRun(run);
  expect(record.origin.callback).toEqual({
    target: "openclaw:https://h.example/hooks/agent",
    env: ["url", "token"],
  });
  expect(JSON.stringify(readRun(run.root, record.run_id))).not.toMatch(new RegExp(`passw0rd|${TOKEN}`));
});

test("what cannot be routed is an error before there is a run", () => {
  expect(() => originFromEnv({ HANDRAIL_CALLBACK_URL: "nonsense" })).toThrow(
    expect.objectContaining({ code: "routing" }),
  );
  expect(() => createRun(wanted({}, " "))).toThrow(expect.objectContaining({ code: "routing" }));
});
