import { mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeRepo, SAMPLE } from "../../lab/repo.ts";
import { bridge } from "./bridge.ts";

const setUp = bridge();

const NAMES = [
  "opencode_status",
  "opencode_resolve_project",
  "opencode_build_envelope",
  "opencode_execute_task",
  "opencode_run_status",
  "opencode_run_events",
  "opencode_session_tail",
  "opencode_callback_from_event",
  "opencode_check_hook_policy",
  "opencode_evaluate_lifecycle",
  "opencode_registry_get",
  "opencode_registry_upsert",
  "opencode_registry_cleanup",
  "opencode_serve_spawn",
  "opencode_serve_idle_check",
  "opencode_serve_shutdown",
];
const READ_ONLY = [
  "opencode_status",
  "opencode_resolve_project",
  "opencode_build_envelope",
  "opencode_run_events",
  "opencode_session_tail",
  "opencode_check_hook_policy",
  "opencode_evaluate_lifecycle",
  "opencode_registry_get",
  "opencode_serve_idle_check",
];
const RUN = "r20261121T093012-1a2b3c";

/** Enough to get past a tool's input schema. */
const VALID: Record<string, Record<string, unknown>> = {
  opencode_build_envelope: { task_id: "t" },
  opencode_execute_task: { task_file: "opencode_tasks/20261121-a.txt" },
  opencode_run_status: { run_id: RUN },
  opencode_run_events: { run_id: RUN },
  opencode_session_tail: { run_id: RUN },
  opencode_callback_from_event: { run_id: RUN, event: { type: "session.idle" } },
  opencode_check_hook_policy: { run_id: RUN, policy: {} },
};

test("the sixteen tools are listed, each with schemas of objects that allow nothing else, and annotations", async () => {
  const { open } = await setUp();
  const { client } = await open();
  expect(client.getServerVersion()).toMatchObject({ name: "handrail" });
  const { tools } = await client.listTools();
  expect(tools.map((tool) => tool.name)).toEqual(NAMES);
  for (const tool of tools) {
    expect(tool.inputSchema, tool.name).toMatchObject({ type: "object", additionalProperties: false });
    expect(tool.outputSchema, tool.name).toMatchObject({ type: "object", required: expect.anything() });
    expect(tool.description?.length, tool.name).toBeGreaterThan(40);
    expect(tool.annotations, tool.name).toEqual({
      title: tool.title,
      readOnlyHint: READ_ONLY.includes(tool.name),
      destructiveHint: expect.any(Boolean),
      idempotentHint: expect.any(Boolean),
      openWorldHint: expect.any(Boolean),
    });
  }
});

test("status shows contract, limits and lifecycle, and no secret", async () => {
  const { open, repo } = await setUp({
    HANDRAIL_CALLBACK_URL: "http://127.0.0.1:9/hooks/agent",
    HANDRAIL_CALLBACK_TOKEN: "tok-5ecret.42",
    HANDRAIL_ORIGIN_SESSION_KEY: "agent:main:main",
  });
  const { value } = await (await open()).call("opencode_status");
  expect(value).toMatchObject({
    project: { repo_root: repo.root, server: "stopped" },
    caller: { origin_session_key: "agent:main:main", inbox: false, address: "openclaw", token: "set" },
    lifecycle: { soft_stall_seconds: 60, hard_stall_seconds: 180, idle_minutes: 15 },
  });
  expect(value.lifecycle.states).toContain("awaiting_permission");
  expect(JSON.stringify(value)).not.toContain("5ecret");
});

const HOSTILE: Record<string, unknown>[] = [
  { nonsense: 1 },
  { repo_root: 7 },
  { repo_root: ["/"] },
  { repo_root: "" },
  { repo_root: "x".repeat(5000) },
  { project_id: "../../etc" },
  { project_id: "repo-0123456789ab/../.." },
  { run_id: "../../../etc/passwd" },
  { run_id: "r20261121T093012-1a2b3c/../.." },
  { session_id: "ses_/../../x" },
  { task_file: "" },
  { agent_id: "a\u0000b" },
  { origin_session_key: "a b\n" },
];

