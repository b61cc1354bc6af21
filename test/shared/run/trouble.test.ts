import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { claimAll, peek } from "../../../shared/callback/inbox.ts";
import { listOutbox } from "../../../shared/callback/outbox.ts";
import { createRun } from "../../../shared/run/create.ts";
import { logEvent, readEvents } from "../../../shared/run/events.ts";
import { isLost } from "../../../shared/run/lost.ts";
import { identify } from "../../../shared/run/process.ts";
import { reap } from "../../../shared/run/reap.ts";
import { leaveUnclosed, listOpenRunIds, readRuns, runDir, saveRun } from "../../../shared/run/store.ts";
import { loadTask } from "../../../shared/task/load.ts";
import { projectState, runRecords, TASK_NAME } from "../../lab/delegation.ts";
import { runProgram } from "../../lab/process.ts";
import { makeSandbox, type Sandbox } from "../../lab/sandbox.ts";
import { buildTurn, noSmallDisk, setUpTurn, type TurnLab } from "../../lab/turn.ts";

let built: Sandbox;
beforeAll(async () => {
  built = makeSandbox();
  await buildTurn(built.dir);
  return () => built.close();
}, 60_000);

const setUp = () => setUpTurn(built.dir);

/** Claims what is in the caller's inbox: the turns' callbacks. */
function callbacks(lab: TurnLab) {
  const claimed = claimAll([lab.inbox]);
  claimed.told();
  return claimed.callbacks;
}

const smallDisk = noSmallDisk();
const why = smallDisk ? ` (not tried: ${smallDisk})` : "";

/** What befalls the state folder before the turn ends, what mends it, and how the turn is then known to have ended. */
const disks: [
  name: string,
  befalls: (state: string) => string,
  mend: (state: string) => string,
  ended: object,
][] = [
  [
    "full",
    // Block by block, then byte by byte.
    (state) =>
      `dd if=/dev/zero of='${state}/filler' bs=64k; dd if=/dev/zero bs=1 count=70000 >> '${state}/filler'; true`,
    (state) => `rm '${state}/filler'`,
    { mark: ".idle", state: "done" },
  ],
  [
    "read-only",
    (state) => `mount -o remount,ro '${state}'`,
    (state) => `mount -o remount,rw '${state}'`,
    // Not even a mark could be set: its process is gone, and that is what is known.
    { mark: "", state: "failed" },
  ],
];

test.skipIf(smallDisk).each(disks)(
  `a state folder that becomes %s in a turn: nothing half written, and the callback comes when it can${why}`,
  async (_name, befalls, mend, ended) => {
    const lab = setUp();
    const state = lab.sandbox.state;
    const kept = join(lab.sandbox.dir, "kept");
    const quoted = lab.turn("export const a = 2;\n").map((word) => `'${word.replaceAll("'", "'\\''")}'`);
    // Everything happens in a mount of its own, which is gone with this shell.
    const script = `set -e
      mkdir -p '${state}'
      mount -t tmpfs -o size=8m tmpfs '${state}'
      ${quoted.join(" ")}
      cp -a '${state}' '${kept}-then'
      ${mend(state)}
      '${process.execPath}' '${join(built.dir, "come-by.mjs")}' '${lab.repo.root}'
      cp -a '${state}' '${kept}'`;
    const run = await runProgram("unshare", ["-Urm", "sh", "-c", script], {
      cwd: lab.repo.root,
      env: { ...lab.env, LAB_BEFORE_END: befalls(state) },
    });
    expect([run.code, run.stderr]).toEqual([0, ""]);
    const at = (folder: string) => ({ ...lab.sandbox, state: folder });
    // Nobody was told; the run is left to whoever comes by.
    expect(peek(join(`${kept}-then`, "inbox/session-1"))).toEqual([]);
    const [record] = runRecords(at(`${kept}-then`));
    expect(record).toMatchObject({ state: "running", turn: 1 });
    const { mark, ...known } = { mark: "", ...ended };
    expect(readdirSync(join(projectState(at(`${kept}-then`)), "open"))).toEqual([`${record?.run_id}${mark}`]);
    const [id] = peek(join(kept, "inbox/session-1"));
    expect(JSON.parse(readFileSync(join(kept, "inbox/session-1", `${id}.json`), "utf8"))).toMatchObject({
      ...known,
      changes: [{ path: "src/a.ts" }],
    });
    expect(runRecords(at(kept))).toMatchObject([known]);
    expect(readdirSync(join(projectState(at(kept)), "open"))).toEqual([]);
    const names = readdirSync(kept, { recursive: true, encoding: "utf8" });
    expect(names.filter((name) => name.endsWith(".tmp"))).toEqual([]);
  },
);

test("a state folder that cannot be written: no turn, and nothing is changed", async () => {
  const lab = setUp();
  // Also for root: a file where the folder should be.
  writeFileSync(lab.sandbox.state, "in the way");
  const run = await lab.live("export const a = 2;\n");
  expect(run.code).toBe(1);
  expect(run.stderr).toMatch(/guard-failed.*cannot (be|read)/);
  expect(lab.repo.read("src/a.ts")).toBe("export const a = 1;\n");
});

