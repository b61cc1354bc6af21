import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { claimAll, inboxDir } from "../../shared/callback/inbox.ts";
import { loadConfig } from "../../shared/config/config.ts";
import { readLeases } from "../../shared/lock/store.ts";
import { createRun } from "../../shared/run/create.ts";
import { takeLease } from "../../shared/run/lease.ts";
import { moveRun } from "../../shared/run/move.ts";
import { identify } from "../../shared/run/process.ts";
import { loadTask } from "../../shared/task/load.ts";
import { closing } from "../lab/cleanup.ts";
import { projectState, runRecords, setUpDelegation } from "../lab/delegation.ts";
import { startGateway } from "../lab/openclaw-gateway.ts";
import { packetJson } from "../lab/packet.ts";
import { processesMentioning, projectRoot, runProgram, until } from "../lab/process.ts";
import { call, type ModelRequest, type Script, type Step, text } from "../lab/script.ts";

const HANDRAIL = join(projectRoot, "claude-hooks/bin/handrail");
const TOKEN = "tok-5ecretValue.42";
const write = (filePath: string): Step => call("write", { filePath, content: "written\n" });
const bash = (command: string): Step => call("bash", { command, description: "run" });
const MODULES = Object.fromEntries(
  ["OTHER", "DRIFT", "CONTEXT", "CONFLICT", "CALM", "WAIT", "RETRY", "TWICE", "SLOW", "QUICK"].map((id) => [
    id,
    { dependsOn: [] },
  ]),
);

function packet(id: string, files: string[], more: Record<string, unknown> = {}): string {
  return packetJson(id, files, {
    objective: `Work of ${id}.`,
    conflict_policy: { parallel_allowed: true },
    acceptance: ["AC1"],
    validation: { commands: [] },
    ...more,
  });
}

/** Packets by their id, and what the executor of each does; the caller is a session with an inbox and a gateway. */
async function setUp(packets: Record<string, string>, script: (id: string, request: ModelRequest) => Step[]) {
  const policy = { allowRequestSessionKey: true, allowedSessionKeyPrefixes: ["hook:"] };
  const gateway = closing(await startGateway({ token: TOKEN, ...policy }));
  const byId: Script = (request) => script(/Work of (\w+)\./.exec(request.userText)?.[1] ?? "", request);
  const lab = await setUpDelegation(byId, {
    plugins: [],
    repo: {
      files: {
        "src/a.ts": "a\n",
        "src/b.ts": "b\n",
        "pkg/x.ts": "x\n",
        "package.json": "{}\n",
        "handrail.config.json": JSON.stringify({ modules: MODULES, driftRefusals: 3 }),
        ...Object.fromEntries(Object.entries(packets).map(([id, value]) => [`packets/${id}.json`, value])),
      },
      ignore: ["opencode_tasks/"],
    },
  });
  const inbox = inboxDir("session-1", lab.sandbox.env);
  const env = {
    ...lab.opencode.env,
    ...{ HANDRAIL_INBOX: inbox, HANDRAIL_ORIGIN_SESSION_ID: "session-1" },
    ...{ HANDRAIL_CALLBACK_URL: gateway.url, HANDRAIL_CALLBACK_TOKEN: TOKEN },
  };
  vi.stubEnv("HANDRAIL_STATE_DIR", lab.sandbox.state);
  onTestFinished(() => void vi.unstubAllEnvs());
  return {
    ...lab,
    async run(id: string, ...args: string[]) {
      const words = ["run", `packets/${id}.json`, ...args, "--json"];
      const done = await runProgram(HANDRAIL, words, { cwd: lab.repo.root, env, timeout: 120_000 });
      return { code: done.code, value: JSON.parse(done.stdout) };
    },
    /** What the caller was told of a run, by its inbox; and by the gateway, the same. */
    async told(runId: string) {
      const { callbacks, told } = claimAll([inbox], { wanted: (one) => one.run_id === runId });
      told();
      const ids = callbacks.map((one) => one.callback_id).sort();
      const sent = () =>
        gateway.runs.flatMap(({ idempotencyKey: key }) => (key?.startsWith(runId) ? [key] : []));
      await until("the gateway to be told", () => sent().length >= ids.length);
      expect(sent().sort()).toEqual(ids);
      return callbacks.flatMap((one) => (one.escalation ? [one.escalation] : []));
    },
    said: (runId: string) => gateway.runs.filter((one) => one.idempotencyKey?.startsWith(`${runId}-t`)),
    refusals: () => lab.model.requests.at(-1)?.messages.flatMap((one) => one.toolResults) ?? [],
  };
}

