import * as z from "zod/mini";

/** One path that a turn of a run changed out of scope. */
export const strayedSchema = z.object({
  path: z.string(),
  status: z.enum(["added", "modified", "deleted", "type", "mode"]),
  turn: z.number(),
});
export type Strayed = z.infer<typeof strayedSchema>;
