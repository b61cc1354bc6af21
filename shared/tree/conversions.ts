import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { joinNul, splitNul } from "./bytes.ts";
import { captureGit, type Git } from "./git.ts";
import type { IndexEntry } from "./index-file.ts";
import type { LoadedIndex } from "./index-load.ts";
import type { Settings } from "./settings.ts";
import type { Store, Tree } from "./store.ts";

/**
 * Entries whose file differs, as bytes, from the object the index names, though git calls them clean: line
 * endings, `$Id$`, an encoding or a filter (LFS) stand between the two.
 *
 * Where a configuration or attributes file makes that possible, such a file shows by its size, which the
 * index holds beside the object's id; one with a filter shows by its attribute.
 * @param entries plain files of stage 0
 */
export async function convertedEntries(
  tree: Tree,
  store: Store,
  settings: Settings,
  user: LoadedIndex,
  entries: readonly IndexEntry[],
): Promise<Set<IndexEntry>> {
  const attributed = settings.attributesFile !== undefined || hasAttributes(tree, user);
  if (!attributed && !settings.convertsLines) return new Set();
  const [resized, filtered] = await Promise.all([
    entriesOfOtherSize(store.git, entries),
    attributed && settings.filters.length > 0 ? entriesWithFilter(tree, entries) : [],
  ]);
  return new Set([...resized, ...filtered]);
}

function hasAttributes(tree: Tree, user: LoadedIndex): boolean {
  const home = process.env.XDG_CONFIG_HOME || join(process.env.HOME || homedir(), ".config");
  const outside = [
    join(tree.root, ".gitattributes"),
    join(tree.commonDir, "info", "attributes"),
    join(home, "git", "attributes"),
    "/etc/gitattributes",
  ];
  return outside.some((file) => existsSync(file)) || user.bytes.includes(NAME);
}
const NAME = ".gitattributes";

async function entriesOfOtherSize(git: Git, entries: readonly IndexEntry[]): Promise<IndexEntry[]> {
  if (entries.length === 0) return [];
  const input = `${entries.map((entry) => entry.oid).join("\n")}\n`;
  const sizes = await git(["cat-file", "--batch-check=%(objectsize)", "--buffer"], { input });
  const lines = sizes.text.split("\n");
  return entries.filter((entry, at) => lines[at] !== String(entry.size));
}

async function entriesWithFilter(tree: Tree, entries: readonly IndexEntry[]): Promise<IndexEntry[]> {
  const git = captureGit({ directory: tree.root, gitDir: tree.gitDir, workTree: tree.root });
  const input = joinNul(entries.map((entry) => entry.path));
  const answers = splitNul((await git(["check-attr", "-z", "--stdin", "filter"], { input })).stdout);
  return entries.filter((_entry, at) => !["unspecified", "unset"].includes(answers[at * 3 + 2] ?? ""));
}