test("a packet's run is ended when its packet says so, as soon as that is known, and its caller is told once", async () => {
  const conflict = [write("pkg/x.ts"), write("pkg/package.json"), write("pkg/y.ts"), text("Done.")];
  const steps: Record<string, Step[]> = {
    DRIFT: [
      write("src/b.ts"),
      // Not certain before it runs, so that it is known only afterwards.
      bash("node -e \"require('fs').writeFileSync('src/' + 'c.ts', 'out')\""),
      write("README.md"),
      write("src/a.ts"),
    ],
    CONTEXT: [
      {
        text: "I have looked.\n\n**MISSING CONTEXT:** the rates of 2027",
        ...call("read", { filePath: "src/a.ts" }),
      },
      write("src/d.ts"),
    ],
    CONFLICT: conflict,
    CALM: conflict,
  };
  const lab = await setUp(
    {
      OTHER: packet("OTHER", ["package.json"]),
      DRIFT: packet("DRIFT", ["src/a.ts"]),
      CONTEXT: packet("CONTEXT", ["src/d.ts"], { retry_abort: { abort_on: ["missing_context"] } }),
      CONFLICT: packet("CONFLICT", ["pkg/"]),
      CALM: packet("CALM", ["pkg/"], { retry_abort: { abort_on: [] } }),
      WAIT: packet("WAIT", ["package.json"]),
    },
    (id) => steps[id] ?? [],
  );
  const { root } = lab.repo;

  const drift = await lab.run("DRIFT");
  expect(drift).toMatchObject({
    code: 1,
    value: {
      state: "aborted",
      task_state: "aborted",
      verdict: "in_scope",
      error: { code: "scope_drift", message: expect.stringContaining("3 acts out of its scope") },
    },
  });
  expect([lab.repo.read("src/a.ts"), lab.repo.read("src/b.ts")]).toEqual(["a\n", "b\n"]);
  expect(await lab.told(drift.value.run_id)).toMatchObject([{ reason: "scope_drift" }]);
  expect(lab.said(drift.value.run_id).map((one) => one.message)).toEqual(
    expect.arrayContaining([expect.stringMatching(/^Handrail: ESCALATION \(scope_drift\)/)]),
  );

  const context = await lab.run("CONTEXT");
  expect(context).toMatchObject({
    code: 1,
    value: { state: "aborted", task_state: "aborted", error: { message: "the rates of 2027" } },
  });
  expect(() => lab.repo.read("src/d.ts")).toThrow("ENOENT");
  expect(await lab.told(context.value.run_id)).toMatchObject([
    { reason: "missing_context", words: "the rates of 2027" },
  ]);

  const shown = await runProgram(HANDRAIL, ["show", context.value.run_id], {
    cwd: root,
    env: lab.sandbox.env,
  });
  expect(shown.stdout).toMatch(
    /Why: "missing_context: the rates of 2027"[\s\S]*Left to whoever ordered it: missing_context/,
  );

  // Another task is at work: it has the group of the package manifests.
  const spec = loadTask("packets/OTHER.json", root);
  const other = moveRun(
    createRun({ root, spec, taskFile: "packets/OTHER.json", lane: "cli", origin: {}, keeper: identify() }),
    "running",
    { turn: 1 },
  );
  expect(await takeLease(other, loadConfig(root))).toEqual({ ok: true });

  const conflicted = await lab.run("CONFLICT");
  expect(conflicted).toMatchObject({
    code: 1,
    value: {
      state: "aborted",
      task_state: "blocked_conflict",
      changes: [{ path: "pkg/x.ts" }],
      refusals: expect.arrayContaining([
        expect.objectContaining({ code: "leased", path: "pkg/package.json" }),
      ]),
    },
  });
  expect(() => lab.repo.read("pkg/y.ts")).toThrow("ENOENT");
  expect(await lab.told(conflicted.value.run_id)).toMatchObject([
    { reason: "conflict_unresolved", message: expect.stringContaining(other.run_id) },
  ]);

  // The twin: a packet that does not abort on it is told of, too, and goes on with its other files.
  await runProgram(HANDRAIL, ["lock", "release", conflicted.value.run_id], {
    cwd: root,
    env: lab.sandbox.env,
  });
  const calm = await lab.run("CALM");
  expect(calm.value).toMatchObject({ state: "done", task_state: "done" });
  expect(lab.repo.read("pkg/y.ts")).toBe("written\n");
  expect(await lab.told(calm.value.run_id)).toMatchObject([{ reason: "conflict_unresolved" }]);

  const asked = lab.model.requests.length;
  const waited = await lab.run("WAIT", "--wait", "0.01");
  expect(waited).toMatchObject({ code: 5, value: { error: { code: "busy" } } });
  const run = runRecords(lab.sandbox).at(-1);
  expect(run).toMatchObject({ task_state: "blocked_conflict", error: { code: "lease-wait" } });
  expect(await lab.told(String(run?.run_id))).toMatchObject([{ reason: "lease_wait" }]);
  // In the other lane, too, before a server is started for it.
  const served = await lab.run("WAIT", "--wait", "0.01", "--lane", "serve");
  expect(served.code).toBe(5);
  expect(await lab.told(String(runRecords(lab.sandbox).at(-1)?.run_id))).toMatchObject([
    { reason: "lease_wait" },
  ]);
  expect(lab.model.requests).toHaveLength(asked);
  expect((processesMentioning(lab.sandbox.dir) ?? []).filter((line) => / serve /.test(line))).toEqual([]);
}, 300_000);

