import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { privateDir } from "../state/files.ts";
import { auditGit, type Git } from "./git.ts";
import type { ObjectFormat, Repository } from "./repository.ts";

/** What a snapshot needs to know of a working tree; a nested one may have no commit. */
export type Tree = Omit<Repository, "head">;

/**
 * A folder outside the repository with a git directory of Handrail's own: its configuration, attributes,
 * excludes and index are nobody else's. Objects it lacks are read from the repository.
 */
export interface Store {
  dir: string;
  root: string;
  objectFormat: ObjectFormat;
  gitDir: string;
  /** Raw content of everything that counts, as git index entries. */
  indexFile: string;
  /** The ignore files in force when the store was made, at their places. */
  ignoreDir: string;
  /** Works on the working tree through the private git directory. */
  git: Git;
}

/** Content as it is: no filter, no line endings, no `$Id$`, and no diff driver that hides it. */
const ATTRIBUTES = "* -filter -text -ident -working-tree-encoding !diff !merge\n";

/** @param objectDir where new objects go; default the store's own */
export function openStore(tree: Tree, dir: string, objectDir?: string): Store {
  const gitDir = join(dir, "git");
  const indexFile = join(dir, "index");
  return {
    dir,
    root: tree.root,
    objectFormat: tree.objectFormat,
    gitDir,
    indexFile,
    ignoreDir: join(dir, "ignore"),
    git: auditGit({
      directory: tree.root,
      gitDir,
      workTree: tree.root,
      indexFile,
      ...(objectDir === undefined ? {} : { objectDir }),
    }),
  };
}

/** Makes the folder of a store. @param objectDir where new objects go; default the store's own */
export function makeStore(tree: Tree, dir: string, objectDir?: string): Store {
  const store = openStore(tree, dir, objectDir);
  privateDir(store.dir);
  privateDir(store.ignoreDir);
  const place = (path: string, text: string) => {
    mkdirSync(dirname(join(store.gitDir, path)), { recursive: true });
    writeFileSync(join(store.gitDir, path), text, { mode: 0o600 });
  };
  place("HEAD", "ref: refs/heads/none\n");
  place("config", configuration(tree.objectFormat));
  place("info/attributes", ATTRIBUTES);
  place("objects/info/alternates", `${quoted(join(tree.commonDir, "objects"))}\n`);
  mkdirSync(join(store.gitDir, "refs"), { recursive: true });
  return store;
}

/** @param excludes text of the ignore rules that lie outside the working tree, weakest first */
export function setExcludes(store: Store, excludes: string): void {
  writeFileSync(join(store.gitDir, "info", "exclude"), excludes, { mode: 0o600 });
}

function configuration(format: ObjectFormat): string {
  const insensitive = process.platform === "darwin" || process.platform === "win32";
  return [
    "[core]",
    `\trepositoryformatversion = ${format === "sha256" ? 1 : 0}`,
    "\tbare = false",
    ...(insensitive ? ["\tignorecase = true", "\tprecomposeunicode = true"] : []),
    ...(format === "sha256" ? ["[extensions]", "\tobjectformat = sha256"] : []),
    "",
  ].join("\n");
}

/** As git's quote.c reads it: plain, unless it starts with a quote or `#`, or holds a newline. */
function quoted(path: string): string {
  if (!/^["#]|[\n\\]/.test(path)) return path;
  return `"${path.replace(/[\\"]/g, "\\$&").replace(/\n/g, "\\n")}"`;
}
