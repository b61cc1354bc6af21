import * as z from "zod";
import { HandrailError } from "../../../shared/errors.ts";
import {
  EVENT_KINDS,
  type EventKind,
  evaluateLifecycle,
  STALL_SECONDS,
} from "../../../shared/run/lifecycle.ts";
import { readHostEvent } from "../../../shared/serve/host-event.ts";
import { iso, runState } from "../fields.ts";
import { defineTool, LOOKS } from "../tool.ts";

const seconds = z.number().positive().max(86_400);

/** `opencode_evaluate_lifecycle` */
export const lifecycle = defineTool({
  name: "opencode_evaluate_lifecycle",
  title: "Evaluate a lifecycle",
  description:
    "Says where a run stands from the last event that was heard of it: its state, and whether its silence is a soft or hard stall. For a run on record, opencode_run_status does this with what it really knows.",
  input: z.strictObject({
    last_event_kind: z
      .string()
      .min(1)
      .max(100)
      .describe(`One of ${EVENT_KINDS.join(", ")}; or OpenCode's own event type, such as session.idle.`),
    last_event_at: iso.describe("When it was heard, ISO 8601 with a zone."),
    now: iso.optional(),
    soft_stall_seconds: seconds.optional().describe(`${STALL_SECONDS.soft} by default.`),
    hard_stall_seconds: seconds.optional().describe(`${STALL_SECONDS.hard} by default.`),
  }),
  output: z.object({
    kind: z.enum(EVENT_KINDS),
    state: z.union([runState, z.literal("unknown")]),
    stall: z.enum(["none", "soft", "hard"]),
    silent_seconds: z.number(),
    terminal: z.boolean(),
    soft_stall_seconds: z.number(),
    hard_stall_seconds: z.number(),
    next: z.string(),
  }),
  annotations: LOOKS,
  run(asked) {
    const soft = asked.soft_stall_seconds ?? STALL_SECONDS.soft;
    const hard = asked.hard_stall_seconds ?? Math.max(STALL_SECONDS.hard, soft);
    if (hard < soft) {
      throw new HandrailError("bad-input", `a hard stall (${hard} s) comes before the soft one (${soft} s)`, {
        fix: "hard_stall_seconds at least soft_stall_seconds",
      });
    }
    const kind = kindOf(asked.last_event_kind);
    const now = asked.now === undefined ? Date.now() : Date.parse(asked.now);
    const found = evaluateLifecycle({ kind, at: Date.parse(asked.last_event_at) }, now, { soft, hard });
    return {
      kind,
      ...found,
      soft_stall_seconds: soft,
      hard_stall_seconds: hard,
      next: NEXT[found.terminal ? "over" : found.state === "awaiting_permission" ? "waits" : found.stall],
    };
  },
});

const NEXT = {
  none: "wait; the callback comes by itself",
  soft: "look once with opencode_run_status",
  hard: "opencode_session_tail shows what it last did; `handrail session abort` stops it",
  waits: "it waits for a person's answer: opencode_run_status shows the question",
  over: "opencode_run_status says what the turn came to; the event alone does not",
};

/** @returns `unknown` for what neither Handrail nor OpenCode 1.18 calls an event */
function kindOf(word: string): EventKind {
  return EVENT_KINDS.find((kind) => kind === word) ?? kindOfType(word);
}

function kindOfType(type: string): EventKind {
  // Some types mean something only with their properties; a status without one says nothing.
  return readHostEvent({ type, properties: {} })?.kind ?? "unknown";
}
