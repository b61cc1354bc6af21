import { readEntry } from "../../shared/callback/outbox.ts";
import type { RunRecord } from "../../shared/run/record.ts";
import { payloadOf } from "../../shared/run/report.ts";

/** How far the callback of a run's last turn has come. */
export function callbackOf(record: RunRecord) {
  const id = payloadOf(record).callback_id;
  const targets = readEntry(record.root, id)?.targets ?? [];
  return {
    callback_id: id,
    state: stateOf(targets.map(({ state }) => state)),
    targets: targets.map(({ target, state, error }) => ({
      target,
      state,
      ...(error === undefined ? {} : { error }),
    })),
  };
}

/** It is delivered when every target has it, and failed when one never will. */
function stateOf(states: readonly string[]): "none" | "pending" | "delivered" | "failed" {
  if (states.length === 0) return "none";
  if (states.includes("failed")) return "failed";
  return states.every((state) => state === "delivered") ? "delivered" : "pending";
}
