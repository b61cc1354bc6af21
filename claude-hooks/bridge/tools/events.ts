import * as z from "zod";
import { HandrailError } from "../../../shared/errors.ts";
import { readEvents } from "../../../shared/run/events.ts";
import { EVENT_KINDS } from "../../../shared/run/lifecycle.ts";
import { isOver, type RunRecord } from "../../../shared/run/record.ts";
import { readableRun, readRun } from "../../../shared/run/store.ts";
import { findServer } from "../../../shared/serve/ensure.ts";
import type { HostEvent } from "../../../shared/serve/host-event.ts";
import { listen } from "../../../shared/serve/listen.ts";
import { familyOf, findSession } from "../../../shared/serve/session.ts";
import { projectIdOf } from "../../../shared/state/projects.ts";
import { projectFields, projectOut, runField, runState, sessionField } from "../fields.ts";
import { requireProject, requireRunOf } from "../project.ts";
import { normalRunEvent } from "../run-event.ts";
import { defineTool, LOOKS } from "../tool.ts";

const MAX_SECONDS = 300;
const MAX_EVENTS = 200;

/** Why a call came back. */
const ENDS = [
  "recorded",
  "first_event",
  "turn_over",
  "timeout",
  "limit",
  "stream_closed",
  "cancelled",
] as const;
type Ended = (typeof ENDS)[number];

const eventOut = z.object({
  source: z.enum(["record", "server"]),
  kind: z.enum([...EVENT_KINDS, "refusal", "state", "checkpoint"]),
  type: z.string(),
  at: z.string().optional(),
  session: z.string().optional(),
  tool: z.string().optional(),
  status: z.string().optional(),
  text: z.string().optional(),
});
type EventOut = z.infer<typeof eventOut>;

/** `opencode_run_events` */
export const runEvents = defineTool({
  name: "opencode_run_events",
  title: "Events of a run",
  description:
    "Normalised events of a run or session: those on record, and with `once` or `loop` what the server says from now on, for a bounded time. For looking only: a run's end comes as its callback.",
  input: z.strictObject({
    ...projectFields,
    run_id: runField.optional(),
    session_id: sessionField.optional().describe("Instead of run_id: only what the server says."),
    mode: z
      .enum(["recorded", "once", "loop"])
      .optional()
      .describe("recorded (default): no waiting. once: up to the first event. loop: until the turn is over."),
    since: z.number().int().nonnegative().optional().describe("Skip so many recorded events: `next_since`."),
    timeout_seconds: z.number().positive().max(MAX_SECONDS).optional().describe("30 by default."),
    max_events: z.number().int().positive().max(MAX_EVENTS).optional().describe("50 by default."),
  }),
  output: z.object({
    ...projectOut,
    run_id: z.string().optional(),
    session_id: z.string().optional(),
    state: runState.optional(),
    events: z.array(eventOut),
    next_since: z.number(),
    more: z.boolean(),
    ended: z.enum(ENDS),
  }),
  annotations: LOOKS,
  async run(asked, { bridge, signal, say }) {
    if ((asked.run_id === undefined) === (asked.session_id === undefined)) {
      throw new HandrailError("bad-input", "one run or one session is wanted", {
        fix: "give run_id or session_id",
      });
    }
    const record = asked.run_id === undefined ? undefined : requireRunOf(bridge, asked.run_id, asked);
    const root = record?.root ?? requireProject(bridge, asked).repo_root;
    const session = asked.session_id ?? record?.session;
    const most = asked.max_events ?? 50;
    const since = asked.since ?? 0;
    const mode = asked.mode ?? "recorded";
    const recorded = record ? readEvents(root, record.run_id).slice(since) : [];
    const events: EventOut[] = recorded
      .slice(0, most)
      .map((event) => ({ source: "record", ...normalRunEvent(event) }));
    const seen = { next_since: since + events.length, more: recorded.length > events.length };
    const room = most - events.length;
    let ended: Ended = "recorded";
    if (mode !== "recorded") {
      const once = mode === "once";
      if (session === undefined || hasEnded(record)) ended = "turn_over";
      else if (room <= 0) ended = "limit";
      else if (once && events.length > 0) ended = "first_event";
      else {
        const seconds = asked.timeout_seconds ?? 30;
        const heard = await hear({
          root,
          session,
          once,
          most: room,
          seconds,
          runId: record?.run_id,
          signal,
          say,
        });
        events.push(...heard.events.map((event) => ({ source: "server" as const, ...event })));
        ended = heard.ended;
      }
    }
    const now = record && readRun(root, record.run_id);
    return {
      project_id: projectIdOf(root),
      repo_root: root,
      ...(record ? { run_id: record.run_id } : {}),
      ...(session === undefined ? {} : { session_id: session }),
      ...(now ? { state: now.state } : {}),
      events,
      ...seen,
      ended,
    };
  },
});

function hasEnded(record: RunRecord | undefined): boolean {
  return record !== undefined && isOver(record);
}

interface Hearing {
  root: string;
  session: string;
  once: boolean;
  most: number;
  seconds: number;
  runId: string | undefined;
  signal: AbortSignal;
  say: (text: string) => void;
}

async function hear(hearing: Hearing): Promise<{ events: HostEvent[]; ended: Ended }> {
  const { root, session, once, most, seconds, signal } = hearing;
  const server = await findServer(root);
  if (!server) return { events: [], ended: "stream_closed" };
  if (!(await findSession(server, session))) {
    throw new HandrailError("not-found", `the project's server does not know session ${session}`, {
      fix: "opencode_run_status",
    });
  }
  const family = new Set(await familyOf(server, session));
  const timeout = AbortSignal.timeout(seconds * 1000);
  const over = new AbortController();
  const watch = watchOver(hearing, over);
  const events: HostEvent[] = [];
  try {
    const stop = AbortSignal.any([signal, timeout, over.signal]);
    for await (const event of listen(server, (id) => family.has(id), stop)) {
      // A model's words come one by one: as one event.
      if (event.kind === "message" && events.at(-1)?.kind === "message") continue;
      events.push(event);
      if (once) return { events, ended: "first_event" };
      if (event.session === session && (event.kind === "idle" || event.kind === "session_deleted")) {
        return { events, ended: "turn_over" };
      }
      if (events.length >= most) return { events, ended: "limit" };
    }
  } catch (error) {
    if (!signal.aborted && !timeout.aborted && !over.signal.aborted) {
      throw new HandrailError("server-failed", "the server's events cannot be heard", {
        fix: "handrail serve status",
        cause: error,
      });
    }
  } finally {
    clearInterval(watch);
  }
  if (signal.aborted) return { events, ended: "cancelled" };
  return { events, ended: over.signal.aborted ? "turn_over" : timeout.aborted ? "timeout" : "stream_closed" };
}

/** The turn may have ended before its events were listened to; and a client's patience is renewed by progress. */
function watchOver({ root, runId, say }: Hearing, over: AbortController): NodeJS.Timeout {
  let looks = 0;
  return setInterval(() => {
    if (runId !== undefined && hasEnded(readableRun(root, runId))) over.abort();
    looks += 1;
    if (looks % 10 === 0) say("listening");
  }, 500);
}
