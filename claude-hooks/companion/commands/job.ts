import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import * as z from "zod/mini";
import { reportSchema } from "../../../shared/callback/payload.ts";
import { callbackText } from "../../../shared/callback/text.ts";
import { EXIT, HandrailError } from "../../../shared/errors.ts";
import { isAlive } from "../../../shared/run/process.ts";
import { reap } from "../../../shared/run/reap.ts";
import { readableRun } from "../../../shared/run/store.ts";
import { endTree } from "../../../shared/serve/end-tree.ts";
import { findServer } from "../../../shared/serve/ensure.ts";
import {
  currentJob,
  isOpenJob,
  isOverJob,
  type Job,
  listJobs,
  requireJob,
  saveJob,
} from "../../../shared/serve/job.ts";
import { findSessionRecord } from "../../../shared/serve/session-record.ts";
import { abortTurn } from "../../../shared/serve/wait.ts";
import { printable } from "../../../shared/text/printable.ts";
import { emit } from "../output.ts";
import { reportJson } from "../report-json.ts";
import { reviewResultSchema, reviewText } from "../review/result.ts";
import { awaitedAnswers } from "../serve/answer.ts";
import { projectRoot, rootIfAny } from "../serve/directory.ts";
import {
  type AwaitedAnswer,
  attachCommand,
  exitCodeOfState,
  pendingLines,
  resultText,
  type SessionResult,
} from "../serve/result.ts";
import { minutes } from "../turn-options.ts";

interface JobOptions {
  directory?: string;
  json?: boolean;
}

/** What the job verbs print (design, section 6). */
interface JobJson {
  job_id: string;
  kind: Job["kind"];
  state: Job["state"];
  directory: string;
  session_id?: string;
  run_id?: string;
  started: string;
  ended?: string;
  result?: unknown;
  /** What its session waits for, with the command that answers each. */
  pending?: AwaitedAnswer[];
  attach?: string;
}

/** `handrail job list|status|wait|result|cancel`: what runs in the background. */
export function configure(command: Command): void {
  directoryOption(command.command("list"))
    .description("the jobs of this project")
    .addHelpText("after", "\nExample:\n  handrail job list --directory .")
    .action((options: JobOptions) => list(options));
  jobCommand(command, "status", "what a job does, without waiting").action(
    async (id: string, options: JobOptions) => {
      const job = await lookUp(id, options);
      const { result: _result, ...shown } = await withPending(jobJson(job));
      emit(options, shown, () => lines(job, shown.pending));
    },
  );
  jobCommand(command, "wait", "wait for a job; exits with what it came to")
    .option("--timeout <minutes>", "wait this long; fractions allowed", "60")
    .action((id: string, options: JobOptions & { timeout: string }) => wait(id, options));
  jobCommand(command, "result", "what a job came to: the answer and the evidence").action(
    async (id: string, options: JobOptions) => {
      const job = await lookUp(id, options);
      if (isOpenJob(job)) {
        throw new HandrailError("busy", `job ${id} is still ${job.state}`, {
          fix: `handrail job wait ${id}`,
        });
      }
      await print(options, job);
    },
  );
  jobCommand(command, "cancel", "stop a job's session and end its worker").action(
    async (id: string, options: JobOptions) => {
      const job = await cancel(await lookUp(id, options));
      const { result: _result, ...shown } = jobJson(job);
      emit(options, shown, () => line(job));
    },
  );
}

function directoryOption(command: Command): Command {
  return command.option("--directory <folder>", "the project; default: the current folder's");
}

function jobCommand(command: Command, name: string, description: string): Command {
  return directoryOption(command.command(name))
    .description(description)
    .argument("<job>", "job id")
    .addHelpText("after", `\nExample:\n  handrail job ${name} j20261121T093012-1a2b3c`);
}

async function list(options: JobOptions): Promise<void> {
  const root = await projectRoot(options.directory);
  await reap(root);
  const { jobs, unreadable } = listJobs(root);
  for (const problem of unreadable) process.stderr.write(`handrail: ${problem}\n`);
  const now = jobs.map(currentJob);
  const rows = now.map((job) => {
    const { result: _result, ...row } = jobJson(job);
    return row;
  });
  emit(options, rows, () => now.map(line).join("\n") || "no job in this project yet");
}

/** The job as it is now, after what a dead executor left has been closed. */
async function lookUp(id: string, { directory }: JobOptions): Promise<Job> {
  const root = rootIfAny(directory);
  const found = requireJob(id, root);
  if (directory !== undefined && root !== found.directory) {
    throw new HandrailError(
      "wrong-directory",
      `job ${id} belongs to ${found.directory}, not to ${directory}`,
      {
        fix: `handrail job status ${id}`,
      },
    );
  }
  await reap(found.directory);
  return currentJob(requireJob(id, found.directory));
}

