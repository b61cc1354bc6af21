import { basename, join } from "node:path";
import { HandrailError } from "../errors.ts";
import { projectDir } from "../state/place.ts";
import { captureGit } from "./git.ts";
import type { Repository } from "./repository.ts";

/** The two commits of a baseline. */
export interface BaselineIds {
  /** Tracked paths with their dirty content: what plain `git diff` compares with. */
  baseline: string;
  /** All that counts, as raw bytes: untracked files and allowed ones that git ignores, too. */
  full: string;
}

const PREFIX = "refs/handrail/";

/**
 * The name of a task's baseline in `refs/handrail/<name>/{baseline,full}`: its slug; in a linked working
 * tree, which shares refs with the others, `<slug>@<working tree>`.
 * @throws HandrailError `bad-input` for a slug that is no name of a ref
 */
export function baselineName(repo: Repository, slug: string): string {
  // Source: git-check-ref-format(1).
  if (!/^\w[\w.-]{0,99}$/.test(slug) || /\.\.|\.$|\.lock$/.test(slug)) {
    throw new HandrailError("bad-input", `not a task's slug: ${JSON.stringify(slug)}`, {
      fix: "use letters, digits and dashes",
    });
  }
  return `${slug}${worktreeSuffix(repo)}`;
}

function worktreeSuffix(repo: Repository): string {
  return repo.gitDir === repo.commonDir || !repo.gitDir.startsWith(join(repo.commonDir, "worktrees"))
    ? ""
    : `@${basename(repo.gitDir)}`;
}

export function refsOf(name: string): { baseline: string; full: string } {
  return { baseline: `${PREFIX}${name}/baseline`, full: `${PREFIX}${name}/full` };
}

/** Where the snapshot behind a baseline is kept. */
export function baselineDir(repo: Repository, name: string): string {
  return join(projectDir(repo.root), "baselines", name);
}

/** One of the two refs of a baseline. */
export interface BaselineRef {
  ref: string;
  id: string;
  /** As in `refs/handrail/<name>/`: the slug, and the working tree where it is a linked one. */
  name: string;
  slug: string;
  tree: string | undefined;
  /** Of this working tree. */
  here: boolean;
  /** When it was captured, in milliseconds since 1970. */
  at: number;
}

/** Every ref of a baseline in the repository, those of its other working trees too. */
export async function listBaselineRefs(repo: Repository): Promise<BaselineRef[]> {
  const git = captureGit({ directory: repo.root, gitDir: repo.gitDir });
  const format = "%(refname) %(objectname) %(committerdate:unix)";
  const suffix = worktreeSuffix(repo);
  const { text } = await git(["for-each-ref", `--format=${format}`, PREFIX]);
  return text.split("\n").flatMap((line): BaselineRef[] => {
    const found = /^(refs\/handrail\/(([^/@]+)(@[^/]+)?)\/(?:baseline|full)) ([0-9a-f]+) (\d+)$/.exec(line);
    if (!found) return [];
    const [, ref = "", name = "", slug = "", tree = "", id = "", at = ""] = found;
    return [
      { ref, id, name, slug, tree: tree.slice(1) || undefined, here: tree === suffix, at: Number(at) * 1000 },
    ];
  });
}

/** Removes refs that still are what they were when they were listed. */
export async function removeBaselineRefs(repo: Repository, refs: readonly BaselineRef[]): Promise<void> {
  const git = captureGit({ directory: repo.root, gitDir: repo.gitDir });
  const input = refs.map(({ ref, id }) => `delete ${ref}\0${id}\0`).join("");
  await git(["update-ref", "-z", "--stdin"], { input });
}

/** Every baseline of this working tree by its slug, the newest first. */
export async function listBaselines(repo: Repository): Promise<Map<string, BaselineIds>> {
  const git = captureGit({ directory: repo.root, gitDir: repo.gitDir });
  const format = "%(refname) %(objectname)";
  const sorted = ["for-each-ref", "--sort=-committerdate", `--format=${format}`, PREFIX];
  const parts = new Map<string, Partial<BaselineIds>>();
  const suffix = worktreeSuffix(repo);
  for (const line of (await git(sorted)).text.split("\n")) {
    const found = /^refs\/handrail\/([^/@]+)(@[^/]+)?\/(baseline|full) ([0-9a-f]+)$/.exec(line);
    const [, slug = "", tree = "", kind, id] = found ?? [];
    if (found && tree === suffix) parts.set(slug, { ...parts.get(slug), [kind ?? ""]: id });
  }
  const whole = new Map<string, BaselineIds>();
  for (const [slug, { baseline, full }] of parts) if (baseline && full) whole.set(slug, { baseline, full });
  return whole;
}
