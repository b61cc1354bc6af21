import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseJson, privateDir } from "../state/files.ts";
import { type Checkpoint, checkpointSchema } from "./checkpoint.ts";
import { logEvent } from "./events.ts";
import type { RunRecord } from "./record.ts";
import { runDir } from "./store.ts";

const FILE = "checkpoints.jsonl";

/** What a milestone adds to what every checkpoint has. */
export type CheckpointPart = Pick<Checkpoint, "kind" | "state" | "summary"> & Partial<Checkpoint>;

/** Makes a checkpoint of a run. */
export function checkpointOf(record: RunRecord, part: CheckpointPart): Checkpoint {
  return {
    at: new Date().toISOString(),
    run_id: record.run_id,
    turn: record.turn,
    task_id: record.spec.packet?.task_id ?? record.task_id,
    files_changed: [],
    tests_run: [],
    risks: [],
    blockers: [],
    lock_release_request: false,
    ...part,
  };
}

/** Puts a checkpoint on record: a line of `checkpoints.jsonl` in the run's folder, and an event. */
export function noteCheckpoint(record: RunRecord, checkpoint: Checkpoint): void {
  const dir = privateDir(runDir(record.root, record.run_id));
  appendFileSync(join(dir, FILE), `${JSON.stringify(checkpoint)}\n`, { mode: 0o600 });
  logEvent(record, { type: "checkpoint", kind: checkpoint.kind, state: checkpoint.state });
}

/** The checkpoints of a run, oldest first. A line that a kill tore off is left out. */
export function readCheckpoints(root: string, runId: string): Checkpoint[] {
  let text: string;
  try {
    text = readFileSync(join(runDir(root, runId), FILE), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  return text.split("\n").flatMap((line) => {
    const parsed = line === "" ? undefined : parseJson(line, checkpointSchema);
    return parsed?.ok ? [parsed.value] : [];
  });
}
