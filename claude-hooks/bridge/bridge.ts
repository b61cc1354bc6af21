import { HandrailError } from "../../shared/errors.ts";
import type { Origin } from "../../shared/run/record.ts";
import { findRoot } from "../../shared/task/locate.ts";
import { callerOf } from "../session/caller.ts";

/** What the tools of one server share. */
export interface Bridge {
  env: NodeJS.ProcessEnv;
  /** The working tree that the server was started in, if it was in one. */
  home: string | undefined;
  /** Who asks now. @throws HandrailError `routing` */
  caller(): Origin;
  /** Aborted when the server ends. */
  signal: AbortSignal;
}

/** @param cwd where the server was started: whoever did so chose that project */
export function makeBridge(env: NodeJS.ProcessEnv, cwd: string, signal: AbortSignal): Bridge {
  return { env, home: rootOf(cwd), caller: () => callerOf(env, process.ppid), signal };
}

function rootOf(cwd: string): string | undefined {
  try {
    return findRoot(cwd);
  } catch (error) {
    if (error instanceof HandrailError && error.code === "not-a-repository") return undefined;
    throw error;
  }
}
