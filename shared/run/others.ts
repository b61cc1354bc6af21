import { frozenMatcher } from "../scope/surroundings.ts";
import { type JournalEntry, readJournal } from "../tree/journal.ts";
import type { FileState } from "../tree/objects.ts";
import type { RunRecord } from "./record.ts";
import { readRuns, turnDir } from "./store.ts";

/**
 * Whether a change that was seen during a run's turn is another run's work: that run was at work meanwhile,
 * its scope allows the path, and its journal ends with the very state the path has now.
 * @param since when the turn began
 * @returns asked path by path; reads the other runs' journals at the first question only
 */
export function otherRuns(
  record: RunRecord,
  since: string,
): (path: string, state: FileState | undefined) => boolean {
  let others: { allows: (path: string) => boolean; last: Map<string, JournalEntry> }[] | undefined;
  return (path, state) => {
    others ??= readRuns(record.root)
      .runs.filter((run) => run.run_id !== record.run_id && run.turn > 0)
      .filter((run) => run.ended === undefined || run.ended >= since)
      .map(written);
    return others.some(({ allows, last }) => {
      const entry = last.get(path);
      return entry !== undefined && allows(path) && isState(entry, state);
    });
  };
}

function written(run: RunRecord) {
  const matcher = frozenMatcher(run.spec.scope, run.around);
  const last = new Map<string, JournalEntry>();
  for (const entry of readJournal(turnDir(run))) {
    const known = last.get(entry.path);
    if (!known || known.at <= entry.at) last.set(entry.path, entry);
  }
  return { allows: (path: string) => matcher.classify(path).decision === "allow", last };
}

/** A write that has not ended may have come to anything. */
function isState({ after }: JournalEntry, state: FileState | undefined): boolean {
  if (after === undefined) return true;
  return (after?.oid ?? null) === (state?.oid ?? null) && (after?.mode ?? null) === (state?.mode ?? null);
}
