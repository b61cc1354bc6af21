import { createHash } from "node:crypto";
import { withdraw } from "../callback/inbox.ts";
import { inboxFor } from "../callback/outbox.ts";
import type { Escalation } from "../callback/payload.ts";
import type { RunRecord } from "./record.ts";

/*
 * Ids. A turn's one callback is `<run id>-t<turn>`. A note, which is told before the turn has ended, is
 * `<run id>-t<turn>-n<what it is about>`: put twice it is one, and it never takes the callback's place. An
 * escalation is `<run id>-t<turn>-e-<reason>`, and is not taken back.
 */

/** The id of a turn's one callback. */
export function callbackId({ run_id, turn }: Pick<RunRecord, "run_id" | "turn">): string {
  return `${run_id}-t${turn}`;
}

/** @param key what the note is about: a request's id, or the number of a stall */
export function noteId(record: RunRecord, key: string): string {
  return `${callbackId(record)}-n${createHash("sha256").update(key).digest("hex").slice(0, 10)}`;
}

/** The id of what a run's turn leaves to whoever ordered it: one for each reason. */
export function escalationId(record: RunRecord, reason: Escalation["reason"]): string {
  return `${callbackId(record)}-e-${reason}`;
}

/** Takes a note back that nobody has read yet: what it says is over. */
export function withdrawNote(record: RunRecord, key: string): void {
  withdrawIf(record, (id) => id === noteId(record, key));
}

/** The same for all notes of a turn that has ended: its callback says how. */
export function withdrawNotes(record: RunRecord): void {
  withdrawIf(record, (id) => id.startsWith(`${callbackId(record)}-n`));
}

function withdrawIf(record: RunRecord, over: (id: string) => boolean): void {
  const inbox = inboxFor(record.root, record.origin);
  if (inbox !== undefined) withdraw(inbox, over);
}
