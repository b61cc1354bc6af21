import { join } from "node:path";
import { expect, test } from "vitest";
import { peek } from "../../shared/callback/inbox.ts";
import { toolResults } from "../lab/claude.ts";
import { CLAUDE_PLUGIN, hookTexts, setUpPlugin, timesTold } from "../lab/claude-plugin.ts";
import { closing } from "../lab/cleanup.ts";
import { PLUGIN, runRecords, setUpDelegation, TASK, TASK_NAME } from "../lab/delegation.ts";
import { connectMcp } from "../lab/mcp-client.ts";
import { startOpenAiServer } from "../lab/openai-server.ts";
import { startGateway } from "../lab/openclaw-gateway.ts";
import { setUpOpencode } from "../lab/opencode.ts";
import { installed, processesMentioning, projectRoot, runProgram, until } from "../lab/process.ts";
import { SAMPLE } from "../lab/repo.ts";
import { makeSandbox } from "../lab/sandbox.ts";
import { call, type ModelRequest, type Step, text } from "../lab/script.ts";

const HANDRAIL = [process.execPath, join(projectRoot, "claude-hooks/bin/handrail"), "mcp"];
const TOKEN = "tok-5ecretValue.42";
const KEY = "agent:creator:telegram:1";

const edit = (file: string, oldString: string, newString: string): Step =>
  call("edit", { filePath: file, oldString, newString });

/** OpenCode servers of a sandbox; a worker that is just ending says `--lane serve`. */
function servers(dir: string): string[] {
  return (processesMentioning(dir) ?? []).filter((line) => /(?<!--lane) serve /.test(line));
}

