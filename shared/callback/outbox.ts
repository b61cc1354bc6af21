import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";
import { readJson, writeJson } from "../state/files.ts";
import { projectDir } from "../state/place.ts";
import { putCallback } from "./inbox.ts";
import { type CallbackPayload, payloadSchema } from "./payload.ts";

const targetSchema = z.object({
  /** `inbox:<folder>`; other kinds follow. */
  target: z.string(),
  state: z.enum(["pending", "delivered", "failed"]),
  attempts: z.number(),
  error: z.optional(z.string()),
});
const entrySchema = z.object({ payload: payloadSchema, targets: z.array(targetSchema) });
export type OutboxEntry = z.infer<typeof entrySchema>;

/**
 * Where a run without a caller calls back: the project's own inbox.
 * @param root real path of the working tree's top level
 */
export function projectInbox(root: string): string {
  return join(projectDir(root), "inbox");
}

/**
 * Puts a callback in the outbox, durable before this returns. The id names the file, so that a second
 * attempt to close the same turn, by whoever finishes what a crash left, finds the first.
 */
export function putOutbox(root: string, payload: CallbackPayload, inbox: string | undefined): OutboxEntry {
  const file = entryFile(root, payload.callback_id);
  const known = readJson(file, entrySchema);
  if (known) return known;
  const entry: OutboxEntry = {
    payload,
    targets: [{ target: `inbox:${inbox ?? projectInbox(root)}`, state: "pending", attempts: 0 }],
  };
  writeJson(file, entry);
  return entry;
}

/** Puts a callback in the outbox and delivers what can be delivered at once. */
export function putAndDeliver(
  root: string,
  payload: CallbackPayload,
  inbox: string | undefined,
): OutboxEntry {
  return deliver(root, putOutbox(root, payload, inbox));
}

/** Delivers what is pending of one entry. @returns the entry as it is now */
export function deliver(root: string, entry: OutboxEntry): OutboxEntry {
  const targets = entry.targets.map((target) => {
    if (target.state !== "pending") return target;
    const attempts = target.attempts + 1;
    try {
      putCallback(target.target.slice("inbox:".length), entry.payload);
      return { ...target, attempts, state: "delivered" as const };
    } catch (error) {
      return { ...target, attempts, error: error instanceof Error ? error.message : String(error) };
    }
  });
  const next = { ...entry, targets };
  writeJson(entryFile(root, entry.payload.callback_id), next);
  return next;
}

/** All entries, oldest first. Entries that do not parse are set aside by the reader and reported there. */
export function listOutbox(root: string): OutboxEntry[] {
  const dir = join(projectDir(root), "outbox");
  if (!existsSync(dir)) return [];
  return readdirSync(dir)
    .filter((name) => name.endsWith(".json"))
    .sort()
    .flatMap((name) => readJson(join(dir, name), entrySchema) ?? []);
}

function entryFile(root: string, callbackId: string): string {
  return join(projectDir(root), "outbox", `${callbackId}.json`);
}