test("an outbox that cannot be written when the turn ends: the next to come by calls back", async () => {
  const lab = setUp();
  await lab.live("export const a = 2;\n", {
    LAB_BEFORE_END: `touch "$(echo ${lab.sandbox.state}/projects/*)/outbox"`,
  });
  await expect(reap(lab.repo.root, lab.env)).rejects.toThrow(/outbox/);
  expect(callbacks(lab)).toEqual([]);
  rmSync(join(projectState(lab.sandbox), "outbox"));
  await reap(lab.repo.root, lab.env);
  await reap(lab.repo.root, lab.env);
  expect(callbacks(lab)).toMatchObject([{ state: "done", turn: 1 }]);
});

/** A run on record, as one whose process has died leaves it. */
function left(lab: TurnLab, executor = { ...identify(), pid: 999_999_999 }) {
  const record = createRun({
    root: lab.repo.root,
    spec: loadTask(TASK_NAME, lab.repo.root),
    taskFile: TASK_NAME,
    lane: "cli",
    origin: { session_id: "session-1", inbox: lab.inbox },
  });
  const running = { ...record, state: "running" as const, turn: 1, executor };
  saveRun(running);
  return running;
}

test("a run whose process lives, but whose turn could not be closed, is closed as it ended", async () => {
  const lab = setUp();
  for (const [how, state] of [
    ["idle", "done"],
    ["aborted", "aborted"],
    ["left", "aborted"],
    ["error", "failed"],
  ] as const) {
    const record = left(lab, identify());
    expect(await reap(lab.repo.root, lab.env)).toEqual([]);
    leaveUnclosed(record, how);
    expect(await reap(lab.repo.root, lab.env)).toMatchObject([{ run_id: record.run_id, state }]);
    expect(callbacks(lab)).toMatchObject([{ run_id: record.run_id, state }]);
  }
  expect(listOpenRunIds(lab.repo.root)).toEqual([]);
});

test("many that come by at once close a lost run once", async () => {
  const lab = setUp();
  const { run_id } = left(lab);
  const come = () =>
    runProgram(process.execPath, [join(built.dir, "come-by.mjs"), lab.repo.root], {
      cwd: lab.repo.root,
      env: lab.env,
    });
  const ends = await Promise.all([come(), come(), come()]);
  expect(ends.map(({ code, stderr }) => [code, stderr])).toEqual(ends.map(() => [0, ""]));
  expect(callbacks(lab)).toMatchObject([{ run_id, state: "failed" }]);
  const moves = readEvents(lab.repo.root, run_id).filter((event) => event.type === "state");
  expect(moves.map((event) => (event.type === "state" ? event.to : ""))).toEqual(["queued", "failed"]);
});

test("a torn event log and a torn outbox entry: what can be read counts, what cannot is kept and named", async () => {
  const lab = setUp();
  const record = left(lab);
  logEvent(record, { type: "refusal", code: "out-of-scope", path: "src/b.ts", tool: "edit" });
  appendFileSync(join(runDir(record.root, record.run_id), "events.jsonl"), '{"at":"2026-11-21T09:3');
  const outbox = join(projectState(lab.sandbox), "outbox");
  mkdirSync(outbox, { recursive: true });
  writeFileSync(join(outbox, "torn-t1.json"), '{"payload": {"schema": 1, "ru');
  await reap(lab.repo.root, lab.env);
  expect(callbacks(lab)).toMatchObject([{ state: "failed", refusals: [{ path: "src/b.ts" }] }]);
  expect(listOutbox(lab.repo.root)).toHaveLength(1);
  expect(readdirSync(outbox)).toContainEqual(expect.stringMatching(/^torn-t1\.json\.unreadable-/));
});

test.each(["", "{", "[]", "null", '{"schema":2}', "\0\0\0\0"])(
  "a run record that reads %j: named, kept, in nobody's way",
  async (garbage) => {
    const lab = setUp();
    const torn = left(lab);
    const good = left(lab);
    writeFileSync(join(runDir(torn.root, torn.run_id), "run.json"), garbage);
    expect(await reap(lab.repo.root, lab.env)).toMatchObject([{ run_id: good.run_id }]);
    const { runs, unreadable } = readRuns(lab.repo.root);
    expect(runs.map(({ run_id }) => run_id)).toEqual([good.run_id]);
    expect(unreadable).toEqual([expect.stringContaining(torn.run_id)]);
  },
);

test("a record torn while its turn goes on is made one again when the turn ends", async () => {
  const lab = setUp();
  const runs = `${lab.sandbox.state}/projects/*/runs/*/run.json`;
  await lab.live("export const a = 2;\n", { LAB_BEFORE_END: `for f in ${runs}; do printf '{' > "$f"; done` });
  expect(callbacks(lab)).toMatchObject([{ state: "done", changes: [{ path: "src/a.ts" }] }]);
});

test("a clock that was set does not make a run lost, or keep it", () => {
  const lab = setUp();
  vi.useFakeTimers({ toFake: ["Date"] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const kept = left(lab, identify());
  const gone = left(lab);
  const fresh = createRun({
    root: lab.repo.root,
    spec: loadTask(TASK_NAME, lab.repo.root),
    lane: "cli",
    origin: {},
    keeper: identify(),
  });
  for (const jump of [-400 * 86_400_000, 86_400_000, 400 * 86_400_000]) {
    vi.setSystemTime(Date.parse(fresh.created) + jump);
    expect([isLost(kept), isLost(fresh), isLost(gone)]).toEqual([false, false, true]);
  }
});
