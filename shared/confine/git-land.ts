import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Matcher } from "../scope/matcher.ts";
import { bytesOf, splitNul } from "../tree/bytes.ts";
import type { Git } from "../tree/git.ts";
import type { GitChange } from "./git-changes.ts";

/** What of a command's doings in the git directory was brought into it, and what not. */
export interface GitLanded {
  applied: string[];
  refused: GitChange[];
  conflicts: string[];
}

export interface GitLandInput {
  changes: readonly GitChange[];
  matcher: Matcher;
  /** This working tree's own git directory. */
  gitDir: string;
  /** Upper layers: of the shared git directory, and of this working tree's own. */
  upperCommon: string;
  upperOwn: string;
  /** When the command began, in nanoseconds of the file system's clock. */
  since: bigint;
  /** On the repository, seeing the layer's objects too. */
  seeing: (indexFile?: string) => Git;
  /** On the repository alone. */
  own: Git;
}

/**
 * Brings in what `may-stage` and `may-commit` allow: index entries of paths in scope, and new commits on the
 * current branch that change nothing else. Objects go through git, which checks them; nothing is copied.
 */
export async function landGit(input: GitLandInput): Promise<GitLanded> {
  const landed: GitLanded = { applied: [], refused: [], conflicts: [] };
  const rules = input.matcher.scope.rules;
  const commits = rules.includes("may-commit");
  for (const change of input.changes) {
    if (change.kind === "ref" && commits && (await isPlainCommit(change, input)))
      await moveBranch(change, input, landed);
    else if (change.kind !== "stage") landed.refused.push(change);
  }
  const staged = input.changes.filter((change) => change.kind === "stage");
  const wanted = commits || rules.includes("may-stage") ? staged.filter((one) => isInScope(one, input)) : [];
  landed.refused.push(...staged.filter((change) => !wanted.includes(change)));
  await stage(wanted, input, landed);
  return landed;
}

function isInScope({ name }: GitChange, { matcher }: GitLandInput): boolean {
  return matcher.classify(pathOf(name), "write").decision === "allow";
}

function pathOf(name: string): string {
  return name.slice(".git/index:".length);
}

function nameOf(path: string): string {
  return `.git/index:${path}`;
}

/** New commits on top of the branch that is checked out, of paths in scope alone. */
async function isPlainCommit({ name }: GitChange, input: GitLandInput): Promise<boolean> {
  const ref = name.slice(".git/".length);
  const head = readFileSync(join(input.gitDir, "HEAD"), "utf8").trim();
  const ends = await endsOf(ref, input);
  if (head !== `ref: ${ref}` || !ends) return false;
  const seeing = input.seeing();
  const ancestor = await seeing(["merge-base", "--is-ancestor", ends.old, ends.new], {
    okCodes: [0, 1, 128],
  });
  if (ancestor.code !== 0) return false;
  const commits = await seeing(["rev-list", `${ends.old}..${ends.new}`]);
  // Not `git log`: configuration and `.gitmodules` keep that from naming submodules, merges and first commits.
  const options = ["--stdin", "-r", "-m", "--root", "--no-renames", "--ignore-submodules=none"];
  const { stdout } = await seeing(["diff-tree", ...options, "--name-only", "--no-commit-id", "-z"], {
    input: commits.stdout,
  });
  return splitNul(stdout).every((path) => input.matcher.classify(path, "write").decision === "allow");
}

async function endsOf(ref: string, input: GitLandInput): Promise<{ old: string; new: string } | undefined> {
  const file = join(input.upperCommon, ref);
  const after = existsSync(file) ? readFileSync(file, "utf8").trim() : "";
  const before = await input.own(["rev-parse", "--quiet", "--verify", ref], { okCodes: [0, 1] });
  if (!/^[0-9a-f]{40,64}$/.test(after) || before.code !== 0) return undefined;
  return { old: before.text, new: after };
}

async function moveBranch(change: GitChange, input: GitLandInput, landed: GitLanded): Promise<void> {
  const ref = change.name.slice(".git/".length);
  const ends = await endsOf(ref, input);
  if (!ends) return;
  await bringObjects(`${ends.new}\n^${ends.old}\n`, ["--revs"], input);
  // Only if nobody has moved it since.
  const moved = await input.own(["update-ref", "-m", "commit (handrail)", ref, ends.new, ends.old], {
    okCodes: [0, 128],
  });
  (moved.code === 0 ? landed.applied : landed.conflicts).push(change.name);
}

/** `unpack-objects` computes every id anew and refuses what is broken. */
async function bringObjects(list: string, options: readonly string[], input: GitLandInput): Promise<void> {
  const pack = await input.seeing()(["pack-objects", "--stdout", "-q", ...options], { input: list });
  await input.own(["unpack-objects", "-q", "--strict"], { input: pack.stdout });
}

async function stage(wanted: readonly GitChange[], input: GitLandInput, landed: GitLanded): Promise<void> {
  if (wanted.length === 0) return;
  const upperIndex = join(input.upperOwn, "index");
  const paths = new Set(wanted.map((change) => pathOf(change.name)));
  const after = entries((await input.seeing(upperIndex)(["ls-files", "--stage", "-z"])).stdout);
  const blobs = [...paths].flatMap((path) => after.get(path)?.split(" ")[1] ?? []);
  if (blobs.length > 0) await bringObjects(`${[...new Set(blobs)].join("\n")}\n`, [], input);
  const now = entries((await input.own(["ls-files", "--stage", "-z"])).stdout);
  const open = [...paths].filter((path) => now.get(path) !== after.get(path));
  landed.applied.push(...[...paths].filter((path) => !open.includes(path)).map(nameOf));
  if (statSync(join(input.gitDir, "index"), { bigint: true }).ctimeNs > input.since) {
    landed.conflicts.push(...open.map(nameOf));
    return;
  }
  const lines = open.map((path) => `${after.get(path) ?? `0 ${"0".repeat(40)} 0`}\t${path}\0`);
  const done = await input.own(["update-index", "-z", "--index-info"], {
    input: bytesOf(lines.join("")),
    okCodes: [0, 128],
  });
  (done.code === 0 ? landed.applied : landed.conflicts).push(...open.map(nameOf));
}

/** By path: `MODE ID STAGE`. */
function entries(listing: Buffer): Map<string, string> {
  return new Map(
    splitNul(listing).map((line): [string, string] => {
      const tab = line.indexOf("\t");
      return [line.slice(tab + 1), line.slice(0, tab)];
    }),
  );
}
