import { expect, test } from "vitest";
import { type EVENT_KINDS, evaluateLifecycle } from "../../../shared/run/lifecycle.ts";

const T = Date.parse("2026-11-21T09:00:00Z");
const after = (kind: (typeof EVENT_KINDS)[number], seconds: number, stall?: { soft: number; hard: number }) =>
  evaluateLifecycle({ kind, at: T }, T + seconds * 1000, stall);

test.each([
  [0, "none", "running"],
  [59, "none", "running"],
  [60, "soft", "running"],
  [179, "soft", "running"],
  [180, "hard", "stalled"],
  [100_000, "hard", "stalled"],
])("after %i s of silence while it works: %s, %s", (seconds, stall, state) => {
  expect(after("busy", seconds)).toMatchObject({ stall, state, terminal: false, silent_seconds: seconds });
});

test("other thresholds count, and equal ones leave no soft stall", () => {
  expect(after("tool", 5, { soft: 5, hard: 10 })).toMatchObject({ stall: "soft", state: "running" });
  expect(after("tool", 5, { soft: 5, hard: 5 })).toMatchObject({ stall: "hard", state: "stalled" });
});

test("who waits for a person is silent, and not stuck", () => {
  for (const kind of ["permission_asked", "question_asked"] as const) {
    expect(after(kind, 1000)).toMatchObject({ state: "awaiting_permission", stall: "hard" });
  }
});

test("what is over does not stall", () => {
  expect(after("idle", 1000)).toMatchObject({ state: "done", stall: "none", terminal: true });
  expect(after("error", 1000)).toMatchObject({ state: "failed", stall: "none", terminal: true });
  expect(after("session_deleted", 1000)).toMatchObject({ state: "aborted", terminal: true });
});

test("an unknown event says nothing about the state, and its silence counts", () => {
  expect(after("unknown", 10)).toMatchObject({ state: "unknown", stall: "none" });
  expect(after("unknown", 1000)).toMatchObject({ state: "stalled", stall: "hard" });
});

test("a time in the future is no silence", () => {
  expect(after("busy", -50)).toMatchObject({ silent_seconds: 0, stall: "none" });
});
