import { putAndDeliver } from "../callback/outbox.ts";
import type { Note } from "../callback/payload.ts";
import { startFlusher } from "../callback/start.ts";
import { noteId } from "./notes.ts";
import type { RunRecord } from "./record.ts";
import { payloadOf } from "./report.ts";

/**
 * Tells the caller something before the turn has ended: a question, or that nothing is heard of the run.
 * @param key what it is about: a request's id, or the number of a stall
 */
export function sendNote(record: RunRecord, key: string, note: Note, env: NodeJS.ProcessEnv): void {
  const payload = { ...payloadOf(record), callback_id: noteId(record, key), kind: "note" as const, note };
  putAndDeliver(record.root, payload, record.origin, env);
  startFlusher(record.root, env);
}
