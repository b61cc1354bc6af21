import fc from "fast-check";
import { expect, test } from "vitest";
import {
  backoffMs,
  DELIVERY,
  isWorthRetrying,
  retryAfterMs,
  untilDue,
} from "../../../shared/callback/policy.ts";

const NOW = Date.parse("2026-11-21T09:30:00.000Z");

test.each([408, 409, 425, 429, 500, 502, 503, 504, 599])("%i is tried again", (status) => {
  expect(isWorthRetrying(status)).toBe(true);
});

test.each([300, 301, 307, 400, 401, 403, 404, 405, 410, 413, 422, 451])("%i is an answer", (status) => {
  expect(isWorthRetrying(status)).toBe(false);
});

test.each([
  ["0", 0],
  ["120", 120_000],
  [" 7 ", 7_000],
  ["Sat, 21 Nov 2026 09:30:45 GMT", 45_000],
  ["Saturday, 21-Nov-26 09:30:45 GMT", 45_000],
  ["Sat Nov 21 09:30:45 2026 GMT", 45_000],
  ["Sat, 21 Nov 2026 09:00:00 GMT", 0],
  ["", undefined],
  [undefined, undefined],
  ["-5", undefined],
  ["1.5", undefined],
  ["soon", undefined],
  ["2026", 2_026_000],
  ["2026-11-21", undefined],
  ["Sat, gibberish", undefined],
  ["99999999999999999999", undefined],
])("Retry-After %j is %j ms", (header, expected) => {
  expect(retryAfterMs(header, NOW)).toBe(expected);
});

test("waits double, never fall below half, never exceed the longest", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 10_000 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (n, random) => {
        const full = Math.min(DELIVERY.baseWaitMs * 2 ** (n - 1), DELIVERY.maxWaitMs);
        const wait = backoffMs(n, DELIVERY, random);
        expect(wait).toBeGreaterThanOrEqual(Math.floor(full / 2));
        expect(wait).toBeLessThanOrEqual(DELIVERY.maxWaitMs);
        expect(wait).toBeLessThanOrEqual(full);
      },
    ),
  );
});

test("an attempt is due at its time, and at once when the clock was set or the time is none", () => {
  const at = (ms: number) => new Date(NOW + ms).toISOString();
  expect(untilDue(undefined, NOW, DELIVERY)).toBe(0);
  expect(untilDue(at(-1), NOW, DELIVERY)).toBe(0);
  expect(untilDue(at(3_000), NOW, DELIVERY)).toBe(3_000);
  expect(untilDue(at(DELIVERY.maxWaitMs), NOW, DELIVERY)).toBe(DELIVERY.maxWaitMs);
  // The clock was a year ahead when the attempt was noted.
  expect(untilDue(at(365 * 86_400_000), NOW, DELIVERY)).toBe(0);
  expect(untilDue("garbage", NOW, DELIVERY)).toBe(0);
});
