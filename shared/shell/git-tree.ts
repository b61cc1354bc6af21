import type { Frame, RuleEffect } from "./frame.ts";
import { has, readOptions } from "./options.ts";
import type { Arg } from "./words.ts";
import { writes } from "./writers.ts";

export interface Git {
  args: readonly Arg[];
  frame: Frame;
  rule(kind: RuleEffect["kind"]): void;
}
export type Subcommand = (git: Git) => void;

/** Flags with which a subcommand only tells what it would do. */
export const DRY = ["dry-run", "help", "h"];

/** Git commands that restore, remove or unstage files of the working tree. */
export const treeCommands: Readonly<Record<string, Subcommand>> = {
  stash: ({ args, frame, rule }) => {
    const options = readOptions(args, { short: "m", long: ["message"] });
    const verb = options.operands[0]?.text ?? "push";
    frame.notes.ledger.doubtAll();
    if (!has(options, ...DRY) && ["push", "save", "pop", "drop", "clear", "branch", "store"].includes(verb))
      rule("git-dir");
  },
  reset: ({ args, frame, rule }) => {
    const options = readOptions(args);
    if (has(options, "hard", "merge", "keep")) frame.notes.ledger.doubtAll();
    unstage(frame);
    const to = options.operands[0]?.text;
    if (options.sure && to !== undefined && /^(HEAD|@)[~^]|^[0-9a-f]{40}$|^ORIG_HEAD$/.test(to))
      rule("commit");
    else if (options.sure && has(options, "hard", "merge", "keep")) rule("sweep");
  },
  restore: ({ args, frame, rule }) => {
    const options = readOptions(args, { short: "s", long: ["source", "pathspec-from-file"] });
    if (has(options, "staged", "S")) unstage(frame);
    else restores(options.operands, frame, rule);
  },
  checkout,
  switch: ({ args, frame, rule }) => {
    const options = readOptions(args, { short: "cC", long: ["create", "force-create", "orphan"] });
    frame.notes.ledger.doubtAll();
    if (has(options, "c", "C", "create", "force-create", "orphan")) rule("git-dir");
  },
  clean: ({ args, frame, rule }) => {
    const options = readOptions(args, { short: "e", long: ["exclude"] });
    frame.notes.ledger.doubtAll();
    if (!options.sure || has(options, "n", "i", "interactive", ...DRY) || !has(options, "f", "force")) return;
    const sweeps = options.operands.map((operand) => sweepOf(operand.text));
    if (!sweeps.includes(undefined)) rule(sweeps.includes("sweep") ? "sweep" : "sweep-here");
  },
};

/** `git checkout` with paths restores files; with a name it moves HEAD, or does nothing where it stands there. */
function checkout({ args, frame, rule }: Git): void {
  const options = readOptions(args, { short: "bB", long: ["orphan", "pathspec-from-file"] });
  const dashes = args.findIndex((arg) => arg.text === "--");
  if (!options.sure || has(options, ...DRY, "p", "patch")) return;
  if (has(options, "b", "B", "orphan")) {
    rule("git-dir");
    return;
  }
  const before = dashes < 0 ? [] : readOptions(args.slice(0, dashes)).operands;
  const paths = dashes < 0 ? options.operands : args.slice(dashes + 1);
  if (dashes < 0 && !paths.every((path) => isPath(path.text, frame))) {
    frame.notes.ledger.doubtAll();
    return;
  }
  // From HEAD the index becomes what it mostly is anyway; where it was not, the wall sees it.
  if (before.some(({ text }) => text !== "HEAD" && text !== "@")) rule("stage");
  restores(paths, frame, rule);
}

function isPath(text: string | undefined, frame: Frame): boolean {
  const path = text === undefined ? undefined : frame.resolve(text);
  return path !== undefined && (text === "." || frame.notes.world.kindOf(path) === "file");
}

function restores(paths: readonly Arg[], frame: Frame, rule: Git["rule"]): void {
  for (const { text } of paths) {
    const path = text === undefined ? undefined : frame.resolve(text);
    const { ledger } = frame.notes;
    const everything = sweepOf(text);
    if (everything || path === undefined) ledger.doubtAll();
    if (everything) rule(everything);
    // What the command itself has written may be back to what it was.
    else if (path !== undefined && ledger.knows(path)) ledger.doubt(path);
    else if (text !== undefined && isPath(text, frame)) writes(frame, text, "git");
  }
}

/** A pathspec that stands for the whole tree, or for the folder where the command runs. */
function sweepOf(text: string | undefined): "sweep" | "sweep-here" | undefined {
  if (text === ":/" || text === ":/.") return "sweep";
  return text === "." || text === "./" ? "sweep-here" : undefined;
}

/** What was staged before may be unstaged again. */
export function unstage(frame: Frame): void {
  frame.notes.rules = frame.notes.rules.filter((one) => one.kind !== "stage");
}
