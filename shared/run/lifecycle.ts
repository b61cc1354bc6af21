import type { RunState } from "./state.ts";

/** What was last heard of a run, in the words of `shared/serve/host-event.ts`, and Handrail's own. */
export const EVENT_KINDS = [
  "session_created",
  "prompt_sent",
  "busy",
  "retrying",
  "message",
  "tool",
  "file_edited",
  "permission_asked",
  "permission_replied",
  "question_asked",
  "question_replied",
  "idle",
  "error",
  "session_deleted",
  "unknown",
] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

/** Silence after which a run is looked at, and counts as stalled, in seconds (facts/protocols). */
export const STALL_SECONDS = { soft: 60, hard: 180 } as const;

export interface Lifecycle {
  /** `unknown`: an event that this version does not know says nothing about the state. */
  state: RunState | "unknown";
  stall: "none" | "soft" | "hard";
  silent_seconds: number;
  /** Nothing more is to come of this turn, as far as the event says. */
  terminal: boolean;
}

const STATE_BY_KIND: Record<EventKind, RunState | "unknown"> = {
  session_created: "session_created",
  prompt_sent: "prompt_sent",
  busy: "running",
  retrying: "running",
  message: "running",
  tool: "running",
  file_edited: "running",
  permission_asked: "awaiting_permission",
  permission_replied: "running",
  question_asked: "awaiting_permission",
  question_replied: "running",
  idle: "done",
  error: "failed",
  session_deleted: "aborted",
  unknown: "unknown",
};
const TERMINAL: ReadonlySet<EventKind> = new Set(["idle", "error", "session_deleted"]);

/**
 * Where a run stands by the last thing that was heard of it. What it came to is another matter: only the
 * record of a closed run says that.
 * @param heard kind and time of the last event; a time in the future counts as now
 * @param stall seconds of silence; the hard limit is not below the soft one
 */
export function evaluateLifecycle(
  heard: { kind: EventKind; at: number },
  now: number,
  stall: { soft: number; hard: number } = STALL_SECONDS,
): Lifecycle {
  const silent = Math.max(0, now - heard.at) / 1000;
  const terminal = TERMINAL.has(heard.kind);
  const state = STATE_BY_KIND[heard.kind];
  const level = terminal || silent < stall.soft ? "none" : silent < stall.hard ? "soft" : "hard";
  // Who waits for a person is not stuck, however long that takes.
  const stuck = level === "hard" && state !== "awaiting_permission";
  return {
    state: stuck ? "stalled" : state,
    stall: level,
    silent_seconds: Math.round(silent),
    terminal,
  };
}
