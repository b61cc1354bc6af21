import type { ErrorCode } from "../../../shared/errors.ts";

export type Host = "opencode" | "claude";
export type Level = "project" | "user";

/** What both sides need to know. */
export interface Place {
  level: Level;
  /** Real path of the working tree's top level; for the user's own configuration it may be absent. */
  root: string | undefined;
  env: NodeJS.ProcessEnv;
}

/** One change of one host's files: shown first, made only when the person agrees. */
export interface Change {
  host: Host;
  file: string;
  /** What will be done, one line each, in plain words. */
  lines: string[];
  /** @returns what was done, in one or two lines; throws HandrailError when it could not be done */
  apply(): Promise<string>;
}

/** A side that is left out, and what to do about it. */
export interface NotDone {
  host: Host;
  code: ErrorCode;
  message: string;
  fix: string;
}

export interface Plan {
  changes: Change[];
  /** What is as it should be already, in plain words. */
  already: string[];
  notDone: NotDone[];
}

export function joined(plans: readonly Plan[]): Plan {
  return {
    changes: plans.flatMap((plan) => plan.changes),
    already: plans.flatMap((plan) => plan.already),
    notDone: plans.flatMap((plan) => plan.notDone),
  };
}

export function nothing(already: string): Plan {
  return { changes: [], already: [already], notDone: [] };
}
