import type { CommandNode } from "unbash";
import { builtins } from "./builtins.ts";
import type { Frame } from "./frame.ts";
import { programs } from "./programs.ts";
import type { Arg } from "./words.ts";
import { type Inner, unwrap } from "./wrappers.ts";
import { writers } from "./writers.ts";

export const MOST_DEPTH = 12;
/** Commands that end well, whatever happens. */
const neverFail = new Set(["echo", "printf", ":", "true", "pwd", "date", "sleep", "export", "set"]);

/** How a command is called. */
export interface Call {
  frame: Frame;
  /** Whether its end decides how the whole command ends. */
  tail: boolean;
  /** What it reads, where that is certain. */
  stdin: string | undefined;
  /** Names of the variables set for it alone. */
  variables: string[];
}

/** Reads what a command runs in turn: a script, the body of a function. */
export interface Reader {
  script(source: string, frame: Frame, tail: boolean): void;
  node(node: CommandNode, frame: Frame, tail: boolean): boolean;
}

/** Runs a command whose words are expanded. @returns whether it is sure to end well */
export function run(args: readonly Arg[], call: Call, reader: Reader): boolean {
  const { frame, variables } = call;
  const [first, ...rest] = args;
  const called = first?.text;
  if (called !== undefined && frame.functions.has(called)) return runFunction(called, rest, call, reader);
  const name = called?.replace(/^(\/usr)?(\/local)?\/s?bin\//, "");
  const builtin = name !== undefined && Object.hasOwn(builtins, name) ? builtins[name] : undefined;
  if (builtin) {
    builtin(rest, frame);
    return name === "cd" || name === "pushd" ? frame.cwd !== undefined : neverFail.has(name ?? "");
  }
  const unclear = frame.opaque || frame.depth > MOST_DEPTH || variables.includes("PATH");
  if (name === undefined || name.includes("/") || unclear) {
    frame.notes.stirred = true;
    // What it means is not sure, but if it is what it is called it may undo what was done.
    if (name !== undefined && Object.hasOwn(writers, name)) frame.notes.ledger.doubtAll();
    return false;
  }
  const inner = unwrap(name, rest, call.stdin);
  if (inner) {
    runInner(inner, name, call, reader);
    if (name === "exec" && inner.kind !== "nothing") frame.left = "exit";
    return false;
  }
  const writer = Object.hasOwn(writers, name) ? writers[name] : undefined;
  writer?.(rest, frame, name);
  const known = programs(name, rest, frame, variables);
  if (!writer && !known && !neverFail.has(name)) frame.notes.stirred = true;
  return neverFail.has(name);
}

function runInner(inner: Inner, name: string, call: Call, reader: Reader): void {
  const { frame, tail, stdin, variables } = call;
  switch (inner.kind) {
    case "nothing":
      return;
    case "unknown":
      if (name === "eval") builtins.source?.([], frame);
      frame.notes.ledger.doubtAll();
      frame.notes.stirred = true;
      return;
    case "script":
      frame.depth++;
      reader.script(inner.text, name === "eval" ? frame : frame.newShell(), tail);
      frame.depth--;
      return;
    case "command": {
      const shell = name === "builtin" || name === "command" ? frame : frame.subshell();
      if (inner.cwd) shell.changeDirectory(inner.cwd.text);
      const more = (inner.assignments ?? []).filter(
        ({ text }) => !text?.startsWith("PATH=") || !frame.keepsPrograms(text.slice("PATH=".length)),
      );
      const names = more.map(({ start }) => start.slice(0, Math.max(start.indexOf("="), 0)));
      shell.depth++;
      run(inner.args, { frame: shell, tail, stdin, variables: [...variables, ...names] }, reader);
      shell.depth--;
    }
  }
}

function runFunction(name: string, args: readonly Arg[], { frame, tail }: Call, reader: Reader): boolean {
  const body = frame.functions.get(name)?.body;
  if (!body || body.type === "CompoundList" || frame.depth > MOST_DEPTH) {
    builtins.source?.([], frame);
    frame.notes.ledger.doubtAll();
    return false;
  }
  const before = new Map(frame.variables);
  args.forEach((arg, index) => {
    frame.variables.set(String(index + 1), arg.text);
  });
  frame.depth++;
  let sure = false;
  frame.within("return", () => {
    sure = reader.node(body, frame, tail);
  });
  frame.depth--;
  for (const key of frame.variables.keys()) {
    if (/^\d+$/.test(key)) frame.variables.set(key, before.get(key));
  }
  return sure;
}
