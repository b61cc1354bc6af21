import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { proveDisjoint } from "../../shared/lock/disjoint.ts";
import { isHeld } from "../../shared/lock/lease.ts";
import { readLeases } from "../../shared/lock/store.ts";
import { type Delegation, projectState, setUpDelegation } from "../lab/delegation.ts";
import { packetJson } from "../lab/packet.ts";
import { processesMentioning, projectRoot, runProgram } from "../lab/process.ts";
import { call, type ModelRequest, type Step, text } from "../lab/script.ts";

const HANDRAIL = join(projectRoot, "claude-hooks/bin/handrail");

interface Wanted {
  files: string[];
  module: string;
  parallel?: boolean;
  validation?: string[];
  steps: Step[];
}

const write = (filePath: string, content: string): Step => call("write", { filePath, content });
const bash = (command: string): Step => call("bash", { command, description: "run" });

/** Eight packets; three of them want `src/a.ts`, two a package manifest, one is told by nobody to go beside others. */
const PACKETS: Record<string, Wanted> = {
  P1: {
    files: ["src/a.ts"],
    module: "a",
    steps: [write("src/a.ts", "P1\n"), write("src/b.ts", "stolen\n")],
    validation: ["grep -q P1 src/a.ts"],
  },
  P2: {
    files: ["src/b.ts"],
    module: "b",
    // What the second part does is not certain before it runs; it does not land.
    steps: [bash('echo P2 > src/b.ts; node -e \'require("fs").appendFileSync("src/a.ts", "P2")\'')],
    validation: ["grep P2 src/b.ts", "echo out > src/c.ts; exit 3"],
  },
  P3: { files: ["src/c.ts"], module: "c", steps: [write("src/c.ts", "P3\n")] },
  P4: { files: ["src/a.ts"], module: "d", steps: [bash("echo P4 >> src/a.ts")] },
  P5: { files: ["one/package.json"], module: "e", steps: [write("one/package.json", '{"name":"P5"}\n')] },
  P6: { files: ["two/package.json"], module: "f", steps: [write("two/package.json", '{"name":"P6"}\n')] },
  P7: { files: ["src/"], module: "g", steps: [bash("echo P7 >> src/a.ts; echo P7 >> src/c.ts")] },
  P8: { files: ["docs/x.md"], module: "h", parallel: false, steps: [text("Nothing to do.")] },
};

/** What a report has to hold. */
const ASKS = { include: ["test evidence", "changed files"], events: ["start", "mid", "done_or_blocked"] };

function packet(
  id: string,
  { files, module, parallel = true, validation = ["true"] }: Wanted,
  asks: typeof ASKS,
): string {
  return packetJson(id, files, {
    scope: { file_paths: files, module_boundaries: [module] },
    conflict_policy: { mode: "sequential_default", parallel_allowed: parallel },
    acceptance: ["AC1"],
    validation: { commands: validation, must_include: asks.include },
    checkpoint_plan: { interval: "per milestone", required_events: asks.events },
  });
}

/** The eight packets in a repository. @param also does something at each request of the model */
async function setUp(also: (id: string, request: ModelRequest) => void = () => undefined, asks = ASKS) {
  /** Leases that were held beside each other and must not be. */
  const problems: string[] = [];
  let most = 0;
  const script = (request: ModelRequest): Step[] => {
    const leases = join(projectState(lab.sandbox), "leases");
    const held = existsSync(leases) ? readLeases(leases).filter((lease) => isHeld(lease)) : [];
    most = Math.max(most, held.length);
    for (const one of held) {
      for (const other of held.filter((lease) => lease.run_id > one.run_id)) {
        const compared = proveDisjoint(one.claims, other.claims, MODULES);
        if (!compared.disjoint) problems.push(`${one.task_id} beside ${other.task_id}: ${compared.reason}`);
      }
    }
    const id = /Work of (P\d)/.exec(request.userText)?.[1] ?? "";
    also(id, request);
    return [...(PACKETS[id]?.steps ?? []), text("Done.")];
  };
  const files = Object.keys(PACKETS).map((id) => `packets/${id}.json`);
  const lab = await setUpDelegation(script, {
    plugins: [],
    repo: {
      files: {
        "src/a.ts": "a\n",
        "src/b.ts": "b\n",
        "src/c.ts": "c\n",
        "packets/specs.md": "# Specs\n",
        "handrail.config.json": JSON.stringify({ modules: MODULES }),
        ...Object.fromEntries(
          Object.entries(PACKETS).map(([id, wanted]) => [`packets/${id}.json`, packet(id, wanted, asks)]),
        ),
      },
      ignore: ["opencode_tasks/"],
    },
  });
  const env = { ...lab.opencode.env, ...lab.sandbox.env };
  const handrail = (args: string[]) =>
    runProgram(HANDRAIL, [...args, "--json"], { cwd: lab.repo.root, env, timeout: 400_000 });
  return { lab, files, handrail, problems, most: () => most };
}

