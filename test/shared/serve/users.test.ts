import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { identify } from "../../../shared/run/process.ts";
import { readEntry, type ServerEntry, writeEntry } from "../../../shared/serve/entry.ts";
import { atServerGate } from "../../../shared/serve/gate.ts";
import { cleanUpServers, stopUnlessNeeded } from "../../../shared/serve/stop.ts";
import { joinServer, leaveServer, otherUsers } from "../../../shared/serve/users.ts";
import { projectDir } from "../../../shared/state/place.ts";
import { until } from "../../lab/process.ts";
import { makeSandbox, type Sandbox } from "../../lab/sandbox.ts";
import { processRuns } from "../../lab/serve.ts";

// Who may end a project's server. Any process stands for it: what counts is its record.

let sandbox: Sandbox;
beforeEach(() => {
  sandbox = makeSandbox();
  vi.stubEnv("HANDRAIL_STATE_DIR", sandbox.state);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await sandbox.close();
});

function sleeper(): ChildProcess & { pid: number } {
  const child = spawn("sleep", ["600"], { detached: true, stdio: "ignore" });
  const { pid } = child;
  if (pid === undefined) throw new Error("no process");
  onTestFinished(() => void child.kill("SIGKILL"));
  return Object.assign(child, { pid });
}

function serverOf(root: string): ServerEntry {
  const leader = identify(sleeper().pid);
  const entry: ServerEntry = {
    schema: 1,
    state: "ready",
    ...{
      url: "http://127.0.0.1:9",
      directory: root,
      password: "x",
      leader,
      version: "1",
      program: "p",
      plugin: "q",
    },
    started: new Date().toISOString(),
    reason: "a test",
  };
  writeEntry(entry);
  return entry;
}

/** A process that has joined the server, as far as its record tells. */
function joined(root: string): ChildProcess {
  const child = sleeper();
  const folder = join(projectDir(root), "serve-users");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${child.pid}.json`), JSON.stringify(identify(child.pid)));
  return child;
}

const unneeded = async () => undefined;

test("a server that another process works with is not ended; when that is gone, even by a kill, it is", async () => {
  const root = sandbox.dir;
  const entry = serverOf(root);
  const user = joined(root);
  const before = process.listenerCount("exit");
  for (let times = 0; times < 20; times += 1) joinServer(root); // who ends it may have joined it himself
  expect(process.listenerCount("exit")).toBe(before + 1);
  expect(otherUsers(root)).toMatchObject([{ pid: user.pid }]);
  expect(await stopUnlessNeeded(root, unneeded)).toEqual({
    stays: `process ${user.pid} of Handrail works with it`,
  });
  expect((await cleanUpServers(async () => true)).stopped).toEqual([]);
  expect(processRuns(entry.leader.pid)).toBe(true);
  user.kill("SIGKILL");
  await until("the user to end", () => !processRuns(user.pid ?? 0));
  expect(await stopUnlessNeeded(root, async () => "it works")).toEqual({ stays: "it works" });
  expect(await stopUnlessNeeded(root, unneeded)).toMatchObject({ ran: true });
  expect([processRuns(entry.leader.pid), readEntry(root), otherUsers(root)]).toEqual([false, undefined, []]);
  leaveServer(root);
  expect(await stopUnlessNeeded(root, unneeded)).toEqual({ stays: undefined, ran: false });
});

test("while one starts, joins or ends the server, the others wait, or are told; Ctrl-C ends the waiting", async () => {
  const root = sandbox.dir;
  const order: string[] = [];
  let open: () => void = () => undefined;
  const first = atServerGate(root, 0, async () => {
    order.push("first in");
    await new Promise<void>((resolve) => {
      open = resolve;
    });
    order.push("first out");
  });
  await until("the first at the gate", () => order.length > 0);
  await expect(atServerGate(root, 0, async () => undefined)).rejects.toMatchObject({ code: "busy" });
  const stop = new AbortController();
  const impatient = atServerGate(root, 60_000, async () => undefined, stop.signal);
  stop.abort();
  await expect(impatient).rejects.toMatchObject({ code: "interrupted" });
  const second = atServerGate(root, 60_000, async () => void order.push("second in"));
  serverOf(root);
  // Left alone: whoever is at the gate knows what becomes of it.
  expect(await cleanUpServers(async () => true)).toMatchObject({ stopped: [], forgotten: [] });
  open();
  await Promise.all([first, second]);
  expect(order).toEqual(["first in", "first out", "second in"]);
  expect((await cleanUpServers(async () => true)).stopped).toHaveLength(1);
});

test("whoever has got the number of a process that is gone is left alone, by stop and by cleanup", async () => {
  const root = sandbox.dir;
  const entry = serverOf(root);
  const gone = { ...entry, leader: { ...entry.leader, started: "1" } };
  writeEntry(gone);
  expect(await stopUnlessNeeded(root, unneeded)).toMatchObject({ ran: false });
  expect([processRuns(entry.leader.pid), readEntry(root)]).toEqual([true, undefined]);
  writeEntry(gone);
  expect(await cleanUpServers(async () => true)).toMatchObject({ stopped: [], forgotten: [gone] });
  expect([processRuns(entry.leader.pid), readEntry(root)]).toEqual([true, undefined]);

  // The launcher is the server's own, and the number of what it had started is another's by now, who has a child.
  const other = spawn("bash", ["-c", "set -m; sleep 600 & echo $!; wait"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const child = Number(await new Promise((resolve) => other.stdout.once("data", resolve)));
  writeEntry({ ...entry, process: { ...identify(other.pid), started: "1" } });
  expect(await stopUnlessNeeded(root, unneeded)).toMatchObject({ ran: true });
  const left = [processRuns(entry.leader.pid), processRuns(child)];
  for (const pid of [child, other.pid ?? 0]) process.kill(pid, "SIGKILL");
  expect(left).toEqual([false, true]);
});
