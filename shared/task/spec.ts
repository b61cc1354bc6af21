import * as z from "zod/mini";
import { packetSchema } from "./packet-schema.ts";

/** Rules a task may set, by the names of the command-line contract (design, section 6). */
export const RULES = [
  "no-commit",
  "no-stage",
  "may-stage",
  "may-commit",
  "no-new-files",
  "no-delete",
  "no-rename",
  "no-new-dependencies",
  "no-test-changes",
  "no-network",
  "no-read",
] as const;
export const ruleSchema = z.enum(RULES);
export type Rule = z.infer<typeof ruleSchema>;

/**
 * What a task allows. Patterns are relative to the repository root, `/`-separated, as written in
 * the task after normalisation: a literal path, a directory with a trailing slash (everything below
 * it), or a glob. In `allow` a glob without a slash matches at the root only; in `forbid` and
 * `noRead` at any depth. Forbid beats allow.
 */
export const scopeSchema = z.object({
  allow: z.array(z.string()),
  inspect: z.array(z.string()),
  forbid: z.array(z.string()),
  rules: z.array(ruleSchema),
  /** The paths of the rule `no-read`: "do not read or open X". */
  noRead: z._default(z.array(z.string()), []),
});
export type Scope = z.infer<typeof scopeSchema>;

/** Whether a scope lets nothing be written: that of a session that only reads. */
export function isReadOnly({ allow }: Scope): boolean {
  return allow.length === 0;
}

export const prohibitionSchema = z.object({
  text: z.string(),
  enforcement: z.enum(["path", "rule", "advisory"]),
  paths: z.optional(z.array(z.string())),
  rule: z.optional(ruleSchema),
});
export type Prohibition = z.infer<typeof prohibitionSchema>;

export const taskIssueSchema = z.object({ line: z.optional(z.number()), message: z.string() });
export type TaskIssue = z.infer<typeof taskIssueSchema>;

/** A task file, a coding packet or a feature of an exec plan, understood. `ok` is `errors.length === 0`. */
export const taskSpecSchema = z.object({
  ok: z.boolean(),
  source: z.enum(["task-file", "packet", "exec-plan", "file-scope"]),
  slug: z.string(),
  title: z.string(),
  /** The slug of the task this one corrects (`Corrects: <slug>`); it keeps that task's baseline. */
  corrects: z.optional(z.string()),
  scope: scopeSchema,
  prohibitions: z.array(prohibitionSchema),
  validation: z.array(z.string()),
  errors: z.array(taskIssueSchema),
  warnings: z.array(taskIssueSchema),
  /** The coding packet itself, with keys that Handrail does not know; only where the source is one. */
  packet: z.optional(packetSchema),
});
export type TaskSpec = z.infer<typeof taskSpecSchema>;
