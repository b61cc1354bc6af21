import { spawn } from "node:child_process";
import { closeSync, openSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { HandrailError } from "../../../shared/errors.ts";
import { identify } from "../../../shared/run/process.ts";
import { readableRun } from "../../../shared/run/store.ts";
import {
  currentJob,
  isOpenJob,
  type Job,
  type JobState,
  jobFile,
  newJobId,
  readJobFile,
  saveJob,
} from "../../../shared/serve/job.ts";
import { privateDir, writeStateFile } from "../../../shared/state/files.ts";

/** Names the job's file to the worker. */
const JOB_VARIABLE = "HANDRAIL_JOB_FILE";

export interface Background {
  kind: Job["kind"];
  /** Real path of the working tree's top level. */
  root: string;
  /** The verb with its arguments, without `--background` and without a prompt. */
  args: readonly string[];
  /** Given to the worker as `--prompt-file`: a command line can be read by everybody, and is bounded. */
  prompt?: string | undefined;
  /** The worker's, by default this process's own. */
  env?: NodeJS.ProcessEnv;
}

/**
 * Starts a verb as a job: the job is on record before its worker exists.
 * @returns the job once it has a session or a run, or is over, whichever comes first
 */
export async function startJob({ kind, root, args, prompt, env = process.env }: Background): Promise<Job> {
  const job: Job = {
    schema: 1,
    job_id: newJobId(),
    kind,
    directory: root,
    state: "queued",
    started: new Date().toISOString(),
  };
  saveJob(job);
  const file = jobFile(root, job.job_id);
  const promptFile = promptFileOf(file);
  if (prompt !== undefined) writeStateFile(promptFile, prompt);
  const log = openSync(join(privateDir(dirname(file)), `${job.job_id}.log`), "ax", 0o600);
  const program = process.argv[1];
  if (program === undefined) throw new HandrailError("internal", "this program does not know its own name");
  const child = spawn(
    process.execPath,
    [program, ...args, ...(prompt === undefined ? [] : ["--prompt-file", promptFile]), "--json"],
    { cwd: root, env: { ...env, [JOB_VARIABLE]: file }, detached: true, stdio: ["ignore", log, log] },
  );
  closeSync(log);
  let gone: string | undefined;
  child.once("error", (error) => {
    gone = error.message;
  });
  child.once("exit", (code, signal) => {
    gone = `it ended with ${signal ?? code}`;
  });
  child.unref();
  for (;;) {
    const now = readJobFile(file);
    if (now && (now.session_id ?? now.run_id) !== undefined) return currentJob(now);
    if (now && !isOpenJob(now)) return now;
    if (gone !== undefined) {
      if (now && !isOpenJob(now)) return now;
      const failed: Job = {
        ...(now ?? job),
        state: "failed",
        ended: new Date().toISOString(),
        result: { error: { code: "internal", message: `the job's worker did not start: ${gone}` } },
        exit_code: 1,
      };
      saveJob(failed);
      return failed;
    }
    await sleep(50);
  }
}

function promptFileOf(jobFile: string): string {
  return jobFile.replace(/\.json$/, ".prompt");
}

/** The job that this process works for, if any. Each word of it is written at once. */
export class OwnJob {
  readonly #file: string;

  private constructor(file: string) {
    this.#file = file;
  }

  /** Takes the job up. @param env where it is named; the name is taken out of it */
  static take(env: NodeJS.ProcessEnv): OwnJob | undefined {
    const file = env[JOB_VARIABLE];
    if (!file) return undefined;
    delete env[JOB_VARIABLE];
    const own = new OwnJob(file);
    own.note({ state: "running", worker: identify() });
    return own;
  }

  note(patch: Partial<Job>): void {
    const job = readJobFile(this.#file);
    // Cancelled in between: what was said of it stays.
    if (job && isOpenJob(job)) saveJob({ ...job, ...patch });
  }

  /** What the verb came to. Its prompt is not needed any more. */
  end(result: unknown, exitCode: number): void {
    rmSync(promptFileOf(this.#file), { force: true });
    const job = readJobFile(this.#file);
    const run = job?.run_id === undefined ? undefined : readableRun(job.directory, job.run_id);
    this.note({
      // Whatever the verb calls it: who waits for an answer has not failed.
      state: run?.state === "awaiting_permission" ? run.state : stateOf(result, exitCode, job?.kind),
      result,
      exit_code: exitCode,
      ended: new Date().toISOString(),
    });
  }
}

const BY_CODE: Record<number, JobState> = { 0: "done", 3: "blocked", 4: "timed_out" };

function stateOf(result: unknown, exitCode: number, kind: Job["kind"] | undefined): JobState {
  const said = typeof result === "object" && result !== null && "state" in result ? result.state : undefined;
  // A review that finds something has not failed itself.
  if (said === "done" && kind === "review") return said;
  if (said === "aborted" || said === "awaiting_permission" || said === "timed_out") return said;
  return BY_CODE[exitCode] ?? "failed";
}

let own: OwnJob | undefined;
let looked = false;

/** The job of this process, taken up on the first call. */
export function ownJob(): OwnJob | undefined {
  if (!looked) own = OwnJob.take(process.env);
  looked = true;
  return own;
}
