import { frozenMatcher } from "../scope/surroundings.ts";
import { type Audit, auditTurn, type Unconfined } from "../tree/audit.ts";
import { Journal, readJournal } from "../tree/journal.ts";
import { closeWindows } from "../tree/shell-window.ts";
import { loadSnapshot, type Snapshot } from "../tree/snapshot-record.ts";
import type { RunEvent } from "./events.ts";
import { otherRuns } from "./others.ts";
import type { RunRecord } from "./record.ts";
import type { ShellWord } from "./refusals.ts";
import { turnDir } from "./store.ts";

/** What the process that held a turn remembers: a command that nothing holds could edit the run's own log. */
export interface Seen {
  /** Call ids of the commands that Handrail's shell has to say something of. */
  held: ReadonlySet<string>;
  unconfined: Unconfined;
  /** What takes a clean verdict away, each a plain sentence. */
  doubts: readonly string[];
}

/**
 * Compares the working tree with the snapshot from before a run's turn, minus its journal. Never rejects: what
 * cannot be compared is unverifiable.
 * @param events of this turn
 */
export async function auditedTurn(
  record: RunRecord,
  events: readonly RunEvent[],
  seen: Unconfined | undefined,
): Promise<Audit> {
  const snapshot = record.turn > 0 ? loadSnapshot(turnDir(record)) : undefined;
  if (!snapshot) return unverified("there is no snapshot of the working tree from before the turn");
  try {
    const since = events[0]?.at ?? record.created;
    return await auditWith(snapshot, record, since, unconfinedIn(events, seen));
  } catch (error) {
    // The turn is told of all the same: a callback that says what is not known beats none.
    return unverified(`the audit failed: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function auditWith(
  snapshot: Snapshot,
  record: RunRecord,
  since: string,
  unconfined: Unconfined,
): Promise<Audit> {
  const dir = turnDir(record);
  await closeWindows(snapshot, new Journal(dir, record.root, snapshot.tree.objectFormat));
  return auditTurn({
    snapshot,
    journal: readJournal(dir),
    matcher: frozenMatcher(record.spec.scope, record.around),
    unconfined,
    othersWrote: otherRuns(record, since),
  });
}

/** By the run's log and by memory; the larger counts. */
function unconfinedIn(events: readonly RunEvent[], seen: Unconfined | undefined): Unconfined {
  const logged = (what: string) =>
    events.filter((one) => one.type === "shell" && one.confinement === "none" && one.what === what).length;
  return {
    commands: Math.max(logged("command"), seen?.commands ?? 0),
    formatters: Math.max(logged("formatter"), seen?.formatters ?? 0),
    languageServers: Math.max(logged("language-servers"), seen?.languageServers ?? 0),
  };
}

/** A run that was blocked stays so, even where the executor has put back what it changed. */
export function withBlock(record: RunRecord, audit: Audit): Audit {
  if (record.state !== "blocked" || audit.verdict === "violated") return audit;
  return { ...audit, verdict: "violated", reasons: [...record.reasons, ...audit.reasons] };
}

/** That a confined command has left no word. */
export function silence({ silent }: ShellWord): string[] {
  if (silent === 0) return [];
  const commands = silent === 1 ? "a command" : `${silent} commands`;
  return [`Handrail's shell has said nothing of ${commands}: it may have been replaced or killed`];
}

/** A clean verdict is none where anything is in doubt. */
export function withDoubts(audit: Audit, doubts: readonly string[]): Audit {
  if (doubts.length === 0) return audit;
  const verdict = audit.verdict === "violated" ? "violated" : "unverifiable";
  return { ...audit, verdict, reasons: [...audit.reasons, ...doubts] };
}

function unverified(reason: string): Audit {
  return { verdict: "unverifiable", changes: [], outOfScope: [], foreign: [], reasons: [reason] };
}