/** Nothing is clobbered: each file has what its packets wrote, in the order of the plan. */
function expectAllWritten({ repo }: Delegation): void {
  expect(["src/a.ts", "src/b.ts", "src/c.ts"].map((file) => repo.read(file))).toEqual([
    "P1\nP4\nP7\n",
    "P2\n",
    "P3\nP7\n",
  ]);
  expect([repo.read("one/package.json"), repo.read("two/package.json")]).toEqual([
    '{"name":"P5"}\n',
    '{"name":"P6"}\n',
  ]);
}

test("eight packets, some overlapping: in order where they must be, beside each other where proven, with their evidence", async () => {
  const { lab, files, handrail, problems, most } = await setUp();

  const dry = JSON.parse((await handrail(["schedule", "--dry-run", ...files])).stdout);
  const after = (id: string) =>
    dry.plan
      .find((one: { task_id: string }) => one.task_id === id)
      .after.map((one: { file: string }) => /P\d/.exec(one.file)?.[0]);
  expect(["P1", "P2", "P3", "P4", "P5", "P6"].map(after)).toEqual([[], [], [], ["P1"], [], ["P5"]]);
  expect(after("P7")).toEqual(["P1", "P2", "P3", "P4"]);
  expect(after("P8")).toHaveLength(7);
  expect(lab.runs()).toEqual([]);

  const done = await handrail(["schedule", "--parallel", "3", ...files]);
  const { tasks } = JSON.parse(done.stdout);
  const of = (id: string) => tasks[Object.keys(PACKETS).indexOf(id)];
  expect(problems).toEqual([]);
  expect(most()).toBeGreaterThan(1);

  expectAllWritten(lab);

  expect(tasks.map((one: { task_state: string }) => one.task_state)).toEqual([
    ...["done", "failed", "done", "done", "done", "done", "done"],
    "checkpoint_needed",
  ]);
  expect(of("P1")).toMatchObject({
    state: "done",
    verdict: "in_scope",
    validation: [{ command: "grep -q P1 src/a.ts", exitCode: 0 }],
    end: { kind: "END", task_id: "P1", complete: true, files_changed: ["src/a.ts"], missing: [] },
    refusals: [{ path: "src/b.ts" }],
  });
  // Two validation commands, the second of which fails and writes out of scope: it does not land.
  expect(of("P2")).toMatchObject({
    state: "done",
    verdict: "in_scope",
    validation: [{ exitCode: 0, tail: "P2" }, { exitCode: 3 }],
  });
  expect(of("P8").end.missing).toEqual([
    "MID checkpoint: not on record",
    "changed files: no file was changed",
  ]);
  expect(done.code).toBe(1);

  // The report of P8 lacks something: its lease waits for a person, who looks and gives it back.
  const leases = join(projectState(lab.sandbox), "leases");
  expect(readdirSync(leases).filter((name) => name.endsWith(".json"))).toHaveLength(1);
  const kept = await handrail(["lock", "release", of("P8").run_id]);
  expect([kept.code, JSON.parse(kept.stdout).error.message]).toEqual([
    1,
    expect.stringContaining("END report is not complete"),
  ]);
  const forced = await handrail(["lock", "release", "--force", of("P8").run_id]);
  expect(JSON.parse(forced.stdout)).toMatchObject({ files: ["docs/x.md"], complete: false });
  expect(JSON.parse((await handrail(["lock", "list"])).stdout)).toEqual([]);

  // What each was told to work from, and its checkpoints.
  const system = lab.model.requests.find((request) => request.userText.includes("Work of P1"))?.system ?? "";
  expect(system).toContain("Read first, and do not change: packets/specs.md.");
  expect(system).toMatch(/read no tracker \(Jira or other\) for it, and deploy nothing\./);
  expect(system).toContain("Acceptance criteria, which are not yours to change:\n- AC1");
  expect(system).toMatch(/Skills: use those that fit; where the packet names a workflow, follow that one\./);
  const shown = JSON.parse((await handrail(["show", of("P1").run_id])).stdout);
  expect(shown.checkpoints.map((one: { kind: string }) => one.kind)).toEqual(["START", "MID", "END"]);
  expect(shown.handoff).toMatchObject({ lane: "cli", task_id: "P1", artifacts: ["packets/specs.md"] });
  const events = readFileSync(
    join(projectState(lab.sandbox), "runs", of("P1").run_id, "events.jsonl"),
    "utf8",
  );
  expect(events.match(/"type":"checkpoint"/g)).toHaveLength(3);
}, 600_000);

