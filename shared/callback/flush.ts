import { setTimeout as sleep } from "node:timers/promises";
import { faultPoint } from "../fault.ts";
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
  const wanted = listOutbox(root)
    .filter(isPending)
    .map((entry) => entry.payload.callback_id)
    .filter((id) => options.only === undefined || id === options.only);
  if (wanted.length === 0) return { entries: [], problems: [] };
  const env = options.env ?? process.env;
  const policy = options.policy ?? DELIVERY;
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
  const problems: string[] = [];
  const queue = wanted.values();
  const work = async () => {
    for (const id of queue) {
      try {
        await flushEntry(id, flush);
      } catch (error) {
        // One entry's full disk or torn file does not hold up the others.
        problems.push(`${id}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(SIDE_BY_SIDE, wanted.length) }, work));
  } finally {
    await flush.dispatcher.destroy();
  }
  const ids = new Set(wanted);
  return { entries: listOutbox(root).filter((entry) => ids.has(entry.payload.callback_id)), problems };
}

interface Flush extends Delivery {
  root: string;
  scheduled: boolean;
  /** On the monotonic clock: a clock that is set does not stretch it. */
  deadline: number;
}

/** Tries an entry's targets, round by round, until they are settled or this process has done its part. */
async function flushEntry(id: string, flush: Flush): Promise<void> {
  for (let round = 0; round < flush.policy.attempts && !isOver(flush); round++) {
    const entry = await tryOnce(id, flush, flush.scheduled && round === 0);
    if (!entry || !(await nextRoundComes(entry, flush))) return;
  }
}

/**
 * Tries each pending target of an entry once. The entry is held only meanwhile: between the rounds a person
 * may flush it, or another process may come by.
 * @param onlyDue leaves alone what is to be tried later
 * @returns the entry as it is then, or undefined when there was nothing to try
 */
async function tryOnce(id: string, flush: Flush, onlyDue: boolean): Promise<OutboxEntry | undefined> {
  const release = holdEntry(entryFile(flush.root, id));
  if (!release) return undefined;
  try {
    faultPoint("entry-held");
    // As it is now that nobody else writes it: another process may just have delivered it.
    let entry = readEntry(flush.root, id);
    let attempts = 0;
    for (const [index, before] of entry?.targets.entries() ?? []) {
      if (!entry || before.state !== "pending") continue;
      if (onlyDue && untilDue(before.next_attempt, Date.now(), flush.policy) > 0) continue;
      const after = await attempt(before, entry.payload, flush);
      attempts += after.attempts - before.attempts;
      if (isSame(after, before)) continue;
      entry = { ...entry, targets: entry.targets.with(index, after) };
      saveEntry(flush.root, entry);
      faultPoint("target-marked");
    }
    return attempts > 0 ? entry : undefined;
  } finally {
    release();
  }
}

function isSame(one: TargetState, other: TargetState): boolean {
  return one.state === other.state && one.attempts === other.attempts && one.error === other.error;
}

/** Waits for the next attempt of an entry. @returns false where there is none, or no time for it */
async function nextRoundComes({ targets }: OutboxEntry, flush: Flush): Promise<boolean> {
  const waits = targets.flatMap(({ state, next_attempt }) =>
    state === "pending" && next_attempt ? [untilDue(next_attempt, Date.now(), flush.policy)] : [],
  );
  const wait = Math.min(...waits);
  if (performance.now() + wait > flush.deadline) return false;
  try {
    await sleep(wait, undefined, flush.signal ? { signal: flush.signal } : {});
    return true;
  } catch {
    return false; // ended early: all that sleep throws
  }
}

function isPending(entry: OutboxEntry): boolean {
  return entry.targets.some((target) => target.state === "pending");
}

function isOver(flush: Flush): boolean {
  return flush.signal?.aborted === true || performance.now() > flush.deadline;
}
