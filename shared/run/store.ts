import { appendFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { HandrailError } from "../errors.ts";
import { privateDir, readJson, writeJson } from "../state/files.ts";
import { projectDir } from "../state/place.ts";
import { type RunRecord, runRecordSchema } from "./record.ts";
import { canMove, type RunState } from "./state.ts";

const RUN_ID = /^r\d{8}T\d{6}-[0-9a-f]{6}$/;

/** `runs/` of one working tree. @param root real path of its top level */
export function runsDir(root: string): string {
  return join(projectDir(root), "runs");
}

/** @throws HandrailError `bad-input` for an id that is none: it becomes part of a path */
export function runDir(root: string, runId: string): string {
  if (!RUN_ID.test(runId)) {
    throw new HandrailError("bad-input", `not a run id: ${JSON.stringify(runId.slice(0, 60))}`, {
      fix: "handrail runs",
    });
  }
  return join(runsDir(root), runId);
}

export function readRun(root: string, runId: string): RunRecord | undefined {
  return readJson(join(runDir(root, runId), "run.json"), runRecordSchema);
}

/** @throws HandrailError `not-found` */
export function requireRun(root: string, runId: string): RunRecord {
  const record = readRun(root, runId);
  if (record) return record;
  throw new HandrailError("not-found", `no run ${runId} in this project`, { fix: "handrail runs" });
}

/** Ids of all runs, oldest first. */
export function listRunIds(root: string): string[] {
  try {
    return readdirSync(runsDir(root))
      .filter((name) => RUN_ID.test(name))
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

export function saveRun(record: RunRecord): void {
  const dir = privateDir(runDir(record.root, record.run_id));
  writeJson(join(dir, "run.json"), record);
}

/**
 * Moves a run to another state, saves it and logs the move.
 * @throws HandrailError `internal` for a move that the states do not allow
 */
export function moveRun(record: RunRecord, state: RunState, patch: Partial<RunRecord> = {}): RunRecord {
  if (record.state !== state && !canMove(record.state, state)) {
    throw new HandrailError("internal", `run ${record.run_id} cannot go from ${record.state} to ${state}`);
  }
  const next: RunRecord = { ...record, ...patch, state };
  saveRun(next);
  logEvent(next, { type: "state", from: record.state, to: state });
  return next;
}

/** Appends one line to `events.jsonl` (O_APPEND: lines of several processes do not mix). */
export function logEvent(
  record: Pick<RunRecord, "root" | "run_id">,
  event: { type: string } & Record<string, unknown>,
): void {
  const dir = privateDir(runDir(record.root, record.run_id));
  const line = JSON.stringify({ at: new Date().toISOString(), ...event });
  appendFileSync(join(dir, "events.jsonl"), `${line}\n`, { mode: 0o600 });
}
