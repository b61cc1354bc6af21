import { isOpenJob } from "../../../shared/serve/job.ts";
import { findSessionRecord } from "../../../shared/serve/session-record.ts";
import { emit } from "../output.ts";
import { exitCodeOfState, stateOfSession } from "./result.ts";
import { type Background, startJob } from "./worker.ts";

/** Starts a verb as a job and prints where it is: its session as soon as there is one, or why there is none. */
export async function runInBackground(options: { json?: boolean }, wanted: Background): Promise<void> {
  const { kind, root } = wanted;
  const { job_id, session_id, run_id, state, result, exit_code, ...job } = await startJob(wanted);
  const record = session_id === undefined ? undefined : findSessionRecord(session_id, root);
  const started = session_id !== undefined || isOpenJob({ ...job, job_id, state });
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
  emit(
    options,
    shown,
    () =>
      started
        ? `job ${job_id}: ${session_id ? `session ${session_id}` : state}\n  handrail job wait ${job_id}`
        : `job ${job_id}: ${state}\n  handrail job result ${job_id}`,
    started ? 0 : (exit_code ?? exitCodeOfState(state)),
  );
}
