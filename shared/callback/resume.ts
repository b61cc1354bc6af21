import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { claim } from "../lock/claim.ts";
import { identify, isAlive, processIdentitySchema } from "../run/process.ts";
import { findProgram } from "../serve/program.ts";
import { parseJson } from "../state/files.ts";
import { stateDir } from "../state/place.ts";
import { type Caller, callerOf, isGone } from "./caller.ts";
import { waitsIn } from "./inbox.ts";
import { afterOutcome, type Outcome, type TargetState } from "./outcome.ts";
import type { DeliveryPolicy } from "./policy.ts";
import type { Redact } from "./redact.ts";
import { only, RESUME_NEEDS } from "./resume-options.ts";

const PROMPT =
  "A run that was handed to OpenCode has ended or waits, and its report comes with this message. Go on from there.";
/** Shorter than an outbox entry may be held (hold.ts). */
const LONGEST_MS = 9 * 60_000;
/** A session costs money: few tries, far apart. */
const TRIES = { giveUpAfter: 3, baseWaitMs: 5 * 60_000 };

/**
 * Resumes the session that a callback waits for, when no process has it open: the session's own hook then
 * claims and tells it, once, as always. One process at a time for one session.
 * @returns the target as it is then; without an attempt where the session is open, or has taken the callback
 */
export async function resume(
  state: TargetState,
  inbox: string,
  callbackId: string,
  { env, policy, redact }: { env: NodeJS.ProcessEnv; policy: DeliveryPolicy; redact: Redact },
): Promise<TargetState> {
  const { error: _, next_attempt: __, ...bare } = state;
  if (!waitsIn(inbox, callbackId)) return { ...bare, state: "delivered" };
  const caller = callerOf(inbox);
  if (!isGone(caller)) return { ...state, error: "waits for its session, which is open or not known here" };
  const place = claim(join(dirname(inbox), ".resuming", basename(inbox)), me(), isLive);
  if (!place.ok) return { ...state, error: "its session is just being resumed" };
  try {
    const outcome = await runClaude(caller, env);
    const taken: Outcome = waitsIn(inbox, callbackId) ? outcome : { kind: "delivered" };
    return afterOutcome(state, taken, { ...policy, ...TRIES }, redact);
  } finally {
    place.release();
  }
}

function runClaude({ session, directory }: Caller, env: NodeJS.ProcessEnv): Promise<Outcome> {
  const program = findProgram("claude", directory, env);
  if (!program) return Promise.resolve({ kind: "again", reason: "there is no `claude` on PATH" });
  return new Promise((resolve) => {
    const child = spawn(program, ["-p", "--resume", session, PROMPT], {
      cwd: directory,
      env: { ...only(env, RESUME_NEEDS), HANDRAIL_STATE_DIR: stateDir(env) },
      // A group of its own, so that all of it can be ended.
      detached: true,
      stdio: "ignore",
    });
    const timer = setTimeout(() => end(child.pid), LONGEST_MS);
    const done = (reason: string) => {
      clearTimeout(timer);
      resolve({ kind: "again", reason });
    };
    child.on("error", (error) => done(`claude could not be started: ${error.message}`));
    child.on("close", (code, signal) => done(`claude ended with ${signal ?? code}, and has not taken it`));
  });
}

function end(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // It has just ended by itself.
  }
}

function me(): string {
  return JSON.stringify({ ...identify(), nonce: randomBytes(6).toString("hex") });
}

function isLive(holder: string): boolean {
  const parsed = parseJson(holder, processIdentitySchema);
  return parsed.ok && isAlive(parsed.value);
}
