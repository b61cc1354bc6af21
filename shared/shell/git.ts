import type { Frame, RuleEffect } from "./frame.ts";
import { DRY, type Git, type Subcommand, treeCommands, unstage } from "./git-tree.ts";
import { given, has, type OptionSpec, readOptions } from "./options.ts";
import { transfer } from "./transfer.ts";
import type { Arg } from "./words.ts";
import { writes } from "./writers.ts";

/** What git commands do to the index, to refs, to `.git` and to files, where that is certain. */

/** Options of commit, merge, rebase and their like that take a value. */
const messages: OptionSpec = {
  short: "mFCctsX",
  long: [
    "message",
    "file",
    "author",
    "date",
    "cleanup",
    "template",
    "fixup",
    "squash",
    "strategy",
    "onto",
    "exec",
  ],
};

function always(kind: RuleEffect["kind"], ...unless: string[]): Subcommand {
  return ({ args, rule }) => {
    const options = readOptions(args, messages);
    if (options.sure && !has(options, ...DRY, ...unless)) rule(kind);
  };
}

/** Subcommands with verbs of their own: `git remote add`. Without a listed verb they only tell. */
function onVerb(kind: RuleEffect["kind"], ...verbs: string[]): Subcommand {
  return ({ args, rule }) => {
    const options = readOptions(args);
    if (!has(options, ...DRY) && verbs.includes(options.operands[0]?.text ?? "")) rule(kind);
  };
}

/** Lists where it is given no name, or a flag that lists; else makes, moves or deletes. */
function unlessListing(
  kind: RuleEffect["kind"],
  listing: readonly string[],
  changing: readonly string[],
): Subcommand {
  return ({ args, rule }) => {
    const options = readOptions(args, {
      short: "uFm",
      long: ["format", "sort", "contains", "merged", "points-at", "message", "file"],
    });
    if (!options.sure || has(options, ...DRY)) return;
    if (has(options, ...changing) || (options.operands.length > 0 && !has(options, ...listing))) rule(kind);
  };
}

const commits = always("commit", "abort", "quit", "no-commit", "n", "check", "show-current-patch", "ff-only");