test("an outer agent's whole flow: policy, task, events, tail, callback to its gateway, and no server left", async () => {
  const policy = { allowRequestSessionKey: true, allowedSessionKeyPrefixes: ["hook:", "agent:"] };
  const gateway = closing(await startGateway({ token: TOKEN, ...policy, allowedAgentIds: ["creator"] }));
  const { opencode, sandbox, repo, model } = await setUpDelegation([
    edit("src/a.ts", "a = 1", "a = 2"),
    edit("src/b.ts", "b = 2", "b = 3"),
    text("All done."),
  ]);
  const env = { ...opencode.env, HANDRAIL_CALLBACK_URL: gateway.url, HANDRAIL_CALLBACK_TOKEN: TOKEN };
  const bridge = closing(await connectMcp(HANDRAIL, repo.root, env));
  const ask = async (name: string, args: Record<string, unknown> = {}) => {
    const { value, error } = await bridge.call(name, args);
    expect(error, name).toBeUndefined();
    return value;
  };
  /** A worker that has reported may still be leaving: it is then said to use the server. */
  const shutdown = () =>
    until("the server to be nobody's", async () => {
      const { value, error } = await bridge.call("opencode_serve_shutdown");
      if (error?.code !== "busy") expect(error).toBeUndefined();
      return value;
    });

  // The server would end with its task, were it not for the reason.
  const { run_id: first, ...done } = await ask("opencode_execute_task", {
    task_file: TASK_NAME,
    origin_session_key: KEY,
    keep_server_reason: "a second task",
    wait: true,
  });
  expect(done).toMatchObject({
    state: "done",
    verdict: "in_scope",
    waited: true,
    changes: [{ path: "src/a.ts", by: "executor", inScope: true }],
    text: expect.stringContaining("src/b.ts"),
    handoff: {
      lane: "serve",
      packet: TASK_NAME,
      repo_root: repo.root,
      path: "bridge",
      callback: { expected: true, session_key: KEY, address: `openclaw:${gateway.url}` },
      agent: { resolved: "build", fallback: false },
      opencode_server_url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
    },
  });
  expect(repo.read("src/b.ts")).toBe("export const b = 2;\n");
  const { server: kept } = await ask("opencode_resolve_project");
  expect(kept).toMatchObject({ state: "running", reason: "a second task" });
  await until("the callback", () => gateway.runs.length === 1);
  expect(gateway.runs[0]).toMatchObject({
    agentId: "creator",
    sessionKey: KEY,
    idempotencyKey: `${first}-t1`,
  });
  const check = await ask("opencode_check_hook_policy", {
    run_id: first,
    policy: { ...policy, allowedAgentIds: ["creator"] },
  });
  expect(check).toMatchObject({ compatible: true, request: { session_key: KEY, agent_id: "creator" } });

  expect(await ask("opencode_serve_spawn")).toMatchObject({ reused: true, server: { pid: kept.pid } });
  const url = kept.opencode_server_url;
  expect(
    await ask("opencode_registry_upsert", { repo_root: repo.root, opencode_server_url: url }),
  ).toMatchObject({ created: true });
  const { envelope } = await ask("opencode_build_envelope", {
    task_file: TASK_NAME,
    origin_session_key: KEY,
  });
  expect(envelope).toMatchObject({ opencode_server_url: url, callback_target_session_key: KEY });
  model.script([{ delayMs: 1500, ...edit("src/a.ts", "a = 2", "a = 4") }, text("\u001b[31mDone again.")]);
  const next = await ask("opencode_execute_task", { task_file: TASK_NAME, origin_session_key: KEY });
  expect(next).toMatchObject({
    waited: false,
    session_id: expect.stringMatching(/^ses_/),
    next: expect.stringContaining("callback"),
  });
  const { run_id, session_id } = next;
  const once = await ask("opencode_run_events", { session_id, mode: "once", timeout_seconds: 60 });
  expect(once).toMatchObject({ ended: "first_event", events: [{ source: "server", session: session_id }] });
  const loop = await ask("opencode_run_events", { run_id, mode: "loop", timeout_seconds: 60 });
  const kinds = loop.events.map((event: { kind: string }) => event.kind);
  expect(loop.ended).toBe("turn_over");
  expect(kinds).toEqual(expect.arrayContaining(["tool"]));
  const status = await until("the end of the run", async () => {
    const now = await ask("opencode_run_status", { run_id });
    return now.state === "done" && now.callback.state === "delivered" ? now : undefined;
  });
  expect(status).toMatchObject({ verdict: "in_scope", lifecycle: { stall: "none" } });
  const tail = await ask("opencode_session_tail", { run_id, limit: 3, diff: true });
  expect(tail.messages.at(-1)).toMatchObject({ role: "assistant", text: "\\u{1b}[31mDone again." });
  expect(tail.changes).toEqual([expect.objectContaining({ path: "src/a.ts", by: "executor" })]);
  expect(tail.diff).toContain("+export const a = 4;");
  expect(gateway.runs).toHaveLength(2);

  const idle = await ask("opencode_serve_idle_check");
  expect(idle).toMatchObject({ should_shut_down: false, idle_minutes_allowed: 15 });
  expect(await ask("opencode_serve_idle_check", { idle_minutes: 0 })).toMatchObject({
    should_shut_down: true,
  });
  expect(JSON.stringify(await ask("opencode_registry_get"))).not.toMatch(/password/i);
  expect(await shutdown()).toMatchObject({ stopped: true, server: { state: "stopped" } });
  expect(servers(sandbox.dir)).toEqual([]);
  expect(await shutdown()).toMatchObject({ stopped: false });
  const spawned = await ask("opencode_serve_spawn", { reason: "by hand" });
  expect(spawned).toMatchObject({ reused: false, server: { state: "running", reason: "by hand" } });

  // What does not resolve is an error, before anything is prompted.
  const asked = model.requests.length;
  const refused = await bridge.call("opencode_execute_task", {
    task_file: TASK_NAME,
    agent: "nobody",
    origin_session_key: KEY,
  });
  expect(refused.error).toMatchObject({ message: expect.stringContaining("nobody") });
  // Nor is a packet handed over that fails its checklist.
  const packet = {
    ...{ packet_version: "v1", task_id: "P", workstream: "feature", owner_agent: "nobody" },
    ...{ session_key: "coding:P", objective: "Work", scope: { file_paths: ["src/a.ts"] } },
  };
  repo.write("opencode_tasks/20261121-p.json", JSON.stringify(packet));
  const unready = await bridge.call("opencode_execute_task", {
    task_file: "opencode_tasks/20261121-p.json",
    origin_session_key: KEY,
  });
  expect(unready.error).toMatchObject({
    code: "bad-input",
    message: expect.stringMatching(/^the packet is not ready to be handed over: .*nobody/),
    fix: "handrail doctor --handoff opencode_tasks/20261121-p.json",
  });
  expect(model.requests).toHaveLength(asked);
  expect(await shutdown()).toMatchObject({ stopped: true });
  expect(servers(sandbox.dir)).toEqual([]);
  expect(bridge.stderr()).toBe("");
});

