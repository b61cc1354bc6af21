import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { redactor } from "../callback/redact.ts";
import { loadConfig } from "../config/config.ts";
import { HandrailError } from "../errors.ts";
import { privateDir } from "../state/files.ts";
import { projectDir } from "../state/place.ts";
import { rawTree } from "../tree/baseline-trees.ts";
import { bytesOf, joinNul, splitNul } from "../tree/bytes.ts";
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
  /** Changed files that are too large to be compared. */
  large: string[];
  /** Changed files that hold secrets: named, never shown. */
  secret: string[];
}

/** Of more bytes than these, before and after, the largest files are left out: nobody reads so much. */
const MAX_BYTES = 24 * 1024 * 1024;

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
    const large = await tooLarge(git, before, after);
    const files = await diffs(
      git,
      await without(git, join(temporary, "shown-before"), before, large),
      await without(git, join(temporary, "shown-after"), after, large),
    );
    return { ...chosen, stat, files, large, secret };
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

/** The largest of the changed files, as many as are in the way of comparing the others. */
async function tooLarge(git: Git, before: string, after: string): Promise<string[]> {
  const fields = splitNul(
    (await git(["diff", ...PLAIN, "--raw", "--no-abbrev", "-z", before, after])).stdout,
  );
  const changes = fields.flatMap((field, index) => {
    const [, , one, other] = index % 2 === 0 ? field.split(" ") : [];
    const path = fields[index + 1];
    return one && other && path !== undefined ? [{ path, ids: [one, other] }] : [];
  });
  const input = changes.flatMap(({ ids }) => ids.map((id) => `${id}\n`)).join("");
  const { text } = await git(["cat-file", "--batch-check=%(objectsize)"], { input });
  const sizes = text.split("\n").map((line) => Number(line) || 0); // "<id> missing": there is no such side
  const files = changes.map(({ path }, at) => ({
    path,
    bytes: (sizes[2 * at] ?? 0) + (sizes[2 * at + 1] ?? 0),
  }));
  let left = files.reduce((sum, { bytes }) => sum + bytes, 0);
  const large: string[] = [];
  for (const { path, bytes } of files.toSorted((a, b) => b.bytes - a.bytes)) {
    if (left <= MAX_BYTES) break;
    large.push(path);
    left -= bytes;
  }
  return large.sort();
}

/** One diff a file, in the order of the names; what looks like a secret in them is masked. */
async function diffs(git: Git, before: string, after: string): Promise<FileDiff[]> {
  const redact = redactor();
  const byHeader = new Map((await names(git, before, after)).map((path) => [headerOf(path), path]));
  const args = ["-c", "core.quotePath=false", "diff", ...PLAIN, "--no-color", before, after];
  // A character for each byte: neither names nor contents need be UTF-8.
  const all = (await git(args)).stdout.toString("latin1");
  if (all === "") return [];
  // Lines of content begin with a space, a sign or "\\": this one is always a header. Of files of which only
  // line ends differ there is none.
  return all.split(/(?<=\n)(?=diff --git )/).map((part) => {
    const path = byHeader.get(part.slice(0, part.indexOf("\n")));
    if (path === undefined) throw new HandrailError("internal", "git shows a file that it does not name");
    return { path, text: redact(Buffer.from(part, "latin1").toString("utf8")) };
  });
}

/** The first line of a file's diff, a character for each byte, as git prints it: odd names in quotes, with escapes. */
function headerOf(path: string): string {
  const name = bytesOf(path).toString("latin1");
  if (!ODD.test(name)) return `diff --git a/${name} b/${name}`;
  const escaped = name.replace(ODD_ALL, (char) => {
    const octal = char.charCodeAt(0).toString(8).padStart(3, "0");
    return `\\${ESCAPES[char] ?? octal}`;
  });
  return `diff --git "a/${escaped}" "b/${escaped}"`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what git escapes
const ODD = /["\\\x00-\x1f\x7f]/;
const ODD_ALL = new RegExp(ODD, "g");
const ESCAPES: Record<string, string> = {
  ...{ '"': '"', "\\": "\\", "\x07": "a", "\b": "b", "\t": "t" },
  ...{ "\n": "n", "\v": "v", "\f": "f", "\r": "r" },
};
