import { closeSync, existsSync, openSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { HandrailError } from "../errors.ts";
import { keptAside, privateDir, readJson, writeJson } from "../state/files.ts";
import { projectDir } from "../state/place.ts";
import { isOver, type RunRecord, runRecordSchema } from "./record.ts";

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

/** Where a turn keeps its snapshot, journal and pre-images. */
export function turnDir(record: Pick<RunRecord, "root" | "run_id" | "turn">): string {
  return join(runDir(record.root, record.run_id), `turn-${record.turn}`);
}

export function readRun(root: string, runId: string): RunRecord | undefined {
  return readJson(join(runDir(root, runId), "run.json"), runRecordSchema);
}

/** @throws HandrailError `not-found`, `state-unreadable` */
export function requireRun(root: string, runId: string): RunRecord {
  const record = readRun(root, runId);
  if (record) return record;
  if (existsSync(runDir(root, runId)) && wasKeptAside(root, runId)) {
    throw new HandrailError("state-unreadable", asideMessage(root, runId), { fix: "handrail runs" });
  }
  throw new HandrailError("not-found", `no run ${runId} in this project`, { fix: "handrail runs" });
}

/**
 * The records of all runs, or of the newest, oldest first.
 * @param limit how many
 * @returns also a sentence for each record that could not be read, now or earlier: its run is known, what it
 *   did is not
 */
export function readRuns(root: string, limit?: number): { runs: RunRecord[]; unreadable: string[] } {
  const runs: RunRecord[] = [];
  const unreadable: string[] = [];
  for (const id of listRunIds(root).slice(limit === undefined ? 0 : -limit)) {
    const record = readableRun(root, id);
    if (record) runs.push(record);
    else if (wasKeptAside(root, id)) unreadable.push(asideMessage(root, id));
  }
  return { runs, unreadable };
}

/** @returns the record of a run; undefined where there is none, or none that can be read (it is set aside) */
export function readableRun(root: string, id: string): RunRecord | undefined {
  try {
    return readRun(root, id);
  } catch (error) {
    if (error instanceof HandrailError && error.code === "state-unreadable") return undefined;
    throw error;
  }
}

function asideMessage(root: string, id: string): string {
  return `the record of run ${id} was not readable and was kept in ${runDir(root, id)}`;
}

/** Whether `readJson` has set the record of a run aside. */
function wasKeptAside(root: string, id: string): boolean {
  return keptAside(runDir(root, id), "run.json").length > 0;
}

/** Ids of all runs, oldest first. */
export function listRunIds(root: string): string[] {
  return idsIn(runsDir(root));
}

export function saveRun(record: RunRecord): void {
  const dir = privateDir(runDir(record.root, record.run_id));
  const ended = isOver(record);
  // Marked before the record says so, and unmarked after: a crash in between leaves a mark too many.
  if (!ended) mark(record);
  writeJson(join(dir, "run.json"), record);
  if (ended) unmark(record);
}

/** Runs that have not ended, as far as their marks tell; so that finding them costs nothing when there are none. */
export function listOpenRunIds(root: string): string[] {
  const ids = namesIn(openDir(root)).map((name) => name.replace(/\.[a-z]+$/, ""));
  return [...new Set(ids)].filter((id) => RUN_ID.test(id)).sort();
}

/**
 * Notes that nobody works for a run any more although its process lives: its turn has ended, and could not
 * be closed. It renames the run's mark, since there may be no room for anything new.
 * @param how in which way the turn ended, one word
 */
export function leaveUnclosed(record: RunRecord, how: string): void {
  renameSync(markOf(record), `${markOf(record)}.${how}`);
}

/** @returns the word of `leaveUnclosed`, where it was said of this run's turn */
export function unclosed({ root, run_id }: RunRecord): string | undefined {
  return namesIn(openDir(root))
    .find((name) => name.startsWith(`${run_id}.`))
    ?.slice(run_id.length + 1);
}

function mark(record: RunRecord): void {
  const file = markOf(record);
  privateDir(dirname(file));
  closeSync(openSync(file, "a", 0o600));
}

function unmark(record: RunRecord): void {
  const { root, run_id } = record;
  rmSync(markOf(record), { force: true });
  for (const name of namesIn(openDir(root))) {
    if (name.startsWith(`${run_id}.`)) rmSync(join(openDir(root), name), { force: true });
  }
}

function markOf({ root, run_id }: RunRecord): string {
  return join(openDir(root), run_id);
}

function openDir(root: string): string {
  return join(projectDir(root), "open");
}

function idsIn(folder: string): string[] {
  return namesIn(folder)
    .filter((name) => RUN_ID.test(name))
    .sort();
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    // Whoever writes there is told of a file that is in the way.
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return [];
    throw error;
  }
}