async function wait(id: string, options: JobOptions & { timeout: string }): Promise<void> {
  const end = Date.now() + minutes(options.timeout);
  let job = await lookUp(id, options);
  while (isOpenJob(job) && Date.now() < end) {
    await sleep(500);
    job = await lookUp(id, options);
  }
  if (!isOpenJob(job)) return await print(options, job);
  const { result: _result, ...shown } = jobJson(job);
  emit(options, shown, () => `job ${id} is still ${job.state}\n  handrail job wait ${id}`, EXIT.timeout);
}

/** Asks the worker to stop, which asks its session; one that does not, or is gone, is done without. */
async function cancel(job: Job): Promise<Job> {
  if (isOverJob(job)) return job;
  const { worker } = job;
  if (worker && isAlive(worker)) {
    process.kill(worker.pid, "SIGTERM");
    const end = Date.now() + WORKER_MS;
    while (isAlive(worker) && Date.now() < end) await sleep(100);
    if (isAlive(worker)) await endTree(worker.pid);
  }
  const { run_id, session_id, directory } = requireJob(job.job_id, job.directory);
  const server = session_id === undefined ? undefined : await findServer(directory);
  if (server && session_id !== undefined) {
    await abortTurn(server, { sessionId: session_id, runId: run_id, timeoutMs: WORKER_MS });
  }
  await reap(directory);
  const now = currentJob(requireJob(job.job_id, directory));
  if (isOverJob(now)) return now;
  const cancelled: Job = {
    ...now,
    state: "aborted",
    ended: new Date().toISOString(),
    exit_code: EXIT.failed,
  };
  saveJob(cancelled);
  return cancelled;
}

/** How long a worker and its session may take to stop, in milliseconds. */
const WORKER_MS = 20_000;

async function print(options: JobOptions, job: Job): Promise<void> {
  const json = await withPending(jobJson(job));
  const code = job.exit_code ?? exitCodeOfState(job.state);
  emit(options, json, () => (json.pending ? lines(job, json.pending) : textOf(job, json.result)), code);
}

async function withPending(json: JobJson): Promise<JobJson> {
  const { state, session_id, directory } = json;
  if (state !== "awaiting_permission" || session_id === undefined) return json;
  const record = findSessionRecord(session_id, directory);
  return record ? { ...json, pending: await awaitedAnswers(record) } : json;
}

function jobJson(job: Job): JobJson {
  const { job_id, kind, state, directory, session_id, run_id, started, ended } = job;
  const result = resultOf(job);
  return {
    job_id,
    kind,
    state,
    directory,
    ...(session_id === undefined ? {} : { session_id }),
    ...(run_id === undefined ? {} : { run_id }),
    started,
    ...(ended === undefined ? {} : { ended }),
    ...(result === undefined ? {} : { result }),
    ...(session_id === undefined ? {} : { attach: attachCommand(session_id, directory) }),
  };
}

/** What the worker said; of one that could not say it any more, the run's own record. */
function resultOf(job: Job): unknown {
  if (job.result !== undefined || isOpenJob(job)) return job.result;
  const run = job.run_id === undefined ? undefined : readableRun(job.directory, job.run_id);
  return run && { state: run.state, report: reportJson(reportSchema.parse(run)) };
}

const errorSchema = z.object({
  error: z.object({ code: z.string(), message: z.string(), fix: z.optional(z.string()) }),
});
const sessionSchema = z.looseObject({ session_id: z.string(), state: z.string(), attach: z.string() });
const reportedSchema = z.looseObject({ report: reportSchema });

function textOf(job: Job, result: unknown): string {
  const review = reviewResultSchema.safeParse(result);
  if (job.kind === "review" && review.success) return reviewText(review.data);
  if (sessionSchema.safeParse(result).success) return resultText(result as SessionResult);
  const reported = reportedSchema.safeParse(result);
  if (reported.success) return `${callbackText(reported.data.report)}${whereAnswerIs(job)}`;
  const report = reportSchema.safeParse(result);
  if (report.success) return callbackText(report.data);
  const failed = errorSchema.safeParse(result);
  if (failed.success) {
    const { message, fix } = failed.data.error;
    return `${line(job)}\n${printable(message, 400)}${fix ? `\n  fix: ${printable(fix, 400)}` : ""}`;
  }
  return job.state === "lost" ? lostText(job) : line(job);
}

function lostText(job: Job): string {
  const { session_id, directory } = job;
  const gone = `${line(job)}\nits worker is gone`;
  if (session_id === undefined) return `${gone}, and had no session yet`;
  return `${gone}; the session may still be working\n  ${attachCommand(session_id, directory)}`;
}

/** Its worker had left before there was one; the session has it. */
function whereAnswerIs({ session_id, directory }: Job): string {
  return session_id === undefined ? "" : `\n\nits answer: ${attachCommand(session_id, directory)}`;
}

function lines(job: Job, pending: readonly AwaitedAnswer[] = []): string {
  return [line(job), ...pending.flatMap(pendingLines)].join("\n");
}

function line({ job_id, kind, state, session_id, directory }: Job): string {
  return [job_id, state.padEnd(9), kind, session_id ?? "no session yet", directory].join("  ");
}