test("eight packets, killed in the middle with all they started; what is left is started again: no lease lost or left", async () => {
  let kill: (() => void) | undefined;
  const { lab, files, handrail, problems } = await setUp(
    (id, { step }) => {
      // P1 is over by then, others are at work or wait; what P4 has written is in the tree.
      if (id !== "P4" || step !== 1 || !kill) return;
      const now = kill;
      kill = undefined;
      now();
    },
    // What was written before the kill is no change any more.
    { include: ["test evidence"], events: ["start"] },
  );
  const killed: string[] = [];
  kill = () => {
    for (const line of processesMentioning(lab.sandbox.dir) ?? []) {
      killed.push(line);
      process.kill(Number.parseInt(line, 10), "SIGKILL");
    }
  };
  const first = await handrail(["schedule", "--parallel", "3", ...files]);
  expect(first).toMatchObject({ signal: "SIGKILL", stdout: "" });
  expect(killed.some((line) => line.includes("schedule"))).toBe(true);
  const before = lab.runs();
  const isDone = (run: Record<string, unknown>) => run.state === "done" && run.ended !== undefined;
  expect(before.some((run) => !isDone(run))).toBe(true);
  // Whoever orders the work looks at what is over, and confirms it.
  for (const run of before.filter(isDone)) await handrail(["lock", "release", String(run.run_id)]);
  const over = new Set(before.filter(isDone).map((run) => run.task_file));
  const left = files.filter((file) => !over.has(file));
  expect(left).toEqual(expect.arrayContaining(["packets/P4.json", "packets/P7.json", "packets/P8.json"]));

  const again = await handrail(["schedule", "--parallel", "3", ...left]);
  const { tasks } = JSON.parse(again.stdout);
  expect(problems).toEqual([]);
  expect(tasks.map((one: { state: string }) => one.state)).toEqual(left.map(() => "done"));
  // Nothing is clobbered; what P4 adds was there once already.
  expect(["src/a.ts", "src/b.ts", "src/c.ts"].map((file) => lab.repo.read(file))).toEqual([
    "P1\nP4\nP4\nP7\n",
    "P2\n",
    "P3\nP7\n",
  ]);
  // Each run has ended, and called back, once: those that were killed, too.
  const runs = lab.runs();
  expect(runs).toHaveLength(before.length + left.length);
  expect(runs.every((run) => run.ended !== undefined)).toBe(true);
  const ends = lab.callbacks().filter(({ kind }) => kind === "end");
  expect(ends.map(({ run_id }) => run_id).sort()).toEqual(runs.map(({ run_id }) => run_id).sort());
  const p4 = runs.filter((run) => run.task_file === "packets/P4.json");
  expect(p4.map((run) => run.state)).toEqual(["failed", "done"]);
  expect(JSON.parse((await handrail(["lock", "list"])).stdout)).toEqual([]);
}, 600_000);

const MODULES = Object.fromEntries("abcdefgh".split("").map((name) => [name, { dependsOn: [] }]));
