import type { CallbackPayload, Report, ReportedQuarantine } from "../callback/payload.ts";
import type { Quarantined } from "../tree/quarantine.ts";
import { callbackId } from "./notes.ts";
import type { RunRecord } from "./record.ts";

/** What a callback tells of a run's turn. */
export function payloadOf(record: RunRecord): CallbackPayload {
  const { schema, run_id, task_id, state, verdict, envelope, changes, refusals, quarantine } = record;
  const { validation, usage, session, next, reasons, error, task_state, end } = record;
  const report: Report = {
    schema,
    run_id,
    task_id,
    state,
    verdict,
    envelope,
    changes,
    refusals,
    quarantine,
    validation,
    task_state,
    end,
    usage,
    session,
    next,
    reasons,
    error,
  };
  return {
    ...report,
    callback_id: callbackId(record),
    kind: "end",
    turn: record.turn,
    created: new Date().toISOString(),
  };
}

/** What was put into quarantine, as reports tell of it. */
export function keptBytes(kept: readonly Quarantined[]): ReportedQuarantine[] {
  return kept.map(({ path, code, bytes }) => ({ path, code, ...(bytes === undefined ? {} : { bytes }) }));
}

/** The same bytes may have been kept when a run was blocked, and again at its end. */
export function unique(entries: readonly ReportedQuarantine[]): ReportedQuarantine[] {
  return [...new Map(entries.map((entry) => [JSON.stringify(entry), entry])).values()];
}
