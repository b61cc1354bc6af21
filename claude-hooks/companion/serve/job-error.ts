import * as z from "zod/mini";
import { type ErrorCode, HandrailError, isErrorCode } from "../../../shared/errors.ts";
import type { Job } from "../../../shared/serve/job.ts";

const failure = z.object({
  error: z.object({ code: z.string(), message: z.string(), fix: z.optional(z.string()) }),
});

/** Why a job came to its end before it had a run: the error that its verb printed. */
export function jobError({ job_id, state, result }: Job): HandrailError {
  const parsed = failure.safeParse(result);
  if (!parsed.success) {
    return new HandrailError("run-failed", `job ${job_id} is ${state} and has no run`, {
      fix: `handrail job status ${job_id}`,
    });
  }
  const { code, message, fix } = parsed.data.error;
  const known: ErrorCode = isErrorCode(code) ? code : "run-failed";
  return new HandrailError(known, message, fix === undefined ? {} : { fix });
}
