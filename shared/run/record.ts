import { randomBytes } from "node:crypto";
import * as z from "zod/mini";
import { reportSchema } from "../callback/payload.ts";
import { targetSchema } from "../callback/target.ts";
import { frozenSchema } from "../scope/surroundings.ts";
import { taskSpecSchema } from "../task/spec.ts";
import { processIdentitySchema } from "./process.ts";
import { isEnded, runStateSchema } from "./state.ts";
import { strayedSchema } from "./strayed-path.ts";

/** Who asked: filled from the environment that the Claude hook or the companion gave. */
export const originSchema = z.object({
  session_id: z.optional(z.string()),
  session_key: z.optional(z.string()),
  inbox: z.optional(z.string()),
  /** The address that the caller gave besides, without its secrets. */
  callback: z.optional(targetSchema),
});
export type Origin = z.infer<typeof originSchema>;

/** `runs/<run_id>/run.json`: one delegation of a task to an OpenCode session. */
export const runRecordSchema = z.extend(reportSchema, {
  state: runStateSchema,
  lane: z.enum(["cli", "serve"]),
  /** Real path of the working tree's top level. */
  root: z.string(),
  /** As given; relative to `root` where it lies inside. */
  task_file: z.optional(z.string()),
  /** Frozen when the run is made, with its sha256 (`specHash`). */
  spec: taskSpecSchema,
  spec_hash: z.string(),
  /** What the names in the scope were when the run was made. */
  around: frozenSchema,
  baseline: z.optional(z.object({ baseline: z.string(), full: z.string() })),
  confinement: z.optional(z.object({ kind: z.enum(["overlay", "none"]), reason: z.optional(z.string()) })),
  origin: originSchema,
  /** Whether the validation commands of a task file run after the turn although the configuration does not say so. */
  validate: z.optional(z.boolean()),
  /** The process that does the work: the OpenCode one, once it has taken the run up. */
  executor: z.optional(processIdentitySchema),
  turn: z._default(z.number(), 0),
  /** What its turns changed out of scope, as far as it was still there at the end of the last one. */
  strayed: z.optional(z.array(strayedSchema)),
  /** While the run is `stalled`: how badly, and since when there was no sign of life. */
  stall: z.optional(z.object({ level: z.enum(["soft", "hard"]), since: z.string() })),
  /** What was asked for by name; `model` and `agent` become what OpenCode resolved. */
  asked: z.optional(z.object({ model: z.optional(z.string()), agent: z.optional(z.string()) })),
  /** The run that failed before, and whose task is tried again. */
  retry_of: z.optional(z.string()),
  /** Lane `serve`, once the run is over: what became of its server, and why it stays where it does. */
  server_after: z.optional(
    z.object({ state: z.enum(["stopped", "running"]), reason: z.optional(z.string()) }),
  ),
  model: z.optional(z.string()),
  agent: z.optional(z.string()),
  created: z.string(),
  started: z.optional(z.string()),
  ended: z.optional(z.string()),
});
export type RunRecord = z.infer<typeof runRecordSchema>;

/** Whether nothing is under way in a run. One that was blocked in the middle of a turn is not over yet. */
export function isOver({ state, ended }: Pick<RunRecord, "state" | "ended">): boolean {
  return isEnded(state) && (state !== "blocked" || ended !== undefined);
}

/** The record without what its last turn came to; the quarantine is the whole run's. */
export function withoutOutcome(record: RunRecord): RunRecord {
  const { verdict, usage, error, ended, end, task_state, stall, server_after, ...rest } = record;
  return { ...rest, changes: [], refusals: [], validation: [], reasons: [] };
}

/** A run id that sorts by time: `r20261121T093012-1a2b3c`. */
export function newRunId(now: Date = new Date()): string {
  const stamp = now.toISOString().replace(/[-:]/g, "").slice(0, 15);
  return `r${stamp}-${randomBytes(3).toString("hex")}`;
}
