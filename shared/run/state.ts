import * as z from "zod/mini";

/** Run states of the requirements (opencode-orchestration; facts/protocols: Envelope). */
export const RUN_STATES = [
  "queued",
  "server_ready",
  "session_created",
  "prompt_sent",
  "running",
  "awaiting_permission",
  "blocked",
  "stalled",
  "done",
  "failed",
  "aborted",
] as const;
export const runStateSchema = z.enum(RUN_STATES);
export type RunState = z.infer<typeof runStateSchema>;

const ENDED: ReadonlySet<RunState> = new Set(["done", "failed", "aborted", "blocked"]);

const NEXT: Record<RunState, readonly RunState[]> = {
  queued: ["server_ready", "session_created", "prompt_sent", "running", "failed", "aborted"],
  server_ready: ["session_created", "prompt_sent", "running", "failed", "aborted"],
  session_created: ["prompt_sent", "running", "failed", "aborted"],
  prompt_sent: ["running", "stalled", "failed", "aborted"],
  running: ["awaiting_permission", "blocked", "stalled", "done", "failed", "aborted"],
  awaiting_permission: ["running", "blocked", "stalled", "done", "failed", "aborted"],
  stalled: ["running", "awaiting_permission", "blocked", "done", "failed", "aborted"],
  // Another prompt in the same session starts another turn of the run.
  done: ["running"],
  blocked: ["running"],
  failed: ["running"],
  aborted: ["running"],
};

/** Whether a run in this state has nothing under way. */
export function isEnded(state: RunState): boolean {
  return ENDED.has(state);
}

/** Whether a run may go from one state to the other. */
export function canMove(from: RunState, to: RunState): boolean {
  return NEXT[from].includes(to);
}
