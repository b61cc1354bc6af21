import { posix } from "node:path";
import type { Frame } from "./frame.ts";
import { given, has, type OptionSpec, type Options, readOptions } from "./options.ts";
import { transfer, transferOptions } from "./transfer.ts";
import { type Arg, literal } from "./words.ts";

/** Programs whose arguments name the files that they write, and what they do to them. */

type Writer = (args: readonly Arg[], frame: Frame, by: string) => void;

export const writers: Readonly<Record<string, Writer>> = {
  rm: removes,
  unlink: removes,
  rmdir: removesEmpty,
  shred: (args, frame, by) => {
    const options = readOptions(args, { short: "ns", long: ["iterations", "size", "random-source"] });
    const gone = has(options, "u", "remove");
    each(options, frame, (path) => frame.notes.ledger.record(gone ? "delete" : "write", path, by, !gone));
  },
  mkdir: makesFolders({ short: "mZ", long: ["mode", "context"] }),
  touch: (args, frame, by) => {
    const options = readOptions(args, { short: "dtr", long: ["date", "reference", "time"] });
    if (has(options, "c", "no-create")) return;
    each(options, frame, (path) => frame.notes.ledger.record("create", path, by), { needs: "folder" });
  },
  tee: writesOperands({}),
  truncate: writesOperands({ short: "sr", long: ["size", "reference"] }),
  cp: (args, frame, by) => transfer(readOptions(args, transferOptions), frame, by, "copy"),
  mv: (args, frame, by) => transfer(readOptions(args, transferOptions), frame, by, "move"),
  ln: (args, frame, by) => transfer(readOptions(args, transferOptions), frame, by, "link"),
  install: (args, frame, by) => {
    const options = readOptions(args, transferOptions);
    if (has(options, "d", "directory")) makesFolders(transferOptions, true)(args, frame, by);
    else transfer(options, frame, by, "copy");
  },
  dd: (args, frame, by) => {
    const output = args.find((arg) => arg.start.startsWith("of="))?.text?.slice(3);
    if (output !== undefined) writes(frame, output, by);
  },
  sort: writesValue(
    { short: "okStT", long: ["output", "key", "field-separator", "buffer-size"] },
    "o",
    "output",
  ),
  uniq: (args, frame, by) => {
    const options = readOptions(args, { short: "fsw", long: ["skip-fields", "skip-chars", "check-chars"] });
    const output = options.operands[1]?.text;
    if (options.sure && !options.operands[0]?.many && output !== undefined) writes(frame, output, by);
  },
  sed: (args, frame, by) => {
    const options = readOptions(args, {
      short: "efl",
      attached: "i",
      long: ["expression", "file", "line-length"],
    });
    const scripted = has(options, "e", "f", "expression", "file");
    if (!has(options, "i", "in-place") || options.operands.some((operand) => operand.text === "")) return;
    editsInPlace(options, scripted ? 0 : 1, given(options, "i", "in-place"), frame, by);
  },
  perl: (args, frame, by) => {
    const options = readOptions(args, { short: "eE", attached: "iIMmxlFCD0", first: true });
    if (!has(options, "i") || !has(options, "e", "E") || !has(options, "p", "n")) return;
    editsInPlace(options, 0, given(options, "i"), frame, by);
  },
  tar: (args, frame, by) => {
    const options = readOptions(modernTar(args), {
      short: "fCTXbI",
      long: ["file", "directory", "files-from", "exclude", "transform", "use-compress-program"],
    });
    const output = given(options, "f", "file")?.text;
    if (has(options, "c", "create") && output !== undefined) writes(frame, output, by);
  },
  openssl: (args, frame, by) => afterOption(args, "-out", frame, by),
  ...Object.fromEntries(
    ["cc", "gcc", "g++", "clang", "clang++", "ld"].map(
      (name) => [name, (args, frame, by) => afterOption(args, "-o", frame, by)] satisfies [string, Writer],
    ),
  ),
  curl: writesValue(
    { short: "oXHdFuAebmTwxcKEY", long: ["output", "header", "data", "request", "url", "user", "max-time"] },
    "o",
    "output",
  ),
  wget: writesValue(
    { short: "OoPUteTQ", long: ["output-document", "output-file", "directory-prefix"] },
    "O",
    "output-document",
  ),
};

