import { spawnSync } from "node:child_process";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { identify } from "../../../shared/run/process.ts";
import {
  currentJob,
  isOpenJob,
  type Job,
  jobFile,
  listJobs,
  newJobId,
  requireJob,
  saveJob,
} from "../../../shared/serve/job.ts";
import { makeSandbox, type Sandbox } from "../../lab/sandbox.ts";

let sandbox: Sandbox;
beforeEach(() => {
  sandbox = makeSandbox();
  vi.stubEnv("HANDRAIL_STATE_DIR", sandbox.state);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await sandbox.close();
});

const jobIn = (directory: string, patch: Partial<Job> = {}): Job => ({
  schema: 1,
  job_id: newJobId(),
  kind: "session",
  directory,
  state: "running",
  started: new Date().toISOString(),
  ...patch,
});

/** A process that was, and is no more. */
function deadProcess() {
  const { pid } = spawnSync("true");
  return { ...identify(), pid, started: "1" };
}

test("a job is running only as long as its worker is", () => {
  const alive = jobIn("/a", { worker: identify() });
  expect(currentJob(alive)).toEqual(alive);
  const dead = currentJob(jobIn("/a", { worker: deadProcess() }));
  expect([dead.state, isOpenJob(dead)]).toEqual(["lost", false]);
  // Nobody took it up in time.
  const old = new Date(Date.now() - 3_600_000).toISOString();
  expect(currentJob(jobIn("/a", { state: "queued", started: old })).state).toBe("lost");
  expect(currentJob(jobIn("/a", { state: "queued" })).state).toBe("queued");
  // What it came to stays, whatever became of the worker.
  expect(currentJob(jobIn("/a", { state: "done", worker: deadProcess() })).state).toBe("done");
});

test("a job is found from another project by its id, one file each, for the user alone", () => {
  const one = jobIn("/a/project");
  const other = jobIn("/b/project");
  saveJob(one);
  saveJob(other);
  expect(requireJob(one.job_id, "/b/project")).toEqual(one);
  expect(requireJob(one.job_id, undefined)).toEqual(one);
  expect(listJobs("/b/project").jobs).toEqual([other]);
  expect(statSync(jobFile("/a/project", one.job_id)).mode & 0o777).toBe(0o600);
  expect(() => requireJob("j20000101T000000-000000", "/a/project")).toThrow(/no job/);
  expect(() => requireJob("../../x", "/a/project")).toThrow(/not a job id/);
});

test("a file that does not parse is told of and kept; the others are listed", () => {
  const good = jobIn("/a/project");
  const bad = jobIn("/a/project");
  saveJob(good);
  saveJob(bad);
  writeFileSync(jobFile("/a/project", bad.job_id), "{");
  const { jobs, unreadable } = listJobs("/a/project");
  expect(jobs).toEqual([good]);
  expect(unreadable.join()).toContain(join("jobs", `${bad.job_id}.json`));
});