test("a transient failure of the model is tried again once under the same lease; the second one is escalated", async () => {
  const tries: Record<string, number> = {};
  const held: string[][] = [];
  const lab = await setUp(
    {
      RETRY: packet("RETRY", ["src/a.ts"], { validation: { commands: ["grep -q written src/a.ts"] } }),
      TWICE: packet("TWICE", ["src/b.ts"]),
    },
    (id, { step }) => {
      held.push(readLeases(join(projectState(lab.sandbox), "leases")).map((lease) => lease.task_id));
      if (step === 0) tries[id] = (tries[id] ?? 0) + 1;
      if (id === "TWICE" || tries[id] === 1) return [{ error: 400, message: "upstream timeout" }];
      return [write("src/a.ts"), text("Done.")];
    },
  );
  const done = await lab.run("RETRY");
  expect(done).toMatchObject({ code: 0, value: { state: "done", task_state: "done", verdict: "in_scope" } });
  expect(tries).toEqual({ RETRY: 2 });
  expect(new Set(held.map((tasks) => tasks.join()))).toEqual(new Set(["RETRY"]));
  const [first, second] = runRecords(lab.sandbox);
  expect(first).toMatchObject({ state: "failed", error: { message: expect.stringContaining("timeout") } });
  expect(second).toMatchObject({ state: "done", retry_of: first?.run_id, spec_hash: first?.spec_hash });
  for (const run of [first, second]) expect(await lab.told(String(run?.run_id))).toEqual([]);

  const failed = await lab.run("TWICE");
  expect(failed).toMatchObject({ code: 1, value: { state: "failed", task_state: "failed" } });
  expect(tries).toEqual({ RETRY: 2, TWICE: 2 });
  expect(runRecords(lab.sandbox)).toHaveLength(4);
  expect(lab.repo.read("src/b.ts")).toBe("b\n");
  expect(await lab.told(failed.value.run_id)).toMatchObject([{ reason: "retries_exhausted" }]);
});