test("no tool takes what its schema does not allow, and the server goes on", async () => {
  const { open } = await setUp();
  const { call, stderr } = await open();
  for (const name of NAMES) {
    for (const hostile of HOSTILE) {
      const { error } = await call(name, { ...VALID[name], ...hostile });
      expect(error, `${name} ${JSON.stringify(hostile).slice(0, 100)}`).toMatchObject({
        code: "bad-input",
        fix: expect.any(String),
      });
    }
  }
  expect((await call("opencode_status")).error).toBeUndefined();
  expect(stderr()).toBe("");
});

/** The tools that take a folder. */
const WITH_FOLDER = NAMES.filter(
  (name) =>
    ![
      "opencode_status",
      "opencode_evaluate_lifecycle",
      "opencode_registry_cleanup",
      "opencode_registry_upsert",
    ].includes(name),
);

test("no tool works in a folder that is not registered", async () => {
  const { open, sandbox, repo } = await setUp();
  const other = makeRepo(join(sandbox.dir, "other"), SAMPLE);
  const { call } = await open();
  symlinkSync(other.root, join(repo.root, "link"));
  const refused: [string, string][] = [
    ...[other.root, join(repo.root, "link"), sandbox.home, "/", "/etc"].map((path): [string, string] => [
      path,
      "not-registered",
    ]),
    [join(repo.root, "src"), "wrong-directory"],
    [join(repo.root, "nowhere"), "not-found"],
    ["repo", "bad-input"],
    ["/etc\u0000/x", "bad-input"],
  ];
  for (const name of WITH_FOLDER) {
    for (const [path, code] of refused) {
      const { error } = await call(name, { ...VALID[name], repo_root: path });
      expect(error, `${name} ${path}`).toMatchObject({ code });
      if (code === "not-registered") expect(error?.fix).toMatch(/opencode_registry_upsert.*handrail init/);
    }
    const unknown = await call(name, { ...VALID[name], project_id: "other-0123456789ab" });
    expect(unknown.error, name).toMatchObject({ code: "not-registered" });
  }
  // The twin: once it is registered, what is missing is something else.
  expect((await call("opencode_registry_upsert", { repo_root: other.root })).error).toBeUndefined();
  for (const name of WITH_FOLDER) {
    const { error } = await call(name, { ...VALID[name], repo_root: other.root });
    expect(error?.code ?? "none", name).not.toBe("not-registered");
  }
});

test("a project is registered, found by any of its names, and cleaned when it is gone", async () => {
  const { open, sandbox, repo } = await setUp();
  const other = makeRepo(join(sandbox.dir, "other repo"), SAMPLE);
  symlinkSync(other.root, join(sandbox.dir, "way"));
  const { call } = await open();
  const { value: made } = await call("opencode_registry_upsert", {
    repo_root: join(sandbox.dir, "way"),
    idle_minutes: 5,
  });
  expect(made).toMatchObject({
    created: true,
    repo_root: other.root,
    by: "tool",
    idle_minutes: 5,
    server: { state: "stopped" },
  });
  const { value: again } = await call("opencode_registry_upsert", {
    repo_root: other.root,
    keep_alive_reason: "a demo",
  });
  expect(again).toMatchObject({ created: false, idle_minutes: 5, project_id: made.project_id });

  for (const choice of [
    { project_id: made.project_id },
    { repo_root: other.root },
    { repo_root: join(sandbox.dir, "way") },
    { project_id: made.project_id, repo_root: other.root },
  ]) {
    const { value } = await call("opencode_resolve_project", choice);
    expect(value).toMatchObject({
      repo_root: other.root,
      server: { state: "stopped", opencode_server_url: "" },
    });
  }
  const mixed = await call("opencode_resolve_project", { project_id: made.project_id, repo_root: repo.root });
  expect(mixed.error).toMatchObject({ code: "wrong-directory" });
  const { value: all } = await call("opencode_registry_get");
  expect(all.projects.map((one: { repo_root: string; by: string }) => [one.repo_root, one.by])).toEqual([
    [repo.root, "here"],
    [other.root, "tool"],
  ]);

  const { value: nothing } = await call("opencode_registry_cleanup");
  expect(nothing).toMatchObject({ unregistered: [], stopped: [], forgotten: [], unreadable: [] });
  renameSync(other.root, join(sandbox.dir, "moved"));
  const gone = await call("opencode_resolve_project", { project_id: made.project_id });
  expect(gone.error).toMatchObject({ code: "not-found", fix: "opencode_registry_cleanup" });
  const { value: dry } = await call("opencode_registry_cleanup", { dry_run: true });
  expect(dry.unregistered).toHaveLength(1);
  const { value: cleaned } = await call("opencode_registry_cleanup");
  expect(cleaned.unregistered).toEqual([
    { project_id: made.project_id, repo_root: other.root, why: expect.stringContaining("gone") },
  ]);
  expect((await call("opencode_registry_get")).value.projects).toHaveLength(1);
});

