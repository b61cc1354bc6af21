import { existsSync, lstatSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { createMatcher } from "../scope/matcher.ts";
import { captureGit } from "../tree/git.ts";
import { Journal } from "../tree/journal.ts";
import { appendCommand, type CommandRecord, type RefusedChange } from "./commands.ts";
import { conflictsIn } from "./conflict.ts";
import { gitChanges } from "./git-changes.ts";
import { findIgnored } from "./ignored.ts";
import { type Judged, judge } from "./judge.ts";
import { land, shown } from "./land.ts";
import { type LayerChange, readLayer } from "./layer.ts";
import { linkTarget, movedTo } from "./links.ts";
import { placesIn } from "./places.ts";
import type { Policy } from "./policy.ts";
import { Quarantine } from "./quarantine.ts";
import { removeTree } from "./remove.ts";
import { isBelow } from "./tools.ts";

/** What came of one command's layer, and whether its refusals count against its exit code. */
export interface Applied {
  record: CommandRecord;
  /** Something was left out that the command will miss: its exit code must not be 0. */
  counts: boolean;
  /** Names of allowed changes that could not be made, with why. */
  failed: { path: string; problem: string }[];
}

/**
 * Applies one cut layer: what the task allows goes into the tree, the rest to quarantine, and the layer is
 * removed. Until then the layer is what a second try starts from.
 * @param taken folder of the layer
 * @param exitCode of the command; null where nobody saw it end
 */
export async function applyLayer(policy: Policy, taken: string, exitCode: number | null): Promise<Applied> {
  const places = placesIn(policy.runDir);
  const callID = readCall(taken);
  const upper = join(taken, "top", "upper");
  const { tar } = policy.tools;
  if (tar === undefined) throw new Error("the policy names no tar");
  const changes = readLayer({ upper, lower: policy.root, tar, skip: (path) => path === ".git" });
  const judged = await judgeAll(policy, upper, changes);
  const wanted = judged.filter(({ fate }) => fate.fate === "apply" || fate.fate === "scratch");
  const since = statSync(join(taken, "busy"), { bigint: true }).mtimeNs;
  const allowed = wanted.map(({ change }) => change);
  const conflicts = conflictsIn(allowed, { root: policy.root, upper, tar, since });
  const free = wanted.filter(({ change }) => !conflicts.has(change));

  const quarantine = new Quarantine(places.quarantine, basename(taken), policy.limits);
  const git = await refusedInGit(policy, taken, quarantine);
  const journal = new Journal(policy.journal, policy.root);
  const landed = land(free, wholeFolders(judged, policy.root), {
    root: policy.root,
    upper,
    begin: (paths) =>
      journal.begin({
        via: "shell",
        tool: "bash",
        callID: callID || basename(taken),
        paths,
        directory: policy.root,
        resolved: true,
      }),
  });
  journal.end(callID || basename(taken));

  const kept = (change: LayerChange) =>
    change.op === "put" ? (quarantine.keep(upper, change.path) ?? null) : null;
  for (const change of conflicts) kept(change);
  const failed = new Set(landed.failed.map((one) => one.path));
  for (const { change } of free) if (failed.has(shown(change))) kept(change);
  const refused = judged.flatMap(({ change, fate }): RefusedChange[] => {
    if (fate.fate !== "refuse") return [];
    const { code, rule, detail } = fate;
    const more = { ...(rule && { rule }), ...(detail !== undefined && { detail }) };
    return [{ path: shown(change) || "./", code, ...more, quarantined: kept(change) }];
  });
  const record: CommandRecord = {
    callID,
    exitCode,
    applied: landed.applied,
    refused: [...refused, ...git],
    conflicts: [...[...conflicts].map(shown), ...failed],
    scratch: landed.scratch,
  };
  appendCommand(places.commands, record);
  removeTree(taken);
  const missed = judged.some(({ fate }) => fate.fate === "refuse" && fate.ignored !== true);
  return { record, counts: missed || git.length > 0 || record.conflicts.length > 0, failed: landed.failed };
}

function judgeAll(policy: Policy, upper: string, changes: readonly LayerChange[]): Promise<Judged[]> {
  const { root, home } = policy;
  const matcher = createMatcher(policy.scope, {
    kindOf: (path) => policy.kinds[path],
    caseInsensitive: policy.caseInsensitive,
  });
  const git = captureGit({ directory: root });
  return judge(changes, {
    matcher,
    ignored: (paths) => findIgnored(git, policy.scratch, paths),
    linkTarget: (path) => linkTarget(root, upper, path),
    movedTo: (path, created) => movedTo(root, upper, path, created),
    home:
      home !== undefined && home !== root && isBelow(home, root) ? home.slice(root.length + 1) : undefined,
  });
}

/**
 * New folders of scratch that may be moved as they are (an `npm install` is one rename for each package):
 * nothing in them is refused. Not the outermost one, which bears the overlay's mark.
 */
function wholeFolders(judged: readonly Judged[], root: string): Set<string> {
  const made = new Set<string>();
  for (const { change, fate } of judged) {
    const plain = change.op === "mkdir" && (change.marks.mode & 0o700) === 0o700;
    if (plain && fate.fate === "scratch" && !existsSync(join(root, change.path))) made.add(change.path);
  }
  for (const { change, fate } of judged) {
    if (fate.fate === "scratch" && (change.op !== "mkdir" || made.has(change.path))) continue;
    for (let at = change.path.lastIndexOf("/"); at > 0; at = change.path.lastIndexOf("/", at - 1)) {
      made.delete(change.path.slice(0, at));
    }
  }
  const outermost = (path: string) => !made.has(path.slice(0, Math.max(0, path.lastIndexOf("/"))));
  return new Set(
    [...made].filter((path) => !outermost(path) && outermost(path.slice(0, path.lastIndexOf("/")))),
  );
}

/** What the command did in the git directory, none of which is applied. */
async function refusedInGit(policy: Policy, taken: string, quarantine: Quarantine): Promise<RefusedChange[]> {
  const inside = isBelow(policy.commonDir, policy.root);
  const upper = inside ? join(taken, "top", "upper", ".git") : join(taken, "git", "upper");
  const stats = lstatSync(upper, { throwIfNoEntry: false });
  if (!stats) return [];
  if (!stats.isDirectory()) return [{ path: ".git", code: "git-dir", quarantined: null }];
  const { tar } = policy.tools;
  if (tar === undefined) return [];
  const own =
    policy.gitDir === policy.commonDir ? "" : `${policy.gitDir.slice(policy.commonDir.length + 1)}/`;
  const found = await gitChanges({
    lower: policy.commonDir,
    upper,
    own,
    changes: readLayer({ upper, lower: policy.commonDir, tar }),
    git: (indexFile) => captureGit({ directory: policy.root, indexFile }),
  });
  if (found.length === 0) return [];
  const kept = quarantine.keep(join(upper, ".."), basename(upper), ".git") ?? null;
  return found.map(({ name, kind }): RefusedChange => {
    if (kind === "other") return { path: name, code: "git-dir", quarantined: kept };
    return { path: name, code: "rule", rule: kind === "ref" ? "no-commit" : "no-stage", quarantined: kept };
  });
}

function readCall(taken: string): string {
  const file = join(taken, "call");
  return existsSync(file) ? readFileSync(file, "utf8").trim() : "";
}
