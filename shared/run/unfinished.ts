/** What OpenCode tells of one answer of the model, as far as it shows whether a turn ended with it. */
export interface Ending {
  error?: { name: string; data?: unknown } | undefined;
  /** Why the model stopped. */
  finish?: string | undefined;
  /** The answer in the form that the prompt asked for: always the last one. */
  structured?: unknown;
}

/** The name of OpenCode's error for what was asked to stop. */
export const ABORTED = "MessageAbortedError";

/** With these OpenCode goes on by itself: it asks the model again (1.18.33, read in its loop). */
const GOES_ON = ["tool-calls", "unknown"];

/**
 * Why a session that does nothing any more has not done its turn to the end, though nothing else may have said
 * so: an abort between two answers is told by idle alone (1.18.33, measured), and so is a permission or a
 * question that was refused.
 * @param answer the session's newest answer since the prompt, if any
 * @returns a reason with OpenCode's name of the error, or undefined for a turn that is done
 */
export function unfinished(answer: Ending | undefined): { code: string; message: string } | undefined {
  if (!answer) return aborted("before the model had answered");
  const { error, finish, structured } = answer;
  if (error && error.name !== ABORTED)
    return { code: error.name, message: messageOf(error.data) || "the last answer failed" };
  if (!error && (structured !== undefined || finish === undefined || !GOES_ON.includes(finish)))
    return undefined;
  return aborted("before the model's last word: it was asked to stop, or what it asked for was refused");
}

/** A turn's end by an abort. @param when goes on from "ended" */
export function aborted(when: string): { code: string; message: string } {
  return { code: ABORTED, message: `ended ${when}` };
}

/** The words of one of OpenCode's errors, cut to 500 characters; untrusted. */
export function messageOf(data: unknown): string {
  const message = typeof data === "object" && data !== null && "message" in data ? data.message : undefined;
  return typeof message === "string" ? message.slice(0, 500) : "";
}
