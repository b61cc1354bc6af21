import type { Variables } from "./words.ts";

/** Why a delegation cannot be held, whatever is prepared for it. */
export type Problem = "leaves-environment" | "drops-environment" | "sets-config" | "pure" | "attach";

/** Variables that hold OpenCode; a command that sets or drops them would run it unheld. */
const HOLDING = /^(OPENCODE_CONFIG_CONTENT|OPENCODE_PURE|HANDRAIL_ORIGIN_SESSION_ID|HANDRAIL_INBOX)$/;

export function isHolding(variable: string): boolean {
  return HOLDING.test(variable);
}

/** A folder that a command names, or one that cannot be told from its text. */
export type Place = { directory: string } | "unknown";

/** What was found while reading a command, and what is needed to read on. */
export interface Findings {
  /** OpenCode's verbs, in the order of the text. */
  verbs: string[];
  problems: Set<Problem>;
  variables: Variables;
  /** Where the last `cd` went. */
  cwd?: Place;
  /** Where the first delegation works; unset: where the command starts. */
  place?: Place;
  /** Reads a text that will be run as a script of its own. */
  script(source: string): void;
}
