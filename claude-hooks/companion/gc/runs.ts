import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { listOutbox } from "../../../shared/callback/outbox.ts";
import { isOpen, readPolicy } from "../../../shared/confine/finish.ts";
import { finishOpen } from "../../../shared/confine/open.ts";
import { placesIn } from "../../../shared/confine/places.ts";
import { removeTree } from "../../../shared/confine/remove.ts";
import { isOver, type RunRecord } from "../../../shared/run/record.ts";
import { readRegistration } from "../../../shared/run/registry.ts";
import { readRuns, runDir, runsDir } from "../../../shared/run/store.ts";
import { projectDir } from "../../../shared/state/place.ts";
import { changedAt, entriesOf, type Found, type Item, sizeOf } from "./item.ts";

const LONGEST_START = 60_000;

/** The runs of a working tree: what is old and closed, and what stays. */
export function oldRuns(
  root: string,
  before: number,
): Found & { staying: RunRecord[]; unreadable: string[] } {
  const { runs, unreadable } = readRuns(root);
  const waiting = new Set(
    listOutbox(root).flatMap(({ payload, targets }) =>
      targets.some((target) => target.state === "pending") ? payload.run_id : [],
    ),
  );
  const found: Found = { items: [], kept: [] };
  const staying: RunRecord[] = [];
  for (const run of runs) {
    const why = isOld(run, before) ? reasonToStay(run, waiting) : "young";
    if (why === undefined) found.items.push(itemOf(run));
    else {
      staying.push(run);
      if (why !== "young") found.kept.push({ kind: "run", name: run.run_id, why });
    }
  }
  return { ...found, staying, unreadable };
}

function isOld({ created, ended }: RunRecord, before: number): boolean {
  return Date.parse(ended ?? created) < before;
}

function reasonToStay(run: RunRecord, waiting: ReadonlySet<string>): string | undefined {
  if (!isOver(run)) return `it is ${run.state}`;
  return waiting.has(run.run_id) ? "its callback is not delivered yet" : undefined;
}

function itemOf(run: RunRecord): Item {
  const dir = runDir(run.root, run.run_id);
  return { kind: "run", name: run.run_id, bytes: sizeOf(dir) + workSize(dir), remove: () => removeRun(dir) };
}

/** The folder of upper layers, where it lies elsewhere. */
function workSize(dir: string): number {
  const work = workOf(dir);
  return work === undefined || work.startsWith(dir) ? 0 : sizeOf(work);
}

function workOf(dir: string): string | undefined {
  return existsSync(placesIn(dir).policy) ? readPolicy(dir).work : undefined;
}

/** What a command has left is applied first: it is the user's. */
async function removeRun(dir: string): Promise<void> {
  if (!(await finishOpen(dir, false))) throw new Error("one of its commands is still running");
  const work = workOf(dir);
  if (work !== undefined) removeTree(work);
  removeTree(dir);
}

/** State of single commands (`handrail exec`), and what a killed probe has left. */
export function oldCommands(root: string, before: number): Found {
  const found: Found = { items: [], kept: [] };
  const parent = join(projectDir(root), "exec");
  for (const name of entriesOf(parent)) {
    const dir = join(parent, name);
    if (changedAt(dir) >= before || isStarting(dir)) continue;
    const remove = () => removeRun(dir);
    if (!existsSync(placesIn(dir).policy) || !isOpen(readPolicy(dir))) {
      found.items.push({ kind: "exec", name, bytes: sizeOf(dir) + workSize(dir), remove });
    } else
      found.kept.push({
        kind: "exec",
        name,
        why: "its command is running, or its changes wait to be applied",
      });
  }
  for (const name of entriesOf(projectDir(root)).filter((one) => /^probe-[0-9a-f]{12}$/.test(one))) {
    const dir = join(projectDir(root), name);
    if (changedAt(dir) < before) {
      found.items.push({ kind: "leftover", name, bytes: sizeOf(dir), remove: () => removeTree(dir) });
    }
  }
  return found;
}

/** What has ended has no shell any more; one that has may be about to run its command. */
function isStarting(dir: string): boolean {
  return existsSync(placesIn(dir).dir) && changedAt(dir) > Date.now() - LONGEST_START;
}

/** Which run a session works for, where that run goes or is gone. */
export function oldSessions(root: string, before: number, going: ReadonlySet<string>): Found {
  const folder = join(projectDir(root), "sessions");
  const items = entriesOf(folder)
    .filter((name) => /^[A-Za-z0-9_-]{1,128}\.json$/.test(name))
    .flatMap((name): Item[] => {
      const file = join(folder, name);
      const run = readRegistration(root, name.slice(0, -".json".length))?.run_id;
      const gone = run !== undefined && (going.has(run) || !existsSync(join(runsDir(root), run)));
      if (!gone || changedAt(file) >= before) return [];
      const remove = () => rmSync(file, { force: true });
      return [{ kind: "session", name: name.slice(0, -".json".length), bytes: sizeOf(file), remove }];
    });
  return { items, kept: [] };
}
