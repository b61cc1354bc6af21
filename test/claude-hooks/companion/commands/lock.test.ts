import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test, vi } from "vitest";
import { runSchedule, scheduleOf } from "../../../../claude-hooks/companion/schedule.ts";
import { loadConfig } from "../../../../shared/config/config.ts";
import { leasesDir, readLeases } from "../../../../shared/lock/store.ts";
import { checkpointOf, noteCheckpoint } from "../../../../shared/run/checkpoints.ts";
import { closeTurn } from "../../../../shared/run/close.ts";
import { createRun } from "../../../../shared/run/create.ts";
import { takeLease } from "../../../../shared/run/lease.ts";
import { moveRun } from "../../../../shared/run/move.ts";
import { settleLease } from "../../../../shared/run/settle.ts";
import { loadTask } from "../../../../shared/task/load.ts";
import { place, type TestRepo } from "../../../shared/tree/fixture.ts";
import { handrail } from "../handrail.ts";

const run = handrail();

function packet(repo: TestRepo, id: string, files: string[], more: Record<string, unknown> = {}): string {
  const file = `packets/${id}.json`;
  const value = {
    packet_version: "v1",
    task_id: id,
    workstream: "feature",
    owner_agent: "fullstack",
    session_key: `coding:${id}`,
    objective: "Work",
    scope: { file_paths: files, module_boundaries: [id] },
    conflict_policy: { parallel_allowed: true },
    acceptance: ["AC1"],
    validation: { commands: ["npm test"] },
    ...more,
  };
  mkdirSync(join(repo.root, "packets"), { recursive: true });
  writeFileSync(join(repo.root, file), JSON.stringify(value));
  return file;
}

/** A run of a packet that holds its lease, for this process. */
async function active(repo: TestRepo, file: string) {
  const spec = loadTask(file, repo.root);
  const queued = createRun({ root: repo.root, spec, taskFile: file, lane: "cli", origin: {} });
  const record = moveRun(queued, "running", { turn: 1 });
  expect(await takeLease(record, loadConfig(repo.root))).toEqual({ ok: true });
  return record;
}

let repo: TestRepo;
beforeEach(() => {
  repo = place().repo({ "src/a.ts": "a\n", "src/b.ts": "b\n" });
  const modules = Object.fromEntries(["A", "B", "C"].map((name) => [name, { dependsOn: [] }]));
  writeFileSync(join(repo.root, "handrail.config.json"), JSON.stringify({ modules }));
  vi.stubEnv("CLAUDECODE", "");
});

test("list says who holds what; release asks for an ended run and its report, or for force", async () => {
  const record = await active(repo, packet(repo, "A", ["src/a.ts", "package.json"]));
  const { json } = run(repo.root, ["lock", "list", "--json"]);
  expect(json).toMatchObject([
    {
      run_id: record.run_id,
      task_id: "A",
      owner: "fullstack",
      state: "active",
      files: ["src/a.ts", "package.json"],
      modules: ["A"],
      groups: ["package manifests"],
      holder: { pid: process.pid, alive: true },
      expires: expect.any(String),
      renewed: expect.any(String),
    },
  ]);
  expect(run(repo.root, ["lock", "list"]).stdout).toContain(`${record.run_id}  A (fullstack): at work`);
  expect(run(repo.root, ["lock", "release", record.run_id, "--json"])).toMatchObject({
    code: 5,
    json: { error: { code: "busy" } },
  });
  await settleLease(record, "done");
  expect(run(repo.root, ["lock", "release", record.run_id, "--json"])).toMatchObject({
    code: 1,
    json: { error: { message: expect.stringContaining("there is no END report") } },
  });
  const end = {
    kind: "END",
    state: "done",
    summary: "",
    complete: true,
    lock_release_request: true,
  } as const;
  noteCheckpoint(record, checkpointOf(record, end));
  expect(run(repo.root, ["lock", "list"]).stdout).toContain(`handrail lock release ${record.run_id}`);
  expect(run(repo.root, ["lock", "release", record.run_id]).stdout).toContain("has given back src/a.ts");
  expect(run(repo.root, ["lock", "list"]).stdout).toBe("nothing is locked: no run is at work\n");
  expect(run(repo.root, ["lock", "release", record.run_id]).code).toBe(2);
});

test("transfer needs a checkpoint, what the lease holds, a receiver whose scope has it, and the handoff rules", async () => {
  const giver = await active(repo, packet(repo, "A", ["src/a.ts", "src/b.ts"]));
  const helper = packet(repo, "B", ["src/a.ts"], { owner_agent: "assistant" });
  const transfer = (...args: string[]) =>
    run(repo.root, ["lock", "transfer", giver.run_id, "--json", ...args]);
  const refusal = (...args: string[]) => transfer(...args).json.error.message;
  expect(refusal("--to", helper, "--path", "src/a.ts")).toContain("has no checkpoint yet");
  noteCheckpoint(giver, checkpointOf(giver, { kind: "MID", state: "running", summary: "" }));
  expect(refusal("--to", helper)).toContain("needs what to hand over");
  expect(refusal("--to", helper, "--path", "src/c.ts")).toContain('does not hold "src/c.ts"');
  expect(refusal("--to", helper, "--path", "src/b.ts")).toContain("not in the scope of B");
  expect(refusal("--to", helper, "--module", "C")).toContain('does not hold the module "C"');
  const governance = packet(repo, "C", ["src/a.ts"], { owner_agent: "scrum" });
  expect(refusal("--to", governance, "--path", "src/a.ts")).toContain("fullstack hands work over only to");
  expect(transfer("--to", helper, "--path", "src/a.ts").json).toMatchObject({ to: "B", checkpoint: "MID" });
  await active(repo, helper);
  expect(run(repo.root, ["lock", "list", "--json"]).json).toMatchObject([
    { task_id: "A", given: [{ to: "B", paths: ["src/a.ts"] }] },
    { task_id: "B", files: ["src/a.ts"] },
  ]);
});

