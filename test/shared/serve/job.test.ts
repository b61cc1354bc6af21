import { spawnSync } from "node:child_process";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createRun } from "../../../shared/run/create.ts";
import { identify } from "../../../shared/run/process.ts";
import { saveRun } from "../../../shared/run/store.ts";
import {
  currentJob,
  isOpenJob,
  type Job,
  jobFile,
  listJobs,
  newJobId,
  readJobFile,
  requireJob,
  saveJob,
} from "../../../shared/serve/job.ts";
import { loadTask } from "../../../shared/task/load.ts";
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

test("a job whose worker left its run, at a question or when the time was up, is what its run has come to", () => {
  const root = sandbox.dir;
  writeFileSync(join(root, "task.txt"), "Change a\n\nFiles to modify:\n- a.ts\n");
  const spec = loadTask("task.txt", root);
  const run = createRun({ root, spec, lane: "serve", origin: {} });
  const job = (state: Job["state"], more: Partial<Job> = {}) =>
    jobIn(root, {
      state,
      run_id: run.run_id,
      worker: deadProcess(),
      result: { state },
      exit_code: 5,
      ...more,
    });
  const waits = { ...run, state: "awaiting_permission" as const };
  saveRun(waits);
  expect(currentJob(job("awaiting_permission")).state).toBe("awaiting_permission");
  saveRun({ ...waits, state: "running" });
  const answered = currentJob(job("awaiting_permission"));
  expect([answered.state, isOpenJob(answered), answered.result]).toEqual(["running", true, undefined]);
  expect(currentJob(job("timed_out")).state).toBe("timed_out");
  saveRun({ ...waits, state: "done", ended: run.created });
  for (const state of ["awaiting_permission", "timed_out", "running"] as const) {
    const { result, exit_code, ...now } = currentJob(
      job(state, state === "running" ? { result: undefined } : {}),
    );
    expect([now.state, now.ended, result]).toEqual(["done", run.created, undefined]);
  }
  // A review is more than its newest run.
  expect(currentJob(job("timed_out", { kind: "review" })).state).toBe("timed_out");
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
  // Also whoever asks later: a job that was is not one that never was.
  expect(listJobs("/a/project").unreadable).toEqual(unreadable);
  expect(() => requireJob(bad.job_id, "/a/project")).toThrow(/not readable and was kept/);
  expect(requireJob(good.job_id, "/a/project")).toEqual(good);
  expect(() => requireJob("j20000101T000000-000000", "/a/project")).toThrow(/no job/);
});

test("a record that a later version wrote is kept, and it says so", () => {
  const job = jobIn("/a/project");
  saveJob(job);
  writeFileSync(jobFile("/a/project", job.job_id), JSON.stringify({ ...job, schema: 2 }));
  expect(() => readJobFile(jobFile("/a/project", job.job_id))).toThrow(
    /another version of Handrail wrote it/,
  );
});
