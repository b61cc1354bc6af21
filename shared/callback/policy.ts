/** How delivery behaves, as data. Times in milliseconds, sizes in bytes. */
export interface DeliveryPolicy {
  /** Attempts for one target in one go. */
  attempts: number;
  /** How long one process goes on starting attempts and waiting for the next. */
  budgetMs: number;
  connectMs: number;
  /** From the start of an attempt to the last header of the answer. */
  totalMs: number;
  /** The first wait; each later one doubles, with jitter, up to `maxWaitMs`. */
  baseWaitMs: number;
  /** The longest wait, also where the server's Retry-After asks for more. */
  maxWaitMs: number;
  /** After so many attempts in all a target counts as failed; a person can start it again. */
  giveUpAfter: number;
  /** What is read of an answer; the rest is cut off. */
  maxResponseBytes: number;
}

export const DELIVERY: DeliveryPolicy = {
  attempts: 5,
  budgetMs: 60_000,
  connectMs: 5_000,
  // A gateway may take 30 s to answer.
  totalMs: 45_000,
  baseWaitMs: 1_000,
  maxWaitMs: 15 * 60_000,
  giveUpAfter: 200,
  maxResponseBytes: 64 * 1024,
};

/** For a person who waits for it: what is not there after a few seconds is left to others. */
export const ATTENDED: DeliveryPolicy = { ...DELIVERY, attempts: 3, baseWaitMs: 300 };

/** Whether another try of the same request can help (RFC 9110; 425: RFC 8470). Other 3xx and 4xx are answers. */
export function isWorthRetrying(status: number): boolean {
  return status >= 500 || [408, 409, 425, 429].includes(status);
}

/**
 * The wait before the next attempt: exponential, the upper half of it random, so that many senders do not
 * come back together.
 * @param attempts how many were made
 * @param random from 0 to 1
 */
export function backoffMs(attempts: number, policy: DeliveryPolicy, random: number): number {
  const full = Math.min(policy.baseWaitMs * 2 ** Math.min(attempts - 1, 30), policy.maxWaitMs);
  return Math.round(full * (0.5 + random / 2));
}

/**
 * Reads a Retry-After header: seconds, or an HTTP date (RFC 9110, 10.2.3).
 * @returns milliseconds from `now`, never negative; undefined for anything else
 */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  const text = header?.trim() ?? "";
  if (/^\d{1,10}$/.test(text)) return Number(text) * 1000;
  // HTTP dates begin with the name of a day; Date.parse alone would take much more for a date.
  if (!/^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? /.test(text)) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

/**
 * How long until an attempt is due.
 * @param next ISO time, or undefined where nothing has been tried
 * @param now milliseconds since 1970; a time further away than any wait means that the clock was set back: due
 * @returns milliseconds, 0 when it is due
 */
export function untilDue(next: string | undefined, now: number, policy: DeliveryPolicy): number {
  const wait = next === undefined ? 0 : Date.parse(next) - now;
  return wait > 0 && wait <= policy.maxWaitMs ? wait : 0;
}