test("a register entry that does not parse, or names another folder, is reported and kept, and opens nothing", async () => {
  const { open, sandbox } = await setUp();
  const other = makeRepo(join(sandbox.dir, "other"), SAMPLE);
  const { call } = await open();
  const forged = join(sandbox.state, "projects", "forged-0123456789ab");
  const torn = join(sandbox.state, "projects", "torn-0123456789ab");
  for (const folder of [forged, torn]) mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(forged, "project.json"),
    JSON.stringify({
      schema: 1,
      project_id: "forged-0123456789ab",
      repo_root: other.root,
      registered: "x",
      by: "tool",
    }),
  );
  writeFileSync(join(torn, "project.json"), '{"schema":1,');
  const { value } = await call("opencode_registry_get");
  expect(value.projects).toHaveLength(1);
  expect(value.unreadable).toEqual([
    expect.stringContaining("names another folder"),
    expect.stringContaining("does not parse"),
  ]);
  for (const choice of [{ repo_root: other.root }, { project_id: "forged-0123456789ab" }]) {
    expect((await call("opencode_resolve_project", choice)).error).toMatchObject({ code: "not-registered" });
  }
});

test("only a working tree's top folder can be registered, and no foreign server", async () => {
  const { open, sandbox, repo } = await setUp();
  const { call } = await open();
  const upsert = async (args: Record<string, unknown>) =>
    (await call("opencode_registry_upsert", args)).error?.code;
  mkdirSync(join(sandbox.dir, "plain"));
  expect(await upsert({ repo_root: join(sandbox.dir, "plain") })).toBe("not-a-repository");
  expect(await upsert({ repo_root: join(repo.root, "src") })).toBe("wrong-directory");
  expect(await upsert({ repo_root: join(repo.root, ".git") })).toBe("not-a-repository");
  expect(await upsert({ repo_root: "relative" })).toBe("bad-input");
  expect(await upsert({ repo_root: repo.root, opencode_server_url: "http://10.0.0.1:4096" })).toBe("routing");
  expect(await upsert({ repo_root: repo.root })).toBeUndefined();
});

test("without a project of its own a server asks which one is meant", async () => {
  const { open, sandbox } = await setUp();
  const { call } = await open(sandbox.home);
  expect((await call("opencode_status")).value.project).toBeUndefined();
  expect((await call("opencode_resolve_project")).error).toMatchObject({
    code: "bad-input",
    fix: expect.stringContaining("repo_root"),
  });
});

test("the lifecycle is told from an event's kind, in Handrail's words or OpenCode's", async () => {
  const { open } = await setUp();
  const { call } = await open();
  const at = "2026-11-21T09:00:00Z";
  const evaluate = (more: Record<string, unknown>) =>
    call("opencode_evaluate_lifecycle", {
      last_event_kind: "tool",
      last_event_at: at,
      now: "2026-11-21T09:02:00Z",
      ...more,
    });
  expect((await evaluate({})).value).toMatchObject({ state: "running", stall: "soft", silent_seconds: 120 });
  expect((await evaluate({ hard_stall_seconds: 90 })).value).toMatchObject({
    state: "stalled",
    stall: "hard",
  });
  expect((await evaluate({ last_event_kind: "session.idle" })).value).toMatchObject({
    kind: "idle",
    state: "done",
    terminal: true,
  });
  expect((await evaluate({ last_event_kind: "session.paused" })).value).toMatchObject({
    kind: "unknown",
    state: "unknown",
  });
  expect((await evaluate({ soft_stall_seconds: 50, hard_stall_seconds: 20 })).error).toMatchObject({
    code: "bad-input",
  });
  expect((await evaluate({ last_event_at: "yesterday" })).error).toMatchObject({ code: "bad-input" });
});

