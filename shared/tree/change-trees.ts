import { rmSync } from "node:fs";
import { join } from "node:path";
import { joinNul, splitNul } from "./bytes.ts";
import type { Change } from "./changes.ts";
import type { Git } from "./git.ts";
import { type FileState, KEEP_FILE, lstatOf } from "./objects.ts";
import type { Snapshot } from "./snapshot-record.ts";
import { setEntries } from "./work-index.ts";

/** Two git trees that hold nothing but what changed: as it was, and as it is. */
export interface ChangeTrees {
  before: string;
  after: string;
  /** Runs git on them: no configuration, no external program. */
  git: Git;
}

/**
 * Writes both sides of changes as trees, into the snapshot's own objects, so that git can compare them.
 * Files whose content is not kept (too large, unreadable) or is gone are left out.
 */
export async function changeTrees(snapshot: Snapshot, changes: readonly Change[]): Promise<ChangeTrees> {
  const { store } = snapshot;
  const idLength = store.objectFormat === "sha256" ? 64 : 40;
  const isKept = ({ mode, oid }: FileState) => mode.startsWith("1") && oid.length === idLength;
  const missing = await missingObjects(
    store.git,
    changes.flatMap(({ before }) => (before && isKept(before) ? [before.oid] : [])),
  );
  const known = changes.filter(({ before }) => !before || (isKept(before) && !missing.has(before.oid)));
  const was = known.flatMap(({ path, before }) => (before ? [{ path, ...before }] : []));
  const is = known.filter(
    ({ path, after }) => after && isKept(after) && (lstatOf(store.root, path)?.size ?? 0) <= KEEP_FILE,
  );
  const before = await treeOf(snapshot, "before", (git) => setEntries(git, was));
  const after = await treeOf(snapshot, "after", async (git) => {
    const input = joinNul(is.map((change) => change.path));
    if (is.length > 0) await git(["update-index", "--add", "--remove", "-z", "--stdin"], { input });
  });
  return { before, after, git: store.git };
}

/** The executor can delete objects of the repository. */
async function missingObjects(git: Git, oids: readonly string[]): Promise<Set<string>> {
  if (oids.length === 0) return new Set();
  const found = await git(["cat-file", "--batch-check=%(objectname)"], { input: `${oids.join("\n")}\n` });
  return new Set(found.text.split("\n").flatMap((line) => /^(\w+) missing$/.exec(line)?.[1] ?? []));
}

async function treeOf({ store }: Snapshot, name: string, fill: (git: Git) => Promise<void>): Promise<string> {
  const indexFile = join(store.dir, `${name}-index`);
  rmSync(indexFile, { force: true });
  const git: Git = (args, call) => store.git(args, { ...call, indexFile });
  await fill(git);
  return (await git(["write-tree", "--missing-ok"])).text;
}

/** Lines added and deleted by path; a binary file has none. */
export async function lineCounts(
  trees: ChangeTrees,
): Promise<Map<string, { added: number; deleted: number }>> {
  const args = ["diff-tree", "-r", "-z", "--numstat", "--no-renames", "--no-ext-diff", "--no-textconv"];
  const output = splitNul((await trees.git([...args, trees.before, trees.after])).stdout);
  return new Map(
    output.flatMap((line): [string, { added: number; deleted: number }][] => {
      const [, added, deleted, path] = /^(\d+)\t(\d+)\t(.*)$/s.exec(line) ?? [];
      return path === undefined ? [] : [[path, { added: Number(added), deleted: Number(deleted) }]];
    }),
  );
}

/** git's own diff of the two sides, as text. */
export async function diffText(
  trees: ChangeTrees,
  options: { stat?: boolean | undefined; color?: boolean | undefined } = {},
): Promise<Buffer> {
  const args = [
    "diff",
    "--no-ext-diff",
    "--no-textconv",
    "--find-renames",
    options.color ? "--color=always" : "--color=never",
    ...(options.stat ? ["--stat"] : []),
  ];
  return (await trees.git([...args, trees.before, trees.after])).stdout;
}
