import { setTimeout as sleep } from "node:timers/promises";
import { attempt, createDispatcher, type Delivery } from "./deliver.ts";
import { holdEntry } from "./hold.ts";
import { entryFile, listOutbox, type OutboxEntry, readEntry, saveEntry } from "./outbox.ts";
import type { TargetState } from "./outcome.ts";
import { DELIVERY, type DeliveryPolicy, untilDue } from "./policy.ts";
import { redactor } from "./redact.ts";

export interface FlushOptions {
  /** Where the address and the token are. */
  env?: NodeJS.ProcessEnv;
  policy?: DeliveryPolicy;
  /** Only this callback. */
  only?: string;
  /** Whether the times of the next attempts count; not when a person asks. */
  scheduled?: boolean;
  /** Ends what is under way; what is left stays pending. */
  signal?: AbortSignal;
}

/** Entries delivered side by side. */
const SIDE_BY_SIDE = 4;

export interface Flushed {
  /** The entries that were pending, as they are now, oldest first. */
  entries: OutboxEntry[];
  /** What kept an entry from being written or read, in words. */
  problems: string[];
}

/**
 * Delivers what is pending in a project's outbox, with a bounded number of attempts in a bounded time; what
 * is left stays pending for the next process that comes by. What another process is delivering is left to it.
 */
export async function flushOutbox(root: string, options: FlushOptions = {}): Promise<Flushed> {
  const env = options.env ?? process.env;
  const policy = options.policy ?? DELIVERY;
  const entries = listOutbox(root).filter(
    (entry) =>
      (options.only === undefined || entry.payload.callback_id === options.only) &&
      entry.targets.some((target) => target.state === "pending"),
  );
  const problems: string[] = [];
  if (entries.length === 0) return { entries, problems };
  const flush: Flush = {
    root,
    env,
    policy,
    redact: redactor(env),
    dispatcher: createDispatcher(policy),
    signal: options.signal,
    scheduled: options.scheduled ?? false,
    deadline: performance.now() + policy.budgetMs,
  };
  const queue = entries.entries();
  const work = async () => {
    for (const [index, entry] of queue) {
      try {
        entries[index] = await flushEntry(entry, flush);
      } catch (error) {
        // One entry's full disk or torn file does not hold up the others.
        problems.push(
          `${entry.payload.callback_id}: ${error instanceof Error ? error.message : String(error)}`,
        );
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(SIDE_BY_SIDE, entries.length) }, work));
    return { entries, problems };
  } finally {
    await flush.dispatcher.destroy();
  }
}

interface Flush extends Delivery {
  root: string;
  scheduled: boolean;
  /** On the monotonic clock: a clock that is set does not stretch it. */
  deadline: number;
}

async function flushEntry(entry: OutboxEntry, flush: Flush): Promise<OutboxEntry> {
  const id = entry.payload.callback_id;
  if (isOver(flush)) return entry;
  const release = holdEntry(entryFile(flush.root, id));
  if (!release) return entry;
  try {
    // As it is now that nobody else writes it: another process may just have delivered it.
    let now = readEntry(flush.root, id) ?? entry;
    for (const index of now.targets.keys()) {
      now = await flushTarget(now, index, flush);
    }
    return now;
  } finally {
    release();
  }
}

/** Tries one target of an entry until it is settled or this process has done its part. */
async function flushTarget(entry: OutboxEntry, index: number, flush: Flush): Promise<OutboxEntry> {
  let now = entry;
  for (let made = 0; made < flush.policy.attempts; made++) {
    const before = now.targets[index];
    if (before?.state !== "pending" || !(await turnComes(before, made, flush))) break;
    const after = await attempt(before, now.payload, flush);
    now = { ...now, targets: now.targets.with(index, after) };
    if (after.attempts === before.attempts && after.error === before.error) break;
    saveEntry(flush.root, now);
    if (after.attempts === before.attempts) break; // it waits for what this process has not got
  }
  return now;
}

/** Waits for the time of an attempt. @returns whether it has come, and this process still has time for it */
async function turnComes(target: TargetState, made: number, flush: Flush): Promise<boolean> {
  if (isOver(flush)) return false;
  const wait = untilDue(target.next_attempt, Date.now(), flush.policy);
  if (made === 0) return !flush.scheduled || wait === 0;
  if (performance.now() + wait > flush.deadline) return false;
  try {
    await sleep(wait, undefined, flush.signal ? { signal: flush.signal } : {});
    return true;
  } catch {
    return false; // ended early: all that sleep throws
  }
}

function isOver(flush: Flush): boolean {
  return flush.signal?.aborted === true || performance.now() > flush.deadline;
}
