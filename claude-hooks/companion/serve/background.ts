import { isOpenJob, type Job } from "../../../shared/serve/job.ts";
import { findSessionRecord } from "../../../shared/serve/session-record.ts";
import { emit } from "../output.ts";
import { jobError } from "./job-error.ts";
import { exitCodeOfState, stateOfSession } from "./result.ts";
import { type Background, startJob } from "./worker.ts";

/** Starts a verb as a job and prints where it is: its session as soon as there is one, or why there is none. */
export async function runInBackground(options: { json?: boolean }, wanted: Background): Promise<void> {
  const { kind, root } = wanted;
  const job = await startJob(wanted);
  const { job_id, session_id, run_id, state, result, exit_code } = job;
  const record = session_id === undefined ? undefined : findSessionRecord(session_id, root);
  const started = session_id !== undefined || isOpenJob(job);
  const place = {
    ...(session_id === undefined ? {} : { session_id }),
    ...(run_id === undefined ? {} : { run_id }),
    state,
    directory: root,
  };
  const shown = {
    job_id,
    kind,
    ...(record ? stateOfSession(record, run_id, state) : place),
    ...(started ? {} : { result }),
  };
  const text = () => {
    if (!started) return notStarted(job);
    const held = record?.held === "read-only" ? ", read-only" : "";
    return `job ${job_id}: ${session_id ? `session ${session_id}${held}` : state}\n  handrail job wait ${job_id}`;
  };
  emit(options, shown, text, started ? 0 : (exit_code ?? exitCodeOfState(state)));
}

function notStarted(job: Job): string {
  const { message, fix = `handrail job result ${job.job_id}` } = jobError(job);
  return `job ${job.job_id}: ${job.state}: ${message}\n  fix: ${fix}`;
}
