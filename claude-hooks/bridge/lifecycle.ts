import { HandrailError } from "../../shared/errors.ts";
import { readEvents } from "../../shared/run/events.ts";
import { type EventKind, evaluateLifecycle } from "../../shared/run/lifecycle.ts";
import { isOver, type RunRecord } from "../../shared/run/record.ts";
import { quote } from "../../shared/scope/quote.ts";
import { clientFor } from "../../shared/serve/client.ts";
import { isRunning, readEntry } from "../../shared/serve/entry.ts";
import { type Pending, pendingOf } from "../../shared/serve/pending.ts";
import { familyOf, findSession } from "../../shared/serve/session.ts";

/** What was last heard of a run, from its record and, while it works on a server, from that. */
export async function lifecycleOf(record: RunRecord, stall: { soft: number; hard: number }) {
  const last = readEvents(record.root, record.run_id).at(-1);
  const live = isOver(record) ? undefined : await liveOf(record);
  const heard = [
    {
      kind: KINDS[last?.type ?? "state"] ?? ("unknown" as const),
      at: Date.parse(last?.at ?? record.created),
    },
    ...(live ? [{ kind: "message" as const, at: live.updated }] : []),
  ].reduce((one, other) => (other.at > one.at ? other : one));
  const waits = live !== undefined && live.pending.length > 0;
  const kind = isOver(record) ? "idle" : waits ? "question_asked" : heard.kind;
  const found = evaluateLifecycle({ kind, at: heard.at }, Date.now(), stall);
  return {
    last_event: last?.type ?? "none",
    last_event_at: new Date(heard.at).toISOString(),
    stall: found.stall,
    silent_seconds: found.silent_seconds,
    waiting_for: (live?.pending ?? []).map(({ id, kind, text }) => ({ id, kind, text: quote(text, 200) })),
  };
}

/** Handrail's own events in the words of the lifecycle. */
const KINDS: Record<string, EventKind> = {
  state: "busy",
  turn: "prompt_sent",
  refusal: "tool",
  shell: "tool",
  usage: "message",
  checkpoint: "message",
  error: "error",
};

async function liveOf(record: RunRecord): Promise<{ updated: number; pending: Pending[] } | undefined> {
  const entry = readEntry(record.root);
  if (!entry || !isRunning(entry) || record.lane !== "serve" || record.session === undefined)
    return undefined;
  const server = { entry, client: clientFor(entry, 5000) };
  try {
    const session = await findSession(server, record.session);
    if (!session) return undefined;
    const pending = await pendingOf(server, record.session, await familyOf(server, record.session), record);
    return { updated: session.time.updated, pending };
  } catch (error) {
    // The record says what counts; a server that does not answer adds nothing to it.
    if (error instanceof HandrailError) return undefined;
    throw error;
  }
}