test("Claude hands a task over by the plugin's tools, and its session is called back once", async () => {
  const task = "opencode_tasks/20261121-change-a.txt";
  const tool = (name: string) => `mcp__plugin_handrail_handrail__${name}`;
  // One after the other: answers to calls of one message come in any order.
  const calls = (...each: [name: string, args: Record<string, unknown>][]): Step[] =>
    each.map(([name, args]) => call(tool(name), args));
  const script = ({ messages }: ModelRequest): Step[] => {
    const results = messages.flatMap((message) => message.toolResults).join("\n");
    const run_id = /"job_id":"[^"]+","run_id":"(r[^"]+)"/.exec(results)?.[1];
    const root = /"repo_root":"([^"]+)"/.exec(results)?.[1];
    const at = new Date().toISOString();
    return [
      call(tool("opencode_status"), {}),
      ...calls(
        ["opencode_resolve_project", {}],
        ["opencode_registry_upsert", { repo_root: root, idle_minutes: 5 }],
        ["opencode_registry_get", {}],
        ["opencode_registry_cleanup", { dry_run: true }],
        ["opencode_build_envelope", { task_file: task, lane: "cli" }],
        ["opencode_check_hook_policy", { policy: {}, agent_id: "build", task_id: "change-a" }],
        ["opencode_evaluate_lifecycle", { last_event_kind: "session.idle", last_event_at: at }],
      ),
      call(tool("opencode_execute_task"), { task_file: task }),
      call("Bash", {
        command: "until handrail runs --json | grep -q '\"done\"'; do sleep 0.2; done",
        description: "wait",
      }),
      call(tool("opencode_execute_task"), { task_file: task, wait: true }),
      call(tool("opencode_serve_spawn"), { reason: "to look at a session" }),
      ...calls(
        ["opencode_run_status", { run_id }],
        ["opencode_run_events", { run_id }],
        ["opencode_session_tail", { run_id }],
        ["opencode_callback_from_event", { run_id, event: { type: "session.idle" } }],
        ["opencode_serve_idle_check", {}],
      ),
      call(tool("opencode_serve_shutdown"), {}),
      text("Done."),
    ];
  };
  const session = await setUpPlugin(script, { repo: { ...SAMPLE, dirty: { [task]: TASK } } });
  const executor = closing(await startOpenAiServer([edit("src/a.ts", "a = 1", "a = 2"), text("Done.")]));
  const opencode = setUpOpencode({ sandbox: session.sandbox, modelUrl: executor.url, plugins: [PLUGIN] });
  const run = await session.claude.prompt(session.repo.root, "go", {
    env: opencode.env,
    args: session.sessionArgs,
  });
  const answers = toolResults(run.messages).map((result) =>
    result.startsWith("{") ? JSON.parse(result) : result,
  );
  const [status, ...more] = answers;
  const [handed, , waited] = more.slice(7);
  expect(status).toMatchObject({
    project: { repo_root: session.repo.root },
    caller: { origin_session_id: session.sessionId, inbox: true },
  });
  // All sixteen, as Claude itself got their answers.
  const { repo_root } = status.project;
  expect(more.slice(0, 7)).toMatchObject([
    { repo_root, server: { state: "stopped" } },
    { repo_root, created: true, idle_minutes: 5 },
    { projects: [{ repo_root }] },
    { unregistered: [], unreadable: [] },
    { envelope: { origin_session_id: session.sessionId, repo_root }, callback_expected: true },
    { compatible: false, request: { session_key: "hook:opencode:build:change-a" } },
    { kind: "idle", state: "done", terminal: true },
  ]);
  expect(more.slice(10)).toMatchObject([
    { reused: false, server: { state: "running", reason: "to look at a session" } },
    { run_id: handed.run_id, state: "done", verdict: "in_scope", callback: { state: "delivered" } },
    { ended: "recorded", events: expect.arrayContaining([expect.objectContaining({ status: "done" })]) },
    { run_id: handed.run_id, messages: expect.arrayContaining([expect.objectContaining({ text: "Done." })]) },
    { state: "done", callback: { callback_id: `${handed.run_id}-t1`, state: "delivered" } },
    { should_shut_down: false, idle_minutes_allowed: 5 },
    { stopped: true },
  ]);
  expect(handed).toMatchObject({
    handoff: { callback: { expected: true, session_id: session.sessionId } },
  });
  const [record] = runRecords(session.sandbox);
  expect(record).toMatchObject({ run_id: handed.run_id, state: "done", verdict: "in_scope", lane: "serve" });
  expect(session.repo.read("src/a.ts")).toBe("export const a = 2;\n");
  expect(timesTold(session.model.requests, `[${handed.run_id}-t1]`)).toBe(1);
  expect(hookTexts(session.model.requests).join("\n")).toContain("src/a.ts");
  // What the tool itself has answered is not told again.
  expect(waited).toMatchObject({ waited: true, state: "done", text: expect.stringContaining(waited.run_id) });
  expect(timesTold(session.model.requests, `[${waited.run_id}-t1]`)).toBe(0);
  expect(peek(session.inbox)).toEqual([]);
  await until("the server to end with its task", () => servers(session.sandbox.dir).length === 0);
});

