import * as z from "zod/mini";
import { checkpointSchema, taskStateSchema } from "../run/checkpoint.ts";

/** Routing identity of a run, in the requirements' field names (facts/protocols: Envelope). */
export const envelopeSchema = z.object({
  task_id: z.string(),
  run_id: z.string(),
  agent_id: z.string(),
  requested_agent_id: z.string(),
  resolved_agent_id: z.string(),
  session_key: z.string(),
  origin_session_key: z.string(),
  callback_target_session_key: z.string(),
  project_id: z.string(),
  repo_root: z.string(),
  opencode_server_url: z.string(),
  origin_session_id: z.optional(z.string()),
  callback_target_session_id: z.optional(z.string()),
  channel: z.optional(z.string()),
  to: z.optional(z.string()),
  deliver: z.optional(z.boolean()),
  priority: z.optional(z.string()),
});
export type Envelope = z.infer<typeof envelopeSchema>;

export const verdictSchema = z.enum(["in_scope", "violated", "unverifiable"]);
export type Verdict = z.infer<typeof verdictSchema>;

/** One changed path of the executor's, or a foreign one; counts are lines, absent for binary files. */
export const changeSchema = z.object({
  path: z.string(),
  status: z.string(),
  added: z.optional(z.number()),
  deleted: z.optional(z.number()),
  inScope: z.boolean(),
  by: z.enum(["executor", "foreign"]),
});
export type ReportedChange = z.infer<typeof changeSchema>;

export const refusalSchema = z.object({
  code: z.string(),
  path: z.optional(z.string()),
  rule: z.optional(z.string()),
  tool: z.optional(z.string()),
  count: z.number(),
});
export type ReportedRefusal = z.infer<typeof refusalSchema>;

export const quarantinedSchema = z.object({
  path: z.string(),
  code: z.string(),
  /** Bytes kept; absent where only the name and size were kept (caps). */
  bytes: z.optional(z.number()),
});
export type ReportedQuarantine = z.infer<typeof quarantinedSchema>;

/** One validation command. Without an exit code it did not run to its end, for the reason given. */
export const validationSchema = z.object({
  command: z.string(),
  exitCode: z.optional(z.number()),
  /** The end of its output. */
  tail: z.optional(z.string()),
  reason: z.optional(z.string()),
});
export type ReportedValidation = z.infer<typeof validationSchema>;

export const usageSchema = z.object({
  input: z.number(),
  output: z.number(),
  reasoning: z._default(z.number(), 0),
  cacheRead: z._default(z.number(), 0),
  cacheWrite: z._default(z.number(), 0),
  /** US dollars, as OpenCode computes it from the provider's price list. */
  cost: z.optional(z.number()),
});
export type Usage = z.infer<typeof usageSchema>;

/** What `handrail run`, `show` and every callback tell: evidence, never the executor's own words. */
export const reportSchema = z.object({
  schema: z.literal(1),
  run_id: z.string(),
  task_id: z.string(),
  state: z.string(),
  verdict: z.optional(verdictSchema),
  envelope: z.optional(envelopeSchema),
  changes: z.array(changeSchema),
  refusals: z.array(refusalSchema),
  quarantine: z.array(quarantinedSchema),
  validation: z.array(validationSchema),
  /** What the run means for its task. */
  task_state: z.optional(taskStateSchema),
  /** The END report of a packet. */
  end: z.optional(checkpointSchema),
  usage: z.optional(usageSchema),
  session: z.optional(z.string()),
  /** The command to go on with. */
  next: z.string(),
  /** Why it failed or cannot be verified, each a plain sentence of Handrail's. */
  reasons: z._default(z.array(z.string()), []),
  error: z.optional(z.object({ code: z.string(), message: z.string() })),
});
export type Report = z.infer<typeof reportSchema>;

/** What a note tells. Its words are the executor's, and it is told so. */
export const noteSchema = z.object({
  about: z.enum(["permission", "question", "stall"]),
  /** What a permission is for: a tool. */
  subject: z.optional(z.string()),
  words: z.optional(z.string()),
  /** How long there was no sign of life, in seconds. */
  quiet_s: z.optional(z.number()),
});
export type Note = z.infer<typeof noteSchema>;

/** What a packet's run leaves to whoever ordered it (requirements, opencode-orchestration: escalation). */
export const ESCALATIONS = [
  "lease_wait",
  "lease_unconfirmed",
  "conflict_unresolved",
  "scope_drift",
  "missing_context",
  "retries_exhausted",
] as const;
export const escalationSchema = z.object({
  reason: z.enum(ESCALATIONS),
  /** What happened, a plain sentence of Handrail's. */
  message: z.string(),
  /** The executor's words, where the reason is its to say. */
  words: z.optional(z.string()),
});
export type Escalation = z.infer<typeof escalationSchema>;

export const payloadSchema = z.extend(reportSchema, {
  /** `<run id>-t<turn>` for the turn's one callback; a note or an escalation has a suffix. */
  callback_id: z.string(),
  /**
   * `end`: the turn is over, told once. `note`: on the way; it wakes the caller and counts beside it.
   * `escalation`: somebody has to decide; once for each reason, and it stays when the turn is over.
   */
  kind: z._default(z.enum(["end", "note", "escalation"]), "end"),
  escalation: z.optional(escalationSchema),
  note: z.optional(noteSchema),
  turn: z.number(),
  /** ISO 8601, UTC. */
  created: z.string(),
});
export type CallbackPayload = z.infer<typeof payloadSchema>;
