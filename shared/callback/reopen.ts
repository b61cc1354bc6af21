import { HandrailError } from "../errors.ts";
import { holdEntry } from "./hold.ts";
import { entryFile, readEntry, saveEntry } from "./outbox.ts";
import type { TargetState } from "./outcome.ts";

/**
 * Makes a callback pending again, at a person's request: the targets that have not got it, or all of them
 * where all have. The idempotency key stays, so that a receiver that remembers it takes it once.
 * @throws HandrailError `not-found`, `busy` while somebody delivers it
 */
export function reopen(root: string, callbackId: string): void {
  const file = entryFile(root, callbackId);
  if (!readEntry(root, callbackId)) throw unknown(callbackId);
  const release = holdEntry(file);
  if (!release) {
    throw new HandrailError("busy", `callback ${callbackId} is being delivered by another process`, {
      fix: "handrail callback list",
    });
  }
  try {
    const entry = readEntry(root, callbackId);
    if (!entry) throw unknown(callbackId);
    const all = entry.targets.every(({ state }) => state === "delivered");
    const targets = entry.targets.map((state) => (all || state.state !== "delivered" ? fresh(state) : state));
    saveEntry(root, { ...entry, targets });
  } finally {
    release();
  }
}

function fresh({ target, env }: TargetState): TargetState {
  return { target, state: "pending", attempts: 0, ...(env ? { env } : {}) };
}

function unknown(callbackId: string): HandrailError {
  return new HandrailError("not-found", `no callback ${callbackId} in this project`, {
    fix: "handrail callback list",
  });
}
