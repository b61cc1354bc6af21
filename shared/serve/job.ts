import { randomBytes } from "node:crypto";
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import * as z from "zod/mini";
import { HandrailError } from "../errors.ts";
import { isAlive, processIdentitySchema } from "../run/process.ts";
import { isOver, type RunRecord } from "../run/record.ts";
import { readableRun } from "../run/store.ts";
import { keptAside, readJson, writeJson } from "../state/files.ts";
import { projectDir } from "../state/place.ts";
import { projectFolders } from "./entry.ts";

const JOB_ID = /^j\d{8}T\d{6}-[0-9a-f]{6}$/;
/** A job that no worker took up within this time has none, in milliseconds. */
const TAKE_UP_MS = 60_000;

export const JOB_STATES = [
  "queued",
  "running",
  "awaiting_permission",
  "done",
  "failed",
  "aborted",
  "blocked",
  "timed_out",
  "lost",
] as const;
export type JobState = (typeof JOB_STATES)[number];
const OPEN: ReadonlySet<JobState> = new Set(["queued", "running"]);
const OVER: ReadonlySet<JobState> = new Set(["done", "failed", "aborted", "blocked"]);

/** `jobs/<job_id>.json`: a verb that runs in the background. Written by one process at a time. */
export const jobSchema = z.object({
  schema: z.literal(1),
  job_id: z.string(),
  kind: z.enum(["session", "run", "review"]),
  /** Real path of the working tree's top level. */
  directory: z.string(),
  state: z.enum(JOB_STATES),
  /** The process that does it, once it has taken it up. */
  worker: z.optional(processIdentitySchema),
  session_id: z.optional(z.string()),
  run_id: z.optional(z.string()),
  started: z.string(),
  ended: z.optional(z.string()),
  /** What the verb printed, as JSON, and its exit code. */
  result: z.optional(z.unknown()),
  exit_code: z.optional(z.number()),
});
export type Job = z.infer<typeof jobSchema>;

/** A job id that sorts by time: `j20261121T093012-1a2b3c`. */
export function newJobId(now: Date = new Date()): string {
  const stamp = now.toISOString().replace(/[-:]/g, "").slice(0, 15);
  return `j${stamp}-${randomBytes(3).toString("hex")}`;
}

export function saveJob(job: Job): void {
  writeJson(jobFile(job.directory, job.job_id), job);
}

/** @throws HandrailError `bad-input` for an id that is none: it becomes part of a path */
export function jobFile(root: string, jobId: string): string {
  return join(projectDir(root), "jobs", nameOf(jobId));
}

/** @throws HandrailError `state-unreadable` */
export function readJobFile(file: string): Job | undefined {
  return readJson(file, jobSchema);
}

/**
 * Finds a job by its id, in this project first and then in all others: the id says which it belongs to,
 * whatever folder somebody asks from.
 * @throws HandrailError `not-found`, `bad-input`, `state-unreadable`
 */
export function requireJob(jobId: string, root: string | undefined): Job {
  const own = root === undefined ? [] : [projectDir(root)];
  const others = projectFolders().filter((folder) => !own.some((one) => basename(one) === basename(folder)));
  for (const folder of [...own, ...others]) {
    const job = readJobFile(join(folder, "jobs", nameOf(jobId)));
    if (job) return job;
  }
  for (const folder of [...own, ...others]) {
    const [file] = keptAside(join(folder, "jobs"), nameOf(jobId));
    if (file !== undefined)
      throw new HandrailError("state-unreadable", asideMessage(file), { fix: "handrail runs" });
  }
  throw new HandrailError("not-found", `no job ${jobId}`, { fix: "handrail job list" });
}

/** The jobs of a project, oldest first. @returns also a sentence for each that cannot be read, now or earlier */
export function listJobs(root: string): { jobs: Job[]; unreadable: string[] } {
  const folder = join(projectDir(root), "jobs");
  const jobs: Job[] = [];
  const unreadable: string[] = [];
  for (const name of namesIn(folder)) {
    try {
      const job = readJobFile(join(folder, name));
      if (job) jobs.push(job);
    } catch (error) {
      if (!(error instanceof HandrailError)) throw error;
      if (keptAside(folder, name).length === 0) unreadable.push(error.message);
    }
  }
  return { jobs, unreadable: [...unreadable, ...keptAside(folder).map(asideMessage)] };
}

function asideMessage(file: string): string {
  return `the record of job ${basename(file).split(".")[0]} was not readable and was kept as ${file}`;
}

/**
 * A job as it is now. One whose worker is gone is not running: its run's record says what it came to, and
 * where that has not ended either, the job is `lost` (its session may go on: it can be attached). One whose
 * worker left its run at a question, or when the time was up, is what has become of the run since.
 */
export function currentJob(job: Job): Job {
  const left = isLeft(job);
  if (!left && (!OPEN.has(job.state) || hasWorker(job))) return job;
  const run = job.run_id === undefined ? undefined : readableRun(job.directory, job.run_id);
  if (run && isOver(run)) return endedWith(job, run);
  if (!left) return { ...job, state: "lost" };
  const goesOn = job.state === "awaiting_permission" && run !== undefined && run.state !== job.state;
  return goesOn ? { ...withoutResult(job), state: "running" } : job;
}

/** The worker has ended, and its run has not. A review is made of several runs: what it said counts. */
function isLeft({ state, kind }: Job): boolean {
  return kind !== "review" && (state === "awaiting_permission" || state === "timed_out");
}

function endedWith(job: Job, run: RunRecord): Job {
  const state =
    run.state === "done" || run.state === "blocked" || run.state === "aborted" ? run.state : "failed";
  return { ...withoutResult(job), state, ...(run.ended === undefined ? {} : { ended: run.ended }) };
}

/** What its worker said is not what it came to. */
function withoutResult(job: Job): Job {
  const { result: _, exit_code: _code, ended: _ended, ...rest } = job;
  return rest;
}

/** Whether a job is still to come to something. */
export function isOpenJob({ state }: Job): boolean {
  return OPEN.has(state);
}

/** Whether nothing of a job goes on any more. */
export function isOverJob({ state }: Job): boolean {
  return OVER.has(state);
}

function hasWorker({ worker, started }: Job): boolean {
  return worker ? isAlive(worker) : Date.now() - Date.parse(started) < TAKE_UP_MS;
}

function nameOf(jobId: string): string {
  if (JOB_ID.test(jobId)) return `${jobId}.json`;
  throw new HandrailError("bad-input", `not a job id: ${JSON.stringify(jobId.slice(0, 60))}`, {
    fix: "handrail job list",
  });
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith(".json") && JOB_ID.test(name.slice(0, -5)))
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
