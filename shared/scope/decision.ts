import type { Rule } from "../task/spec.ts";

/** Why something was refused. Stable: callbacks, `explain` and tests rely on these. */
export const REFUSAL_CODES = [
  "out-of-scope",
  "forbidden",
  "inspect-only",
  "control-file",
  "git-dir",
  "outside-repository",
  "link",
  "special-file",
  "rule",
  "no-read",
  "private",
  "unknown-tool",
  "bad-arguments",
  "unbound",
  "invalid-task",
  "invalid-config",
  "leased",
  "busy",
  "blocked",
  "ended",
  "open-server",
  "guard-failed",
] as const;
export type RefusalCode = (typeof REFUSAL_CODES)[number];

export interface Refusal {
  decision: "refuse";
  code: RefusalCode;
  /** Relative to the repository root where it lies inside, else as given. */
  path?: string;
  rule?: Rule;
  /** A short fact for the formatter: where a link leads, which pattern forbids, what does not parse. */
  detail?: string;
}
/** Data, never thrown below the edge; `refusalText` (one place) renders it. */
export type Decision = { decision: "allow" } | { decision: "confine" } | Refusal;
