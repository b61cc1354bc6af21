import { redactor } from "../shared/callback/redact.ts";
import type { TurnEnd } from "../shared/run/close.ts";
import { closeOnce } from "../shared/run/close-once.ts";
import { logEvent } from "../shared/run/events.ts";
import type { RunRecord } from "../shared/run/record.ts";
import { leaveUnclosed } from "../shared/run/store.ts";

/** The first wait before a turn that could not be closed is tried again; each later one doubles. */
const WAIT_MS = 1_000;
const TRIES = 8;

/**
 * Closes a turn. Where that fails (a full disk, for one) OpenCode must go on, and dispose must end: the turn
 * is left to the next Handrail process that comes by, although this one lives, and tried again from here
 * for a few minutes. Never rejects.
 * @returns the run as it is now
 */
export async function closeOrLeave(
  record: RunRecord,
  end: TurnEnd,
  env: NodeJS.ProcessEnv,
): Promise<RunRecord> {
  try {
    return (await closeOnce(record, end, env)) ?? record;
  } catch (error) {
    const message = redactor(env)(error instanceof Error ? error.message : String(error));
    attempt(() => leaveUnclosed(record, end.outcome));
    attempt(() => logEvent(record, { type: "error", name: "close-failed", message }));
    again(record, end, env, 1);
    return record;
  }
}

function again(record: RunRecord, end: TurnEnd, env: NodeJS.ProcessEnv, tried: number): void {
  if (tried >= TRIES) return;
  const timer = setTimeout(
    () => closeOnce(record, end, env).catch(() => again(record, end, env, tried + 1)),
    WAIT_MS * 2 ** (tried - 1),
  );
  // Whoever comes by does the same: OpenCode need not stay for it.
  timer.unref();
}

function attempt(act: () => void): void {
  try {
    act();
  } catch {
    // What the turn could not be closed for keeps this from being written, too.
  }
}