test("a run goes on when the bridge that started it ends, in both lanes, and leaves nothing behind", async () => {
  const { opencode, sandbox, repo, model, callbacks } = await setUpDelegation([]);
  for (const [done, lane] of ["serve", "cli"].entries()) {
    model.script([
      { delayMs: 1000, ...edit("src/a.ts", `a = ${done + 1}`, `a = ${done + 2}`) },
      text("Done."),
    ]);
    const bridge = await connectMcp(HANDRAIL, repo.root, opencode.env);
    const { value } = await bridge.call("opencode_execute_task", { task_file: TASK_NAME, lane });
    expect(value).toMatchObject({ waited: false, handoff: { lane, callback: { expected: false } } });
    await bridge.close();
    await until("the callback", () => callbacks().some((one) => one.run_id === value.run_id), 60_000);
    expect(callbacks().find((one) => one.run_id === value.run_id)).toMatchObject({
      state: "done",
      verdict: "in_scope",
    });
    expect(repo.read("src/a.ts")).toContain(`a = ${done + 2}`);
    await until("everything to end", () => processesMentioning(sandbox.dir)?.length === 0);
  }
});

test("the plugin with its server is valid to Claude Code", async () => {
  const sandbox = closing(makeSandbox());
  const args = ["plugin", "validate", CLAUDE_PLUGIN, "--strict"];
  const done = await runProgram(installed("claude"), args, { cwd: sandbox.dir, env: sandbox.env });
  expect(done).toMatchObject({ code: 0, stdout: expect.stringContaining("Validation passed") });
});
