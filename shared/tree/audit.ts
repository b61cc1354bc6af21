import type { Refusal } from "../scope/decision.ts";
import type { Matcher } from "../scope/matcher.ts";
import { quote } from "../scope/quote.ts";
import { changeTrees, lineCounts } from "./change-trees.ts";
import { type Change, type Changes, changesSince, type GitChange } from "./changes.ts";
import { type JournalEntry, pathsChangedBy } from "./journal.ts";
import type { FileState } from "./objects.ts";
import type { Snapshot } from "./snapshot-record.ts";

export interface AuditOptions {
  /** Taken before the turn. */
  snapshot: Snapshot;
  /** What Handrail let through in the turn, unconfined commands included (`closeWindow`). */
  journal: readonly JournalEntry[];
  matcher: Matcher;
  unconfined: Unconfined;
  /**
   * Whether another run is on record for having written this, and may: a command that nobody held is taken to
   * have made every change that was seen while it ran, another run's too.
   */
  othersWrote?: (path: string, state: FileState | undefined) => boolean;
}

/** What ran in the turn without confinement: how often. */
export interface Unconfined {
  commands: number;
  formatters: number;
  languageServers: number;
}

/** One changed path. Counts are lines; a binary file or one whose content is not kept has none. */
export interface AuditedChange {
  path: string;
  status: Change["status"];
  added?: number;
  deleted?: number;
  inScope: boolean;
  by: "executor" | "foreign";
}

export interface Audit {
  verdict: "in_scope" | "violated" | "unverifiable";
  /** Every changed file; of `.git` only what the executor changed. */
  changes: AuditedChange[];
  /** What the executor changed and may not have. */
  outOfScope: { path: string; code: Refusal["code"] }[];
  /** Paths that somebody else changed; `.git/...` included. */
  foreign: string[];
  /** Why it is not `in_scope`, each a plain sentence. */
  reasons: string[];
}

/**
 * Compares the working tree with the snapshot taken before the turn. What the journal names is the
 * executor's; everything else is foreign: listed, not blamed.
 * @throws HandrailError `git-failed`, `state-unreadable`
 */
export async function auditTurn(options: AuditOptions): Promise<Audit> {
  const { snapshot, matcher } = options;
  const found = await changesSince(snapshot);
  const touched = pathsChangedBy(options.journal);
  const byCommands = onlyByCommands(options.journal);
  const counts = await lineCounts(await changeTrees(snapshot, found.changes));
  const git = found.git.filter((change) => touched.has(change.name));
  const changes: AuditedChange[] = [];
  const outOfScope: Audit["outOfScope"] = [];
  const foreign = found.git.filter((change) => !touched.has(change.name)).map((change) => change.name);
  for (const change of found.changes) {
    const { path, status } = change;
    const answer = matcher.classify(path, actOf(change));
    const suspect = touched.has(path) && answer.decision === "refuse" && byCommands.has(path);
    const others = suspect && options.othersWrote?.(path, change.after) === true;
    const by = touched.has(path) && !others ? "executor" : "foreign";
    changes.push({ path, status, ...counts.get(path), inScope: answer.decision === "allow", by });
    if (by === "foreign") foreign.push(path);
    else if (answer.decision === "refuse") outOfScope.push({ path, code: answer.code });
  }
  for (const change of git) {
    const inScope = mayChange(change.name, matcher);
    changes.push({ path: change.name, status: statusOf(change), inScope, by: "executor" });
    if (!inScope) outOfScope.push({ path: change.name, code: "git-dir" });
  }
  return { ...judge(options, outOfScope, found), changes, outOfScope, foreign };
}

/** Paths that no structured tool of the run wrote. */
function onlyByCommands(journal: readonly JournalEntry[]): Set<string> {
  const byTools = new Set(journal.filter((entry) => entry.via === "tool").map((entry) => entry.path));
  return new Set(journal.map((entry) => entry.path).filter((path) => !byTools.has(path)));
}

function judge(
  { unconfined }: AuditOptions,
  outOfScope: Audit["outOfScope"],
  { unverifiable }: Changes,
): Pick<Audit, "verdict" | "reasons"> {
  if (outOfScope.length > 0) {
    return {
      verdict: "violated",
      reasons: outOfScope.map(({ path }) => `${quote(path)} is outside the task's scope`),
    };
  }
  const reasons = unverifiable.map(({ path, reason }) => `${quote(path)}: ${reason}`);
  const ran = whatRan(unconfined);
  if (ran.length > 0) {
    reasons.push(
      `${ran.join(" and ")} ran without confinement: nothing out of scope was seen, which is no proof`,
    );
  }
  return { verdict: reasons.length > 0 ? "unverifiable" : "in_scope", reasons };
}

function whatRan({ commands, formatters, languageServers }: Unconfined): string[] {
  return [
    ...(commands > 0 ? [commands === 1 ? "one shell command" : `${commands} shell commands`] : []),
    ...(formatters > 0 ? ["OpenCode's formatters"] : []),
    ...(languageServers > 0 ? ["language servers"] : []),
  ];
}

function actOf({ status }: Change): "create" | "delete" | "modify" {
  if (status === "added") return "create";
  return status === "deleted" ? "delete" : "modify";
}

function statusOf({ before, after }: GitChange): Change["status"] {
  if (before === undefined && after !== undefined) return "added";
  return after === undefined && before !== undefined ? "deleted" : "modified";
}

/** Staging and committing, where the task allows them, and nothing else. */
function mayChange(name: string, { scope, classify }: Matcher): boolean {
  const commits = scope.rules.includes("may-commit");
  const staged = /^\.git\/index:(.*)$/s.exec(name)?.[1];
  if (staged !== undefined) {
    return (commits || scope.rules.includes("may-stage")) && classify(staged).decision === "allow";
  }
  return commits && /^\.git\/(refs\/heads\/|HEAD$)/.test(name);
}
