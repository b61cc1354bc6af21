import * as z from "zod/mini";

/** States of a task (requirements, opencode-orchestration): a task is scheduled, a run is executed. */
export const TASK_STATES = [
  "queued",
  "running",
  "blocked_conflict",
  "checkpoint_needed",
  "done",
  "failed",
  "aborted",
] as const;
export const taskStateSchema = z.enum(TASK_STATES);
export type TaskState = z.infer<typeof taskStateSchema>;

/**
 * A report of a packet's run at a milestone: the work has begun and its lease is held (START), it is under way
 * (MID), it has ended (END). Everything in it is Handrail's own evidence; nothing is the executor's word.
 */
export const checkpointSchema = z.object({
  kind: z.enum(["START", "MID", "END"]),
  /** ISO 8601, UTC. */
  at: z.string(),
  run_id: z.string(),
  turn: z.number(),
  /** `task_id` of the packet. */
  task_id: z.string(),
  state: taskStateSchema,
  files_changed: z.array(z.string()),
  /** The packet's `validation.commands`, with what came of each. */
  tests_run: z.array(z.object({ command: z.string(), result: z.enum(["passed", "failed", "not run"]) })),
  risks: z.array(z.string()),
  blockers: z.array(z.string()),
  /** Whether the lease may be given back, as far as the run goes: somebody has to confirm it. */
  lock_release_request: z.boolean(),
  /** What it is about, in Handrail's words. */
  summary: z.string(),
  /** END only: whether the report is complete, what is missing, and what Handrail cannot check. */
  complete: z.optional(z.boolean()),
  missing: z.optional(z.array(z.string())),
  unchecked: z.optional(z.array(z.string())),
});
export type Checkpoint = z.infer<typeof checkpointSchema>;