test("schedule plans what is in order and what may go side by side, and says why", () => {
  const files = [
    packet(repo, "A", ["src/a.ts"]),
    packet(repo, "B", ["src/b.ts"]),
    packet(repo, "C", ["src/"]),
  ];
  const { code, stdout } = run(repo.root, ["schedule", "--dry-run", ...files]);
  expect(code).toBe(0);
  expect(stdout).toBe(
    [
      "  1. packets/A.json  at once",
      "  2. packets/B.json  at once",
      "     beside packets/A.json: paths, modules and shared groups do not overlap",
      "  3. packets/C.json  waits",
      '     after packets/A.json: "src/a.ts" lies in "src/"',
      '     after packets/B.json: "src/b.ts" lies in "src/"',
      "",
    ].join("\n"),
  );
  expect(run(repo.root, ["schedule", "--dry-run", files[0] ?? "", files[0] ?? "", "--json"])).toMatchObject({
    code: 2,
    json: { error: { message: "packets/A.json is given twice" } },
  });
  expect(run(repo.root, ["schedule", "--parallel", "0", files[0] ?? ""]).code).toBe(2);
  writeFileSync(join(repo.root, "packets/bad.json"), '{"packet_version":"v1"}');
  expect(run(repo.root, ["schedule", "packets/A.json", "packets/bad.json", "--json"]).json.error.code).toBe(
    "invalid-task",
  );
});

test("doctor --handoff goes through the checklist, each item checked", async () => {
  const file = packet(repo, "A", ["src/a.ts"]);
  writeFileSync(join(repo.root, "packets/tasks.md"), "- [ ] one\n");
  const items = (name = file, env: NodeJS.ProcessEnv = {}) => {
    const { json, code } = run(repo.root, ["doctor", "--handoff", name, "--json"], env);
    const parts: { name: string; status: string; message: string }[] = json.parts;
    return { code, of: (wanted: string) => parts.find((part) => part.name === wanted) };
  };
  const good = items(file, { HANDRAIL_ORIGIN_SESSION_ID: "s1" });
  expect(good.code).toBe(0);
  expect(good.of("packet")?.status).toBe("ok");
  expect(good.of("artifacts")?.message).toBe("beside it: packets/tasks.md");
  expect(good.of("callback")?.message).toBe("expected in session s1");
  expect(good.of("leases")?.message).toBe("nothing is in the way");
  await active(repo, file);
  expect(items(packet(repo, "B", ["src/"])).of("leases")).toMatchObject({
    status: "warning",
    message: expect.stringContaining('"src/a.ts" lies in "src/"'),
  });
  expect(items(packet(repo, "A", ["src/a.ts"], { acceptance: ["AC2"] })).of("acceptance")).toMatchObject({
    status: "problem",
    message: expect.stringContaining('gone: "AC1"; new: "AC2"'),
  });
  const stranger = items(packet(repo, "C", ["src/b.ts"], { owner_agent: "nobody" }));
  expect(stranger.code).toBe(5);
  expect(stranger.of("owner")?.message).toContain("is not in the agent matrix");
});

test("a schedule goes on after one that was killed: what failed with it is in nobody's way, whatever the order", async () => {
  const killed = await active(repo, packet(repo, "A", ["src/a.ts"]));
  await closeTurn(killed, { outcome: "lost" });
  const files = [packet(repo, "B", ["src/a.ts", "src/b.ts"]), "packets/A.json"];
  expect(readLeases(leasesDir(repo.root))).toMatchObject([{ run_id: killed.run_id, awaiting: {} }]);
  const outcomes = await runSchedule({
    root: repo.root,
    entries: scheduleOf(files, repo.root, repo.root),
    most: 2,
    start: async ({ file }) => closeTurn(await active(repo, file), { outcome: "aborted" }),
    stopped: () => false,
  });
  expect(outcomes.map(({ problem, run }) => problem ?? run?.state)).toEqual(["aborted", "aborted"]);
  expect(readLeases(leasesDir(repo.root))).toEqual([]);
});

test("explain says that a write would be refused because another run holds it, and takes nothing", async () => {
  const holder = await active(repo, packet(repo, "A", ["src/a.ts", "package.json"]));
  mkdirSync(join(repo.root, "opencode_tasks"), { recursive: true });
  const task = "opencode_tasks/20261121-wide.txt";
  writeFileSync(join(repo.root, task), "Work\n\nFiles to modify:\n- src/\n- one/package.json\n");
  const explain = (filePath: string, file = task) => {
    const args = JSON.stringify({ filePath, content: "x" });
    return run(repo.root, ["explain", "--task", file, "--tool", "write", "--args", args, "--json"]).json;
  };
  const leases = () => run(repo.root, ["lock", "list", "--json"]).json;
  const before = leases();
  expect(explain("src/a.ts")).toMatchObject({
    decision: "refuse",
    code: "leased",
    path: "src/a.ts",
    message: expect.stringContaining(`run ${holder.run_id} of task`),
  });
  // By its shared group, although nobody names the file itself.
  expect(explain("one/package.json")).toMatchObject({
    code: "leased",
    message: expect.stringContaining("package manifests"),
  });
  expect(explain("src/b.ts")).toMatchObject({ decision: "allow" });
  // The task that holds it may go on, and what the task itself forbids is said first.
  expect(explain("src/a.ts", "packets/A.json")).toMatchObject({ decision: "allow" });
  expect(explain("README.md")).toMatchObject({ code: "out-of-scope" });
  expect(leases()).toEqual(before);
});
