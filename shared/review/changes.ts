import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { redactor } from "../callback/redact.ts";
import { loadConfig } from "../config/config.ts";
import { HandrailError } from "../errors.ts";
import { privateDir } from "../state/files.ts";
import { projectDir } from "../state/place.ts";
import { rawTree } from "../tree/baseline-trees.ts";
import { joinNul, splitNul } from "../tree/bytes.ts";
import { captureGit, type Git } from "../tree/git.ts";
import type { Repository } from "../tree/repository.ts";
import { takeSnapshot } from "../tree/snapshot.ts";
import type { FileDiff } from "./chunks.ts";
import { holdsSecrets } from "./secrets.ts";

export type ReviewScope = "auto" | "working-tree" | "branch";

/** What a review is shown. */
export interface ReviewedChanges {
  scope: "working-tree" | "branch";
  /** The commit that the working tree is compared with. */
  base: string;
  /** In plain words. */
  what: string;
  stat: string;
  files: FileDiff[];
  /** Changed files that hold secrets: named, never shown. */
  secret: string[];
}

/** More changed text than this is not read into memory. */
const MAX_DIFF = 64 * 1024 * 1024;

/**
 * Everything that differs in the working tree, untracked files included: from HEAD, or from a base, since
 * executors do not commit. Runs nothing that the repository's own configuration names.
 * @param base a commit, branch or tag; for `branch` without one, what the branch began from
 * @throws HandrailError `bad-usage` for a base that is none, `git-failed`
 */
export async function reviewedChanges(
  repo: Repository,
  { scope, base }: { scope: ReviewScope; base?: string | undefined },
): Promise<ReviewedChanges> {
  const temporary = mkdtempSync(join(privateDir(projectDir(repo.root)), "review-"));
  try {
    const { scratch } = loadConfig(repo.root);
    const snapshot = await takeSnapshot(repo, join(temporary, "tree"), {
      scratch,
      allow: [],
      ignored: "allowed",
    });
    const now = await rawTree(snapshot);
    const { git } = snapshot.store;
    const isDirty = async () => (await names(git, repo.head, now)).length > 0;
    const chosen = await chooseBase(repo, scope, base, isDirty);
    const changed = await names(git, chosen.base, now);
    const secret = changed.filter(holdsSecrets);
    const [before, after] = await Promise.all([
      without(git, join(temporary, "before"), chosen.base, secret),
      without(git, join(temporary, "after"), now, secret),
    ]);
    const stat = (await git(["diff", ...PLAIN, "--stat=120", "--no-color", before, after])).text;
    const files = await diffs(git, before, after);
    return { ...chosen, stat, files, secret };
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** No program, no rename (a path is a path), and no noise where git itself converts line ends. */
const PLAIN = ["--no-ext-diff", "--no-textconv", "--no-renames", "--ignore-cr-at-eol"];

async function chooseBase(
  repo: Repository,
  scope: ReviewScope,
  base: string | undefined,
  isDirty: () => Promise<boolean>,
): Promise<Pick<ReviewedChanges, "scope" | "base" | "what">> {
  const git = captureGit({ directory: repo.root });
  const tree = {
    scope: "working-tree" as const,
    base: repo.head,
    what: "the working tree, since the last commit",
  };
  if (scope === "working-tree" || (scope === "auto" && base === undefined)) {
    if (base !== undefined) {
      throw new HandrailError("bad-usage", "--base goes with --scope branch", {
        fix: `--scope branch --base ${base}`,
      });
    }
    if (scope === "working-tree" || (await isDirty())) return tree;
  }
  const wanted = base ?? (await branchPoint(git));
  if (wanted === undefined) {
    if (scope === "auto") return tree;
    throw new HandrailError("bad-usage", "cannot tell what this branch began from", {
      fix: "name it: --scope branch --base main",
    });
  }
  const commit = await commitOf(git, wanted);
  if (commit === undefined) {
    throw new HandrailError(
      "bad-usage",
      `--base ${JSON.stringify(wanted.slice(0, 80))} is no commit of this repository`,
      {
        fix: "give a branch, a tag or a commit id: git log --oneline",
      },
    );
  }
  return { scope: "branch", base: commit, what: `everything since ${commit.slice(0, 12)}, committed or not` };
}

/** Where the branch left its upstream, or else the main branch. */
async function branchPoint(git: Git): Promise<string | undefined> {
  for (const name of ["@{upstream}", "origin/HEAD", "main", "master"]) {
    const commit = await commitOf(git, name);
    if (commit === undefined) continue;
    const common = await git(["merge-base", commit, "HEAD"], { okCodes: [0, 1] });
    if (common.code === 0) return common.text;
  }
  return undefined;
}

async function commitOf(git: Git, name: string): Promise<string | undefined> {
  // `--end-of-options` is unknown to `rev-parse` before git 2.30, and a name with a dash is no commit.
  if (name.startsWith("-") || name === "") return undefined;
  const args = ["rev-parse", "--verify", "--quiet", `${name}^{commit}`];
  const { code, text } = await git(args, { okCodes: [0, 1, 128] });
  return code === 0 && /^[0-9a-f]{40,64}$/.test(text) ? text : undefined;
}

async function names(git: Git, before: string, after: string): Promise<string[]> {
  const args = ["diff", ...PLAIN, "--name-only", "-z", before, after];
  return splitNul((await git(args)).stdout);
}

/** A tree without some of its paths. */
async function without(git: Git, indexFile: string, tree: string, paths: readonly string[]): Promise<string> {
  if (paths.length === 0) return tree;
  await git(["read-tree", tree], { indexFile });
  await git(["update-index", "--force-remove", "-z", "--stdin"], { indexFile, input: joinNul([...paths]) });
  return (await git(["write-tree", "--missing-ok"], { indexFile })).text;
}

/** One diff a file, in the order of the names; what looks like a secret in them is masked. */
async function diffs(git: Git, before: string, after: string): Promise<FileDiff[]> {
  const redact = redactor();
  const paths = await names(git, before, after);
  const args = ["-c", "core.quotePath=false", "diff", ...PLAIN, "--no-color", before, after];
  const { text } = await git(args, { maxBytes: MAX_DIFF });
  // Lines of content begin with a space, a sign or "@": this one is always a header.
  const parts = text === "" ? [] : text.split(/^(?=diff --git )/m);
  let next = 0;
  return parts.map((part) => {
    // A file of which only line ends differ is named and not shown.
    const at = paths.findIndex((path, index) => index >= next && isAbout(part, path));
    const path = paths[at];
    if (path === undefined) throw new HandrailError("internal", "git shows a file that it does not name");
    next = at + 1;
    return { path, text: redact(part) };
  });
}

/** git puts names with control characters or quotes in quotes, with escapes. */
function isAbout(part: string, path: string): boolean {
  return (
    part.startsWith(`diff --git a/${path} b/${path}\n`) ||
    (/["\\\p{Cc}]/u.test(path) && part.startsWith('diff --git "'))
  );
}