/** Records a write into the file that is there. */
export function writes(frame: Frame, target: string, by: string, kind: "write" | "create" = "write"): void {
  const path = target === "-" ? undefined : frame.resolve(target);
  if (path === undefined || !frame.mayMake(path)) return;
  if (frame.certain) frame.notes.ledger.record(kind, path, by, true);
  else frame.notes.ledger.doubt(path);
}

interface Each {
  /** Operands before the files. */
  from?: number;
  /** Without which the program fails and changes nothing. */
  needs?: "file" | "folder";
}

function each(options: Options, frame: Frame, act: (path: string) => void, { from, needs }: Each = {}): void {
  const { ledger } = frame.notes;
  for (const operand of options.operands.slice(from)) {
    const path = operand.text === undefined ? undefined : frame.resolve(operand.text);
    if (path === undefined) ledger.doubtAll();
    else if (needs === "file" && !frame.mayExist(path)) continue;
    else if (needs === "file" && !ledger.exists(path) && ledger.isFresh(path)) ledger.doubt(path);
    else if (needs === "folder" && !frame.mayMake(path)) continue;
    else if (frame.certain && options.sure && !isHelp(options)) act(path);
    else ledger.doubt(path);
  }
}

function isHelp(options: Options): boolean {
  return has(options, "help", "version");
}

function removes(args: readonly Arg[], frame: Frame, by: string): void {
  const options = readOptions(args);
  const { ledger, world } = frame.notes;
  const takesFolders = has(options, "r", "R", "recursive", "d", "dir");
  // Asked, with nobody to answer, it removes nothing; but that is not certain.
  if (has(options, "i", "I", "interactive")) options.sure = false;
  each(options, frame, (path) => {
    const folder = ledger.made(path) || world.kindOf(path) === "directory";
    if (folder && !takesFolders) return;
    ledger.record("delete", path, by);
  });
}

/** Only an empty folder is removed: certain for one that the command itself has made. */
function removesEmpty(args: readonly Arg[], frame: Frame, by: string): void {
  const { ledger } = frame.notes;
  each(readOptions(args), frame, (path) =>
    ledger.made(path) ? ledger.record("delete", path, by) : ledger.doubt(path),
  );
}

function writesOperands(spec: OptionSpec): Writer {
  return (args, frame, by) => {
    const options = readOptions(args, spec);
    if (has(options, "c", "no-create")) options.sure = false;
    each(options, frame, (path) => frame.notes.ledger.record("write", path, by, true), { needs: "folder" });
  };
}

function writesValue(spec: OptionSpec, ...names: string[]): Writer {
  return (args, frame, by) => {
    const options = readOptions(args, spec);
    const output = given(options, ...names)?.text;
    if (output !== undefined && options.sure) writes(frame, output, by);
  };
}

function makesFolders(spec: OptionSpec, always = false): Writer {
  return (args, frame, by) => {
    const options = readOptions(args, spec);
    const { ledger, world } = frame.notes;
    const make = (path: string): void => {
      if (ledger.exists(path) ?? (path === "/" || world.kindOf(path) !== undefined)) return;
      if (always || has(options, "p", "parents")) make(posix.dirname(path));
      if (frame.mayMake(path)) ledger.record("mkdir", path, by);
    };
    each(options, frame, make);
  };
}

function editsInPlace(
  options: Options,
  from: number,
  suffix: Arg | undefined,
  frame: Frame,
  by: string,
): void {
  const backup = suffix?.text ?? "";
  each(
    options,
    frame,
    (path) => {
      frame.notes.ledger.record("write", path, by);
      if (backup !== "" && !/[*/]/.test(backup)) frame.notes.ledger.record("write", path + backup, by);
    },
    { from, needs: "file" },
  );
}

/** `tar cf x`: the first word as options; not where letters behind the `f` take words of their own. */
function modernTar(args: readonly Arg[]): readonly Arg[] {
  const first = args[0]?.text;
  if (first === undefined || !/^[a-zA-Z]+$/.test(first)) return args;
  const ordered = `-${first.replace("f", "")}${first.includes("f") ? "f" : ""}`;
  return /[bCTXI]/.test(first) ? [] : [literal(ordered), ...args.slice(1)];
}

function afterOption(args: readonly Arg[], option: string, frame: Frame, by: string): void {
  const at = args.findIndex((arg) => arg.text === option);
  const output = at < 0 ? undefined : args[at + 1]?.text;
  if (output !== undefined) writes(frame, output, by);
}
