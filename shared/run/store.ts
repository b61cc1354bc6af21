import { readdirSync } from "node:fs";
import { join } from "node:path";
import { HandrailError } from "../errors.ts";
import { privateDir, readJson, writeJson } from "../state/files.ts";
import { projectDir } from "../state/place.ts";
import { type RunRecord, runRecordSchema } from "./record.ts";

const RUN_ID = /^r\d{8}T\d{6}-[0-9a-f]{6}$/;

/** `runs/` of one working tree. @param root real path of its top level */
export function runsDir(root: string): string {
  return join(projectDir(root), "runs");
}

/** The claim on a working tree: one active run at a time. */
export function activeClaimDir(root: string): string {
  return join(projectDir(root), "active");
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

/** Where a turn keeps its snapshot, journal and pre-images. */
export function turnDir(record: Pick<RunRecord, "root" | "run_id" | "turn">): string {
  return join(runDir(record.root, record.run_id), `turn-${record.turn}`);
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
