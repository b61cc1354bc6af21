import { expect, onTestFinished, test, vi } from "vitest";
import { StallWatch, stallLevel } from "../../../shared/run/stall.ts";

const LIMITS = { softMs: 60_000, hardMs: 180_000 };

test.each([
  [0, undefined],
  [59_999, undefined],
  [60_000, "soft"],
  [179_999, "soft"],
  [180_000, "hard"],
  [1e9, "hard"],
])("quiet for %i ms is %s", (quiet, level) => {
  expect(stallLevel(quiet, LIMITS)).toBe(level);
});

function watch() {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  const said: (string | undefined)[] = [];
  const watched = new StallWatch(LIMITS, (level) => said.push(level));
  onTestFinished(() => {
    watched.stop();
    vi.useRealTimers();
  });
  return { watched, said };
}

test("soft, then hard, each said once; a sign ends it, and silence is counted anew", () => {
  const { watched, said } = watch();
  vi.advanceTimersByTime(59_000);
  watched.sign();
  vi.advanceTimersByTime(59_000);
  expect(said).toEqual([]);
  vi.advanceTimersByTime(2_000);
  expect(said).toEqual(["soft"]);
  vi.advanceTimersByTime(600_000);
  expect(said).toEqual(["soft", "hard"]);
  watched.sign();
  watched.sign();
  expect(said).toEqual(["soft", "hard", undefined]);
  vi.advanceTimersByTime(61_000);
  expect(said).toEqual(["soft", "hard", undefined, "soft"]);
});

test("while somebody is asked nothing is silent", () => {
  const { watched, said } = watch();
  watched.stop();
  vi.advanceTimersByTime(1_000_000);
  expect(said).toEqual([]);
  watched.start();
  vi.advanceTimersByTime(61_000);
  expect(said).toEqual(["soft"]);
});
