import { quote } from "../scope/quote.ts";
import type { Audit } from "../tree/audit.ts";
import { readJournal } from "../tree/journal.ts";
import { fileState } from "../tree/objects.ts";
import { loadSnapshot, type Snapshot } from "../tree/snapshot-record.ts";
import type { RunRecord } from "./record.ts";
import { turnDir } from "./store.ts";
import type { Strayed } from "./strayed-path.ts";

type Turns = Pick<RunRecord, "root" | "run_id" | "turn">;

/** What earlier turns changed out of scope and nobody has put back since: a later turn's audit starts after it. */
export function stillStrayed(run: Turns & Pick<RunRecord, "strayed">): Strayed[] {
  return (run.strayed ?? []).filter((one) => one.turn < run.turn && !isPutBack(run, one));
}

function isPutBack(run: Turns, { path, turn }: Strayed): boolean {
  const dir = turnDir({ ...run, turn });
  const before = readJournal(dir).find((entry) => entry.path === path)?.before;
  // Of the git directory the journal has no content to compare with.
  if (before === undefined || path.startsWith(".git/")) return false;
  try {
    const format = loadSnapshot(dir)?.tree.objectFormat;
    return format !== undefined && same(before, fileState(run.root, path, format));
  } catch {
    return false; // What cannot be told any more counts as it was: the turn is closed all the same.
  }
}

/** Adds to a turn's audit what earlier turns left out of scope: the run is no better for its last turn. */
export function withStrayed(audit: Audit, earlier: readonly Strayed[]): Audit {
  const known = new Set(audit.changes.map((change) => change.path));
  const more = earlier.filter((one) => !known.has(one.path));
  if (more.length === 0) return audit;
  const changes = more.map(({ path, status }) => ({
    ...{ path, status, inScope: false },
    by: "executor" as const,
  }));
  const reasons = more.map(
    ({ path, turn }) => `${quote(path)}, changed in turn ${turn}, is outside the task's scope`,
  );
  return {
    ...audit,
    verdict: "violated",
    changes: [...audit.changes, ...changes],
    reasons: [...audit.reasons, ...reasons],
  };
}

/** What a run has out of scope by the end of a turn, with the turn in which each path was first changed. */
export function strayedBy(audit: Audit, earlier: readonly Strayed[], turn: number): Strayed[] {
  const known = new Set(earlier.map((one) => one.path));
  const here = audit.changes.filter((change) => change.by === "executor" && !change.inScope);
  return [
    ...earlier,
    ...here.filter(({ path }) => !known.has(path)).map(({ path, status }) => ({ path, status, turn })),
  ];
}

/** A turn whose snapshot has what some paths were before the executor's changes. */
export interface Origin {
  snapshot: Snapshot;
  paths: Set<string>;
}

/**
 * Where the paths that a run changed can be restored from, over all its turns.
 * @returns the turns, each with its paths, and for every path what the executor's last call left there
 */
export function originsOf(run: Turns, paths: ReadonlySet<string>) {
  const turns = new Map<string, number>();
  const entries = new Map<string, ReturnType<typeof readJournal>[number]>();
  for (let turn = 1; turn <= run.turn; turn++) {
    for (const entry of readJournal(turnDir({ ...run, turn }))) {
      if (!paths.has(entry.path)) continue;
      const earlier = entries.get(entry.path);
      // Somebody else changed it in between: what they made of it is what counts.
      if (!earlier || !same(earlier.after ?? null, entry.before ?? undefined)) turns.set(entry.path, turn);
      entries.set(entry.path, entry);
    }
  }
  const origins: Origin[] = [];
  for (const turn of new Set(turns.values())) {
    const snapshot = loadSnapshot(turnDir({ ...run, turn }));
    const own = new Set([...turns].filter(([, one]) => one === turn).map(([path]) => path));
    if (snapshot) origins.push({ snapshot, paths: own });
  }
  return { origins, journal: [...entries.values()] };
}

function same(then: { mode: string; oid: string } | null, now: ReturnType<typeof fileState>): boolean {
  return then?.mode === now?.mode && then?.oid === now?.oid;
}
