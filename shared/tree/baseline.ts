import { randomBytes } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DEFAULT_SCRATCH } from "../config/config.ts";
import { HandrailError } from "../errors.ts";
import { quote } from "../scope/quote.ts";
import { type BaselineIds, baselineDir, baselineName, listBaselines, refsOf } from "./baseline-refs.ts";
import { installBaselineStore } from "./baseline-store.ts";
import { rawTree, trackedTree } from "./baseline-trees.ts";
import { captureGit, type Git } from "./git.ts";
import type { Repository } from "./repository.ts";
import { takeSnapshot } from "./snapshot.ts";
import type { SnapshotRecord } from "./snapshot-record.ts";
import { makeTaskFolder, writeBaselineFile } from "./task-folder.ts";

export interface CaptureOptions {
  slug: string;
  /** Patterns of the task: files that match belong to the full baseline though git ignores them. */
  allow?: readonly string[];
  /** Ignored folders that are not entered, unless `allow` names something in them; default the configuration's. */
  scratch?: readonly string[];
  /** Replace the baseline that the task has. */
  renew?: boolean;
}

export interface Baseline extends BaselineIds {
  task: string;
  /** Whether this call made it. */
  created: boolean;
  /** What the baseline could not take in, each a plain sentence. */
  notes: string[];
}

/**
 * Captures the working tree as two commits (see `BaselineIds`), named by `refs/handrail/<slug>/baseline` and
 * `.../full`, and writes the first into `opencode_tasks/baseline.txt`. Neither index, stash, HEAD nor any
 * file but those in `opencode_tasks/` changes. A task keeps its baseline through corrections: without
 * `renew` an existing one is returned.
 *
 * Runs the user's clean filters on changed files, so it must be called before the executor starts.
 * @throws HandrailError `bad-input` (slug), `git-failed`
 */
export async function captureBaseline(repo: Repository, options: CaptureOptions): Promise<Baseline> {
  const { slug, allow = [], scratch = DEFAULT_SCRATCH, renew = false } = options;
  const name = baselineName(repo, slug);
  const known = renew ? undefined : (await listBaselines(repo)).get(slug);
  if (known) {
    writeBaselineFile(repo.root, known.baseline);
    return { ...known, task: slug, created: false, notes: [] };
  }
  makeTaskFolder(repo.root);
  const dir = baselineDir(repo, name);
  const draft = `${dir}.${randomBytes(4).toString("hex")}.tmp`;
  try {
    const snapshot = await takeSnapshot(repo, draft, {
      scratch: [...scratch],
      ignored: "allowed",
      allow: [...allow],
      objectDir: join(repo.commonDir, "objects"),
    });
    const [tracked, raw] = await Promise.all([trackedTree(repo, snapshot), rawTree(snapshot)]);
    const git = captureGit({ directory: repo.root, gitDir: repo.gitDir });
    const [baseline = "", full = ""] = await commit(git, draft, repo.head, [
      { tree: tracked.tree, what: `tracked files when ${slug} was handed over` },
      { tree: raw, what: `everything when ${slug} was handed over, as raw bytes` },
    ]);
    const created = await point(git, refsOf(name), { baseline, full }, renew);
    if (created) installBaselineStore(draft, dir, full);
    const ids = created ? { baseline, full } : await theOther(repo, slug);
    writeBaselineFile(repo.root, ids.baseline);
    return { ...ids, task: slug, created, notes: [...tracked.notes, ...notesOf(snapshot.record)] };
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** Writes commits with one process. @returns their ids, in order */
async function commit(
  git: Git,
  dir: string,
  parent: string,
  commits: readonly { tree: string; what: string }[],
): Promise<string[]> {
  const who = `Handrail <handrail@localhost> ${Math.floor(Date.now() / 1000)} +0000`;
  const files = commits.map(({ tree, what }, at) => {
    const file = join(dir, `commit-${at}`);
    const head = `tree ${tree}\nparent ${parent}\nauthor ${who}\ncommitter ${who}\n`;
    writeFileSync(file, `${head}\nHandrail: ${what}\n`);
    return file;
  });
  const args = ["hash-object", "-t", "commit", "-w", "--no-filters", "--stdin-paths"];
  return (await git(args, { input: `${files.join("\n")}\n` })).text.split("\n");
}

/** Makes both refs, or neither. @returns false when another process was first */
async function point(git: Git, refs: BaselineIds, ids: BaselineIds, renew: boolean): Promise<boolean> {
  const verb = renew ? "update" : "create";
  const input = `${verb} ${refs.full} ${ids.full}\n${verb} ${refs.baseline} ${ids.baseline}\n`;
  return (await git(["update-ref", "--stdin"], { input, okCodes: renew ? [0] : [0, 128] })).code === 0;
}

async function theOther(repo: Repository, slug: string): Promise<BaselineIds> {
  const ids = (await listBaselines(repo)).get(slug);
  if (ids) return ids;
  throw new HandrailError("git-failed", `the refs of the baseline of ${slug} cannot be made`, {
    fix: `git for-each-ref refs/handrail/${slug}`,
  });
}

/** More of one kind are counted. */
const NOTED = 5;

function notesOf({ aside, unverifiable, nested }: SnapshotRecord): string[] {
  const some = (paths: readonly string[], what: string) =>
    paths.length === 0
      ? []
      : [
          ...paths.slice(0, NOTED).map((path) => `${quote(path)} ${what}`),
          ...(paths.length > NOTED ? [`${paths.length - NOTED} more: ${what}`] : []),
        ];
  return [
    ...some(
      aside.map(({ path }) => path),
      "is too large, unreadable or no plain file: known by its hash only",
    ),
    ...unverifiable.map(({ path, reason }) => `${quote(path)}: ${reason}`),
    ...some(
      nested.map(({ path }) => path),
      "is a repository of its own: not part of the two commits",
    ),
  ];
}
