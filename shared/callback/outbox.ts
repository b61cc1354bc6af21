import { readdirSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";
import { HandrailError } from "../errors.ts";
import { faultPoint } from "../fault.ts";
import { readJson, writeJson } from "../state/files.ts";
import { projectDir } from "../state/place.ts";
import { boundPayload } from "./bound.ts";
import { holdEntry } from "./hold.ts";
import { putCallback } from "./inbox.ts";
import { afterOutcome, type Outcome, type TargetState, targetStateSchema } from "./outcome.ts";
import { type CallbackPayload, payloadSchema } from "./payload.ts";
import { DELIVERY } from "./policy.ts";
import { redactor, redactPayload } from "./redact.ts";
import { RESUME_VARIABLE } from "./resume-options.ts";
import { readTarget, type Target } from "./target.ts";

const entrySchema = z.object({ payload: payloadSchema, targets: z.array(targetStateSchema) });
export type OutboxEntry = z.infer<typeof entrySchema>;

const ID = /^[A-Za-z0-9_-]{1,128}$/;

/**
 * Where a run without a caller calls back: the project's own inbox.
 * @param root real path of the working tree's top level
 */
export function projectInbox(root: string): string {
  return join(projectDir(root), "inbox");
}

/** Where the caller wants to be told. Without either it is the project's own inbox. */
export interface Caller {
  /** The calling session's inbox. */
  inbox?: string | undefined;
  /** The address that it gave (`targetFromEnv`). */
  callback?: Target | undefined;
}

/** The folder that a caller's callbacks are put into; none for one that gave an address alone. */
export function inboxFor(root: string, { inbox, callback }: Caller): string | undefined {
  return inbox ?? (callback ? undefined : projectInbox(root));
}

/**
 * Puts a callback in the outbox, redacted and bounded, durable before this returns. The id names the file,
 * so that a second attempt to close the same turn, by whoever finishes what a crash left, finds the first.
 * @param env where the secrets are that must not be in it
 */
export function putOutbox(
  root: string,
  payload: CallbackPayload,
  caller: Caller,
  env: NodeJS.ProcessEnv = process.env,
): OutboxEntry {
  const known = readEntry(root, payload.callback_id);
  if (known) return known;
  const local = inboxFor(root, caller);
  const targets = [
    ...(local ? [{ target: `inbox:${local}` }] : []),
    // The project's own inbox is no session's.
    ...(caller.inbox && env[RESUME_VARIABLE] ? [{ target: `resume:${caller.inbox}` }] : []),
    ...(caller.callback ? [caller.callback] : []),
  ];
  const entry: OutboxEntry = {
    payload: boundPayload(redactPayload(payload, redactor(env))),
    targets: targets.map((target) => ({ ...target, state: "pending", attempts: 0 })),
  };
  saveEntry(root, entry);
  faultPoint("outbox-written");
  return entry;
}

/** Puts a callback in the outbox and delivers what can be delivered at once: to inboxes. */
export function putAndDeliver(
  root: string,
  payload: CallbackPayload,
  caller: Caller,
  env: NodeJS.ProcessEnv = process.env,
): OutboxEntry {
  return deliver(root, putOutbox(root, payload, caller, env));
}

/**
 * Delivers what can be delivered at once. An entry that another process is just delivering is left to it.
 * @returns the entry as it is now
 */
export function deliver(root: string, entry: OutboxEntry): OutboxEntry {
  const release = holdEntry(entryFile(root, entry.payload.callback_id));
  if (!release) return entry;
  try {
    const now = readEntry(root, entry.payload.callback_id) ?? entry;
    const next = { ...now, targets: now.targets.map((target) => deliverLocal(target, now.payload)) };
    saveEntry(root, next);
    faultPoint("inbox-noted");
    return next;
  } finally {
    release();
  }
}

function deliverLocal(state: TargetState, payload: CallbackPayload): TargetState {
  const known = readTarget(state.target);
  if (state.state !== "pending" || known?.kind !== "inbox") return state;
  return afterOutcome(state, putInto(known.place, payload), DELIVERY, redactor());
}

/** Puts a payload into an inbox. @returns what came of it; never throws */
export function putInto(inbox: string, payload: CallbackPayload): Outcome {
  try {
    putCallback(inbox, payload);
    return { kind: "delivered" };
  } catch (error) {
    return { kind: "again", reason: error instanceof Error ? error.message : String(error) };
  }
}

/** All entries, oldest first. One that does not parse is set aside by the reader (`listUnreadable`). */
export function listOutbox(root: string): OutboxEntry[] {
  return names(root)
    .filter((name) => name.endsWith(".json"))
    .sort()
    .flatMap((name) => {
      try {
        return readEntry(root, name.slice(0, -".json".length)) ?? [];
      } catch (error) {
        // It is kept, and found by its new name; the others must go on.
        if (error instanceof HandrailError && error.code === "state-unreadable") return [];
        throw error;
      }
    });
}

/** Files of the outbox that did not parse, and were set aside. */
export function listUnreadable(root: string): string[] {
  return names(root)
    .filter((name) => /\.unreadable-\d+$/.test(name))
    .map((name) => join(outboxDir(root), name));
}

/** @throws HandrailError `bad-input` for what is no callback id, `state-unreadable` */
export function readEntry(root: string, callbackId: string): OutboxEntry | undefined {
  return readJson(entryFile(root, callbackId), entrySchema);
}

export function saveEntry(root: string, entry: OutboxEntry): void {
  writeJson(entryFile(root, entry.payload.callback_id), entry);
}

/** @throws HandrailError `bad-input` for what is no callback id: it becomes part of a path */
export function entryFile(root: string, callbackId: string): string {
  if (!ID.test(callbackId)) {
    throw new HandrailError("bad-input", `not a callback id: ${JSON.stringify(callbackId.slice(0, 60))}`, {
      fix: "handrail callback list",
    });
  }
  return join(outboxDir(root), `${callbackId}.json`);
}

function outboxDir(root: string): string {
  return join(projectDir(root), "outbox");
}

function names(root: string): string[] {
  try {
    return readdirSync(outboxDir(root));
  } catch (error) {
    // Whoever writes there is told of a file that is in the way.
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return [];
    throw error;
  }
}
