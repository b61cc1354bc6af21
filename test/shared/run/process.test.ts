import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { identify, isAlive } from "../../../shared/run/process.ts";
import { closing } from "../../lab/cleanup.ts";
import { until } from "../../lab/process.ts";

test("this process lives; a process that ended does not, nor does another one with its number", async () => {
  expect(isAlive(identify())).toBe(true);
  const child = spawn("sleep", ["60"]);
  const identity = identify(child.pid);
  expect(isAlive(identity)).toBe(true);
  child.kill("SIGKILL");
  await once(child, "close");
  expect(isAlive(identity)).toBe(false);
  if (existsSync("/proc/self/stat")) expect(isAlive({ ...identify(), started: "1" })).toBe(false);
});

test("a process of another host cannot be known to have ended", () => {
  expect(isAlive({ pid: 1, host: "another-host" })).toBe(true);
});

test.runIf(existsSync("/proc/self/stat"))("a zombie does not live", async () => {
  // A parent that never asks for its child's status.
  const parent = spawn("bash", ["-c", "sleep 0 & echo $!; exec sleep 60"]);
  closing({ close: () => parent.kill("SIGKILL") });
  const [pid] = await once(parent.stdout, "data");
  const identity = identify(Number(String(pid)));
  await until("it to end", () => /\) Z /.test(readFileSync(`/proc/${identity.pid}/stat`, "utf8")));
  expect(isAlive(identity)).toBe(false);
});
