import * as z from "zod/mini";
import { classificationSchema, findingSchema } from "../review/findings.ts";

/** The phases of a task iteration; `escalated` waits for the user, the last two are over. */
export const PHASES = [
  "parse",
  "plan",
  "generate",
  "evaluate",
  "fix",
  "advisory",
  "escalated",
  "done",
  "finished",
  "abandoned",
] as const;
export type Phase = (typeof PHASES)[number];

export const ROLES = ["generator", "reviewer"] as const;
export type Role = (typeof ROLES)[number];

const handleSchema = z.object({
  /** Known later than the job, where the session works in the background. */
  session_id: z.optional(z.string()),
  job_id: z.optional(z.string()),
  /** How it was started: waited for, or as a background job. */
  mode: z.enum(["foreground", "background"]),
  at: z.string(),
});
export type Handle = z.infer<typeof handleSchema>;

const judgementSchema = z.object({
  at: z.string(),
  /** The fix round that it judges; 0 is the first implementation. */
  round: z.number(),
  classification: classificationSchema,
  findings: z.array(findingSchema),
  /** The session that was asked, where the answer says so: an advisory review takes a fresh one each time. */
  session_id: z.optional(z.string()),
});
export type Judgement = z.infer<typeof judgementSchema>;

/** Where one feature of an exec plan stands: all that a new Claude session needs to go on. */
export const iterationSchema = z.object({
  schema: z.literal(1),
  /** The exec plan, relative to the working tree's top level where it lies inside. */
  plan: z.string(),
  /** The feature's slug. */
  feature: z.string(),
  title: z.string(),
  /** Name of the task that its runs and its baseline go by. */
  task: z.string(),
  /** Real path of the folder that the sessions work in. */
  directory: z.string(),
  /** Commit that the work began on. */
  base_ref: z.string(),
  max_fix_rounds: z.number(),
  phase: z.enum(PHASES),
  /** Fix rounds begun. */
  round: z.number(),
  /** What a fix leads to. */
  after_fix: z.enum(["evaluate", "advisory"]),
  /** The one fix round that the advisory gate may ask for has been used. */
  advisory_fixed: z.boolean(),
  generator: z.optional(handleSchema),
  reviewer: z.optional(handleSchema),
  /** As the user approved it. */
  plan_text: z.optional(z.string()),
  /** The file scope block, without its heading. */
  scope_text: z.optional(z.string()),
  evaluations: z.array(judgementSchema),
  advisories: z.array(judgementSchema),
  /** Findings that the user accepted, with what they said. */
  accepted: z.array(z.object({ at: z.string(), note: z.string(), findings: z.array(findingSchema) })),
  history: z.array(z.object({ at: z.string(), event: z.string(), phase: z.enum(PHASES) })),
  created: z.string(),
});
export type Iteration = z.infer<typeof iterationSchema>;

export function isOver({ phase }: Iteration): boolean {
  return phase === "finished" || phase === "abandoned";
}

/** The judgement that decides now: the advisory's once there is one, else the reviewer's. */
export function lastJudgement(state: Iteration): Judgement | undefined {
  return state.advisories.at(-1) ?? state.evaluations.at(-1);
}

/** What the newest judgement that could be read has found; nothing before there is one. */
export function lastFindings(state: Iteration): Judgement["findings"] {
  const read = ({ classification }: Judgement) => classification !== "unclassified";
  return (state.advisories.findLast(read) ?? state.evaluations.findLast(read))?.findings ?? [];
}