const subcommands: Readonly<Record<string, Subcommand>> = {
  add: always("stage", "n"),
  stage: always("stage", "n"),
  commit: always("commit", "short", "porcelain"),
  merge: commits,
  rebase: commits,
  "cherry-pick": commits,
  revert: commits,
  am: commits,
  pull: always("commit", "ff-only"),
  push: always("commit", "n"),
  "update-ref": always("git-dir"),
  "filter-branch": always("git-dir"),
  "fast-import": always("git-dir"),
  branch: unlessListing(
    "git-dir",
    [
      "a",
      "r",
      "l",
      "list",
      "all",
      "remotes",
      "v",
      "vv",
      "contains",
      "no-contains",
      "merged",
      "no-merged",
      "points-at",
      "show-current",
      "format",
      "sort",
    ],
    [
      "d",
      "D",
      "m",
      "M",
      "c",
      "C",
      "f",
      "delete",
      "move",
      "copy",
      "force",
      "u",
      "set-upstream-to",
      "unset-upstream",
      "edit-description",
    ],
  ),
  tag: unlessListing(
    "git-dir",
    [
      "l",
      "list",
      "n",
      "contains",
      "no-contains",
      "merged",
      "no-merged",
      "points-at",
      "v",
      "verify",
      "format",
      "sort",
    ],
    ["d", "delete", "a", "s", "f", "force", "annotate", "sign"],
  ),
  remote: onVerb("git-dir", "add", "remove", "rm", "rename", "set-url", "set-head", "set-branches"),
  notes: onVerb("git-dir", "add", "append", "copy", "remove"),
  worktree: onVerb("git-dir", "add", "remove", "move", "lock", "unlock"),
  "sparse-checkout": onVerb("git-dir", "set", "add", "init", "disable"),
  submodule: onVerb("git-dir", "add", "deinit", "set-url", "set-branch"),
  bisect: onVerb("git-dir", "start", "good", "bad", "new", "old", "skip", "reset", "run"),
  "symbolic-ref": ({ args, rule }) => {
    const options = readOptions(args, { short: "m" });
    if (has(options, "d", "delete") || options.operands.length > 1) rule("git-dir");
  },
  "update-index": always("stage", "refresh", "really-refresh", "q"),
  "read-tree": always("stage", "n"),
  config: ({ args, rule }) => {
    const options = readOptions(args, { short: "f", long: ["file", "blob", "type", "default"] });
    const elsewhere = has(options, "global", "system", "f", "file", "blob", "worktree");
    const [verb, ...rest] = options.operands.map((operand) => operand.text);
    if (
      !options.sure ||
      elsewhere ||
      has(options, ...DRY, "get", "get-all", "get-regexp", "get-urlmatch", "l", "list")
    )
      return;
    const changes = has(
      options,
      "unset",
      "unset-all",
      "add",
      "replace-all",
      "remove-section",
      "rename-section",
    );
    const set = verb === "set" || verb === "unset" || (verb !== "get" && verb !== "list" && rest.length > 0);
    if (changes || set) rule("git-dir");
  },
  ...treeCommands,
  rm: ({ args, frame, rule }) => {
    const options = readOptions(args);
    if (!options.sure || has(options, "n", ...DRY)) return;
    rule("stage");
    if (has(options, "cached")) return unstage(frame);
    for (const operand of options.operands) {
      const path =
        operand.text === undefined || /[*?[]/.test(operand.text) ? undefined : frame.resolve(operand.text);
      if (path !== undefined && frame.certain) frame.notes.ledger.record("delete", path, "git rm");
    }
  },
  mv: ({ args, frame, rule }) => {
    const options = readOptions(args);
    if (!options.sure || has(options, "n", "k", ...DRY)) return;
    rule("stage");
    transfer(options, frame, "git mv", "move");
  },
  apply: ({ args, frame, rule }) => {
    const options = readOptions(args, { short: "pC", long: ["directory", "exclude", "include"] });
    frame.notes.ledger.doubtAll();
    const tells = has(options, "check", "stat", "numstat", "summary", ...DRY) && !has(options, "apply");
    if (options.sure && !tells && has(options, "cached", "index")) rule("stage");
  },
  bundle: ({ args, frame }) => {
    const { operands } = readOptions(args);
    const file = operands[1]?.text;
    if (operands[0]?.text === "create" && file !== undefined) writes(frame, file, "git bundle");
  },
  archive: writesOutput,
  diff: writesOutput,
  log: writesOutput,
  show: writesOutput,
};

/**
 * Records what a git command does.
 * @param variables names set for this command alone; another repository or index may be meant by them
 */
export function git(args: readonly Arg[], frame: Frame, variables: readonly string[]): void {
  const options = readOptions(args, {
    short: "Cc",
    long: ["git-dir", "work-tree", "namespace", "exec-path"],
    first: true,
  });
  const elsewhere = [...variables, ...frame.variables.keys()].some((name) => name.startsWith("GIT_"));
  if (elsewhere || has(options, "git-dir", "work-tree", "bare", "help", "version", "h", "v")) return;
  const shell = frame.subshell();
  const folder = given(options, "C");
  if (folder) shell.changeDirectory(folder.text);
  const name = options.operands[0]?.text;
  const subcommand = name !== undefined && Object.hasOwn(subcommands, name) ? subcommands[name] : undefined;
  subcommand?.({
    args: options.operands.slice(1),
    frame: shell,
    rule: (kind) => shell.rule(kind, `git ${name}`),
  });
}

function writesOutput({ args, frame }: Git): void {
  const options = readOptions(args, { short: "SGOLno" });
  const output = given(options, "output", "o")?.text;
  if (output !== undefined && options.sure) writes(frame, output, "git");
}
