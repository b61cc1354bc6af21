import * as z from "zod/mini";

const text = z.string().check(z.regex(/\S/, "must not be empty"));
const texts = z.array(text);

/** Coding packet v1. Keys it does not know are kept. */
export const packetSchema = z.looseObject({
  packet_version: z.literal("v1", 'is not known; this Handrail reads "v1"'),
  task_id: text,
  workstream: z.enum(["feature", "bugfix", "refactor", "test"], "must be feature, bugfix, refactor or test"),
  owner_agent: text,
  session_key: text,
  objective: text,
  scope: z.looseObject({
    file_paths: texts.check(z.minLength(1, "must name at least one file")),
    module_boundaries: z.optional(texts),
    out_of_scope: z.optional(texts),
  }),
  conflict_policy: z.optional(
    z.looseObject({
      mode: z.optional(text),
      parallel_allowed: z.optional(z.boolean()),
      required_locks: z.optional(texts),
    }),
  ),
  acceptance: z.optional(texts),
  validation: z.optional(z.looseObject({ commands: z.optional(texts), must_include: z.optional(texts) })),
  checkpoint_plan: z.optional(
    z.looseObject({ interval: z.optional(text), required_events: z.optional(texts) }),
  ),
  retry_abort: z.optional(
    z.looseObject({
      max_retries: z.optional(z.int().check(z.gte(0, "must not be negative"))),
      abort_on: z.optional(texts),
    }),
  ),
});
export type Packet = z.infer<typeof packetSchema>;
