import { readFileSync, realpathSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { HandrailError } from "../errors.ts";
import { captureGit, type Git } from "./git.ts";

/** One working tree and the repository behind it. All paths are absolute with symlinks resolved. */
export interface Repository {
  /** Top level of the working tree. */
  root: string;
  /** This working tree's own: HEAD and index. In a linked worktree `<commonDir>/worktrees/<name>`. */
  gitDir: string;
  /** Shared by all working trees: objects, refs, config, hooks. */
  commonDir: string;
  /** Commit id. */
  head: string;
  objectFormat: ObjectFormat;
}
export type ObjectFormat = "sha1" | "sha256";

/**
 * Finds the working tree that holds `directory`.
 * @param directory a folder anywhere in the working tree
 * @throws HandrailError `not-found` (no such folder), `not-a-repository` (also: inside `.git`, or a `.git`
 *   whose `core.worktree` leads elsewhere), `bare-repository`, `no-commit`, `git-missing`, `git-failed`
 */
export async function openRepository(directory: string): Promise<Repository> {
  const { head, ...tree } = await findWorkingTree(directory);
  if (head !== undefined) return { ...tree, head };
  throw new HandrailError("no-commit", `the repository ${tree.root} has no commit yet`, {
    fix: "git commit --allow-empty -m 'Start'",
  });
}

/** As `openRepository`, for a repository that may have no commit yet: a nested one, for instance. */
export async function findWorkingTree(
  directory: string,
): Promise<Omit<Repository, "head"> & { head: string | undefined }> {
  const place = realDirectory(directory);
  const git = captureGit({ directory: place });
  const tree = (await atOnce(git, place)) ?? (await oneByOne(git, place));
  if (gitDirOf(tree.root) === tree.gitDir) return tree;
  // `core.worktree` is the executor's to write: it must not lead Handrail to other files.
  throw new HandrailError("not-a-repository", `core.worktree of ${tree.gitDir} leads away to ${tree.root}`, {
    fix: `git --git-dir=${tree.gitDir} config --unset core.worktree`,
  });
}

type Found = Awaited<ReturnType<typeof findWorkingTree>>;

/** The common case, with one process. @returns undefined for one that is not plain, and for every error */
async function atOnce(git: Git, place: string): Promise<Found | undefined> {
  const wanted = ["--is-bare-repository", "--is-inside-git-dir", "--show-object-format", "--show-toplevel"];
  const args = ["rev-parse", ...wanted, "--absolute-git-dir", "--git-common-dir", "HEAD^{commit}"];
  const { code, text } = await git(args, { okCodes: [0, 128] });
  const [bare, inside, format, root = "", gitDir = "", commonDir = "", head, ...more] = text.split("\n");
  // More lines: a name with a newline in it.
  if (code !== 0 || bare !== "false" || inside !== "false" || more.length > 0) return undefined;
  return found(place, { root, gitDir, commonDir, head, objectFormat: format });
}

async function oneByOne(git: Git, place: string): Promise<Found> {
  const kind = await discover(git, place);
  if (kind.bare) {
    throw new HandrailError("bare-repository", `${place} is a bare repository: it has no files to work on`, {
      fix: "run this in a working tree (git worktree add DIR)",
    });
  }
  if (kind.insideGitDir) {
    throw new HandrailError("not-a-repository", `${place} lies inside a .git folder`, {
      fix: "run this in the working tree",
    });
  }
  const [root, gitDir, commonDir, head] = await Promise.all([
    git(["rev-parse", "--show-toplevel"]),
    git(["rev-parse", "--absolute-git-dir"]),
    git(["rev-parse", "--git-common-dir"]),
    git(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"], { okCodes: [0, 1] }),
  ]);
  return found(place, {
    root: root.text,
    gitDir: gitDir.text,
    commonDir: commonDir.text,
    head: head.code === 0 ? head.text : undefined,
    objectFormat: kind.objectFormat,
  });
}

function found(
  place: string,
  {
    root,
    gitDir,
    commonDir,
    head,
    objectFormat,
  }: Record<"root" | "gitDir" | "commonDir", string> & Record<"head" | "objectFormat", string | undefined>,
): Found {
  return {
    root: realpathSync(root),
    gitDir: realpathSync(gitDir),
    commonDir: realpathSync(resolve(place, commonDir)),
    head,
    objectFormat: objectFormat === "sha256" ? "sha256" : "sha1",
  };
}

/**
 * The git directory that `<folder>/.git` is or points to.
 * Source: gitrepository-layout(5): a `.git` file holds `gitdir: <path>`, relative to its folder.
 * @returns an absolute path with symlinks resolved, or undefined when there is none
 */
export function gitDirOf(folder: string): string | undefined {
  const path = join(folder, ".git");
  try {
    if (statSync(path).isDirectory()) return realpathSync(path);
    const target = /^gitdir: (.+?)\r?\n?$/s.exec(readFileSync(path, "utf8"))?.[1];
    return target === undefined ? undefined : realpathSync(resolve(folder, target));
  } catch {
    return undefined; // not there, or it leads nowhere
  }
}

async function discover(
  git: Git,
  place: string,
): Promise<{ bare: boolean; insideGitDir: boolean; objectFormat: string | undefined }> {
  const args = ["rev-parse", "--is-bare-repository", "--is-inside-git-dir", "--show-object-format"];
  try {
    const [bare, inside, objectFormat] = (await git(args)).text.split("\n");
    return { bare: bare === "true", insideGitDir: inside === "true", objectFormat };
  } catch (error) {
    throw explained(error, place);
  }
}

function explained(error: unknown, place: string): unknown {
  if (!(error instanceof HandrailError) || error.code !== "git-failed") return error;
  const owner = /dubious ownership in repository at '(.*?)'/s.exec(error.message)?.[1];
  if (owner !== undefined) {
    return new HandrailError(
      "git-failed",
      `the repository ${owner} belongs to another user; git refuses it`,
      {
        fix: `git config --global --add safe.directory '${owner}'`,
        cause: error,
      },
    );
  }
  if (!/not a git repository/.test(error.message)) return error;
  return new HandrailError("not-a-repository", `${place} is not in a git repository`, {
    fix: "run this inside the project's repository (git init makes one; it needs one commit)",
    cause: error,
  });
}

function realDirectory(directory: string): string {
  try {
    const place = realpathSync(directory);
    if (statSync(place).isDirectory()) return place;
  } catch (error) {
    throw new HandrailError("not-found", `there is no folder ${directory}`, { cause: error });
  }
  throw new HandrailError("not-found", `${directory} is not a folder`);
}
