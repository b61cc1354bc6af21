import type { Frame } from "./frame.ts";
import { has, readOptions } from "./options.ts";
import type { Arg } from "./words.ts";

/** Commands of the shell that change how the rest of the command is to be read. */
type Builtin = (args: readonly Arg[], frame: Frame) => void;

/** Words that only make the names of variables unknown: `read X`, `unset X`. */
const forgets: Builtin = (args, frame) => {
  for (const arg of args) {
    const name = /^[A-Za-z_]\w*/.exec(arg.start)?.[0];
    if (name) frame.assign(name, undefined);
  }
};

const obscures: Builtin = (_, frame) => {
  frame.opaque = true;
};

const leavesLoop: Builtin = (_, frame) => {
  frame.left = "loop";
};

/** The rest of the command runs only where the other side wants it. */
const mayEnd: Builtin = (_, frame) => {
  frame.gone = true;
  frame.opaque = true;
  frame.cwd = undefined;
};

export const builtins: Readonly<Record<string, Builtin>> = {
  cd: (args, frame) => {
    const { operands, sure } = readOptions(args);
    const target = operands[0];
    if (!sure || operands.length > 1 || target?.text === "-") frame.changeDirectory(undefined);
    else frame.changeDirectory(target ? target.text : frame.lookup("HOME"));
  },
  pushd: (args, frame) => {
    frame.stack.push(frame.cwd);
    const target = args.filter((arg) => !/^[-+]/.test(arg.start));
    frame.changeDirectory(target.length === 1 ? target[0]?.text : undefined);
  },
  popd: (args, frame) => {
    const back = frame.stack.pop();
    frame.cwd = args.length === 0 && frame.certain ? back : undefined;
  },
  exit: (args, frame) => {
    const code = args[0]?.text;
    // Where it fails, the command as a whole fails: what follows runs in every run that succeeds.
    if (frame.certain || code === undefined || Number(code) === 0) frame.left = "exit";
  },
  return: (_, frame) => {
    frame.left = "return";
  },
  break: leavesLoop,
  continue: leavesLoop,
  read: forgets,
  unset: (args, frame) => {
    for (const arg of args) if (arg.text) frame.functions.set(arg.text, undefined);
    forgets(args, frame);
  },
  readarray: forgets,
  mapfile: forgets,
  getopts: forgets,
  let: forgets,
  printf: (args, frame) => {
    if (args[0]?.start.startsWith("-v")) forgets(args.slice(1, 2), frame);
  },
  alias: obscures,
  enable: obscures,
  hash: obscures,
  source: mayEnd,
  ".": mayEnd,
  trap: (args, frame) => {
    if (args.length > 1 && args[0]?.text !== "-" && args[0]?.text !== "") frame.notes.trapped = true;
  },
  set: (args, frame) => {
    const options = readOptions(args, { short: "o" });
    // -n reads without running, -C keeps redirections from replacing files.
    if (has(options, "n", "C") || args.some((arg) => /noexec|noclobber/.test(arg.start))) mayEnd(args, frame);
  },
};
