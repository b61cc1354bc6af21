import { existsSync, lstatSync, readFileSync, rmSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { LeaseGuard } from "../lock/permit.ts";
import type { Rule } from "../task/spec.ts";
import { below } from "../tree/bytes.ts";
import { captureGit } from "../tree/git.ts";
import { Journal } from "../tree/journal.ts";
import { quarantine, quarantinedFile } from "../tree/quarantine.ts";
import { openStore, type Store } from "../tree/store.ts";
import { appendCommand, type CommandRecord, type RefusedChange } from "./commands.ts";
import { findConflicts } from "./conflict.ts";
import type { GitChange } from "./git-changes.ts";
import { applyGit, matcherOf } from "./git-layer.ts";
import { isHomeCache } from "./home-news.ts";
import { findIgnored } from "./ignored.ts";
import { type Judged, judge } from "./judge.ts";
import { type Failed, isFolder, land, shown, wholeFolders } from "./land.ts";
import { type LayerChange, readLayer, SETUID } from "./layer.ts";
import { dropLayer } from "./layers.ts";
import { readLifted } from "./lift.ts";
import { linkTarget, movedTo } from "./links.ts";
import { temporaryFor } from "./place.ts";
import { placesIn } from "./places.ts";
import type { Policy } from "./policy.ts";
import { isBelow } from "./tools.ts";
import { FULL } from "./watch.ts";

/** What came of one command's layer. */
export interface Applied {
  record: CommandRecord;
  /** Something was left out that the command will miss: it must not end with 0. */
  counts: boolean;
  /** The command was ended because it wrote too much. */
  full: boolean;
  /** Applied files that had other names: those keep the old content. */
  unlinked: string[];
  /** Allowed changes that could not be made, with why. */
  failed: Failed[];
}

/**
 * Applies one cut layer: what the task allows goes into the tree, the rest to quarantine, and the layer is
 * removed. Until then the layer is what a second try starts from.
 * @param taken folder of the layer
 * @param exitCode of the command; null where nobody saw it end
 */
export async function applyLayer(policy: Policy, taken: string, exitCode: number | null): Promise<Applied> {
  const { root, scope } = policy;
  const { tar } = policy.tools;
  const upper = join(taken, "top", "upper");
  const callID = readCall(taken);
  const judged = await judgeLayer(policy, upper, readLayer({ upper, lower: root, tar, skip: isGit }));
  const wanted = judged.filter(({ fate }) => fate.fate === "apply" || fate.fate === "scratch");
  const lifted = readLifted(taken);
  const since = lifted?.since ?? statSync(join(taken, "busy"), { bigint: true }).mtimeNs;
  const { found, isLate } = findConflicts(
    wanted.map(({ change }) => change),
    { root, upper, tar, since, lifted: lifted?.entries ?? new Set() },
  );

  const conflicts = [...found].filter((change) => change.op !== "touch");
  const free = wanted.filter(({ change }) => !found.has(change));
  const unlinked = free.filter(({ change }) => hadOtherNames(change, root)).map(({ change }) => change.path);
  if (exitCode === null) for (const { change } of judged) clearTemporary(change, root);
  const journal = new Journal(policy.journal, root, policy.objectFormat);
  const call = { via: "shell", tool: "bash", callID: callID || basename(taken) } as const;
  const landed = land(free, wholeFolders(judged, root), {
    ...{ root, upper, isLate },
    plain: !judged.some(({ change }) => change.op === "delete" || change.op === "rmdir"),
    begin: (paths) => journal.begin({ ...call, paths, directory: root, resolved: true }),
  });
  const failed = new Set(landed.failed.map((one) => one.path));
  const inGit = await applyGit(policy, taken, since);
  journal.end(call.callID, failed);
  journal.note(
    inGit.applied.map((path) => ({ ...call, path, before: null, after: { mode: "git", oid: "" } })),
  );

  const left = [...conflicts, ...free.flatMap(({ change }) => (failed.has(shown(change)) ? change : []))];
  const kept = keepRefused(policy, taken, judged, left, inGit.refused);
  const record: CommandRecord = {
    ...{ callID, exitCode, scratch: landed.scratch },
    applied: [...landed.applied, ...inGit.applied],
    refused: [...refusedIn(judged), ...inGit.refused.map((one) => asRefused(one, scope.rules))].map(
      (one) => ({
        ...one,
        quarantined: kept.get(fileOf(one.path)) ?? null,
      }),
    ),
    conflicts: [...left.map(shown), ...inGit.conflicts],
  };
  appendCommand(placesIn(policy.runDir).commands, record);
  const full = existsSync(join(taken, FULL));
  dropLayer(policy, taken);
  const missed = judged.some(({ fate }) => fate.fate === "refuse" && fate.ignored !== true);
  const counts = missed || inGit.refused.length > 0 || record.conflicts.length > 0;
  return { record, counts, full, unlinked, failed: landed.failed };
}

function hadOtherNames(change: LayerChange, root: string): boolean {
  if (change.op !== "put" || !change.exists) return false;
  const stats = lstatSync(below(root, change.path), { throwIfNoEntry: false });
  return stats?.isFile() === true && stats.nlink > 1;
}

/** What an earlier try was about to rename. */
function clearTemporary(change: LayerChange, root: string): void {
  if (change.op !== "put") return;
  try {
    rmSync(below(root, temporaryFor(change.path)), { force: true });
  } catch (error) {
    // Where its folder is going to be, a file stands still.
    if ((error as NodeJS.ErrnoException).code !== "ENOTDIR") throw error;
  }
}

function isGit(path: string): boolean {
  return path === ".git";
}

async function judgeLayer(policy: Policy, upper: string, changes: readonly LayerChange[]): Promise<Judged[]> {
  const { root, home } = policy;
  const matcher = matcherOf(policy);
  const judged = await judge(changes, {
    matcher,
    ignored: (paths) => findIgnored(captureGit({ directory: root }), rulesOf(policy), policy.scratch, paths),
    linkTarget: (path) => linkTarget(root, upper, path),
    movedTo: (path, created) => movedTo(root, upper, path, created),
    isOwn: (path) => policy.own.some((place) => isBelow(path, place)),
    isHome(path) {
      if (home === root) return isHomeCache(path);
      return home !== undefined && isBelow(home, root) && isBelow(join(root, path), home);
    },
  });
  if (policy.leases) await refuseLeased(judged, new LeaseGuard(policy.leases.dir, policy.leases.owner));
  // What is only newer than before is no news where it may not be.
  return judged.filter(({ change, fate }) => change.op !== "touch" || fate.fate !== "refuse");
}

/** What another run has a lease on does not land, though the task allows it. */
async function refuseLeased(judged: readonly Judged[], leases: LeaseGuard): Promise<void> {
  for (const one of judged) {
    if (one.fate.fate !== "apply" || isFolder(one.change)) continue;
    const refusal = await leases.refusal([one.change.path]);
    if (refusal) one.fate = { fate: "refuse", code: "leased", detail: refusal.detail ?? "" };
  }
}

/** The turn's snapshot, which has the ignore rules of before; a single command has none and needs none. */
function rulesOf(policy: Policy): Store | undefined {
  const { root, gitDir, commonDir, objectFormat, journal } = policy;
  return existsSync(join(journal, "git"))
    ? openStore({ root, gitDir, commonDir, objectFormat }, journal)
    : undefined;
}

function refusedIn(judged: readonly Judged[]): RefusedChange[] {
  return judged.flatMap(({ change, fate }): RefusedChange[] => {
    if (fate.fate !== "refuse") return [];
    const { code, rule, detail } = fate;
    const more = { ...(rule && { rule }), ...(detail !== undefined && { detail }) };
    return [{ path: change.path === "" ? "./" : shown(change), code, ...more, quarantined: null }];
  });
}

function asRefused({ name, kind }: GitChange, rules: readonly Rule[]): RefusedChange {
  if (kind === "other") return { path: name, code: "git-dir", quarantined: null };
  // Where the task lets something of the kind land, this was not in its scope.
  const opened = rules.includes("may-commit") || (kind === "stage" && rules.includes("may-stage"));
  if (opened) return { path: name, code: "out-of-scope", quarantined: null };
  return { path: name, code: "rule", rule: kind === "ref" ? "no-commit" : "no-stage", quarantined: null };
}

/** The file that a name stands for: an index entry is kept with its index. */
function fileOf(path: string): string {
  return path.startsWith(".git/index:") ? ".git/index" : path;
}

/**
 * Keeps the bytes of what is not applied.
 * @returns where, by path
 */
function keepRefused(
  policy: Policy,
  taken: string,
  judged: readonly Judged[],
  left: readonly LayerChange[],
  inGit: readonly GitChange[],
): Map<string, string> {
  const refused = judged.flatMap(({ change, fate }) =>
    fate.fate === "refuse" && hasBytes(change) ? [{ path: change.path, code: fate.code }] : [],
  );
  const others = left.filter((change) => change.op === "put").map(({ path }) => ({ path, code: "conflict" }));
  const { quarantine: dir } = placesIn(policy.runDir);
  const keep = (root: string, items: readonly { path: string; code: string }[]) =>
    quarantine(dir, root, items, true).flatMap((entry): [string, string][] => {
      const file = quarantinedFile(dir, entry);
      return file === undefined ? [] : [[entry.path, file]];
    });
  const upper = join(taken, "top", "upper");
  const gitFiles = [...new Set(inGit.map(({ name }) => fileOf(name)))];
  const inside = isBelow(policy.commonDir, policy.root);
  const gitItems = gitFiles.map((name) => ({
    path: inside ? name : name.slice(5),
    code: "git-dir" as const,
  }));
  const git = keep(inside ? upper : join(taken, "git", "upper"), gitItems);
  return new Map([
    ...keep(upper, [...refused, ...others]),
    ...git.map(([path, file]): [string, string] => [inside ? path : `.git/${path}`, file]),
  ]);
}

function hasBytes(change: LayerChange): boolean {
  return change.op === "put" || (change.op === "special" && change.what === SETUID);
}

function readCall(taken: string): string {
  const file = join(taken, "call");
  return existsSync(file) ? readFileSync(file, "utf8").trim() : "";
}