test("an envelope is whole, or an error says what is wrong with its routing", async () => {
  const { open, repo } = await setUp();
  const { call } = await open();
  const build = (more: Record<string, unknown> = {}) =>
    call("opencode_build_envelope", {
      task_id: "add-retry",
      lane: "cli",
      agent_id: "build",
      origin_session_key: "agent:main:main",
      origin_session_id: "s1",
      ...more,
    });
  const { value } = await build();
  expect(value).toMatchObject({
    fallback_used: false,
    callback_expected: true,
    envelope: {
      task_id: "add-retry",
      run_id: expect.stringMatching(/^r\d/),
      agent_id: "build",
      requested_agent_id: "build",
      resolved_agent_id: "build",
      session_key: "hook:opencode:build:add-retry",
      origin_session_key: "agent:main:main",
      callback_target_session_key: "agent:main:main",
      origin_session_id: "s1",
      callback_target_session_id: "s1",
      repo_root: repo.root,
    },
  });
  const refused: [Record<string, unknown>, string][] = [
    [{ lane: "serve" }, "opencode_server_url"],
    [{ resolved_agent_id: "plan" }, "fallback"],
    [{ callback_target_session_key: "agent:other:main" }, "callback_target_session_key"],
    [{ callback_target_session_id: "s2" }, "callback_target_session_id"],
    [{ origin_session_key: undefined, origin_session_id: undefined }, "origin_session_key"],
  ];
  for (const [more, what] of refused) {
    const { error } = await build(more);
    expect(error, what).toMatchObject({ code: "routing", message: expect.stringContaining(what) });
  }
  const nobody = { origin_session_key: undefined, origin_session_id: undefined, expect_callback: false };
  expect((await build(nobody)).value).toMatchObject({ callback_expected: false });
});

test("nobody can name another session than the one the server works for", async () => {
  const { open } = await setUp({ CLAUDECODE: "1", CLAUDE_CODE_SESSION_ID: "me" });
  const { call } = await open();
  const build = (more: Record<string, unknown>) =>
    call("opencode_build_envelope", { task_id: "t", lane: "cli", ...more });
  expect((await build({})).value.envelope).toMatchObject({
    origin_session_id: "me",
    origin_session_key: "claude:me",
  });
  expect((await build({ origin_session_id: "me" })).error).toBeUndefined();
  for (const other of [{ origin_session_id: "you" }, { origin_session_key: "agent:a:b" }]) {
    expect((await build(other)).error).toMatchObject({ code: "routing" });
    const run = await call("opencode_execute_task", { task_file: "x.txt", ...other });
    expect(run.error?.code).toMatch(/routing|bad-input|opencode-missing/);
  }
});

test("a task is read from inside the project only", async () => {
  const { open, sandbox, repo } = await setUp();
  const { call } = await open();
  writeFileSync(join(sandbox.dir, "outside.txt"), "A\n\nFiles to modify:\n- src/a.ts\n");
  repo.write("opencode_tasks/20261121-a.txt", "A\n\nFiles to modify:\n- src/a.ts\n");
  symlinkSync(join(sandbox.dir, "outside.txt"), join(repo.root, "opencode_tasks/20261121-link.txt"));
  const build = async (file: string) =>
    (await call("opencode_build_envelope", { task_file: file, lane: "cli", expect_callback: false })).error
      ?.code;
  expect(await build("opencode_tasks/20261121-a.txt")).toBeUndefined();
  expect(await build(join(repo.root, "opencode_tasks/20261121-a.txt"))).toBeUndefined();
  expect(await build("../outside.txt")).toBe("bad-input");
  expect(await build(join(sandbox.dir, "outside.txt"))).toBe("bad-input");
  expect(await build("opencode_tasks/20261121-link.txt")).toBe("bad-input");
  expect(await build("opencode_tasks/none.txt")).toBe("bad-input");
  repo.write("opencode_tasks/20261121-empty.txt", "Nothing here.\n");
  expect(await build("opencode_tasks/20261121-empty.txt")).toBe("invalid-task");
});
