import { given, has, type OptionSpec, readOptions } from "./options.ts";
import { type Arg, literal } from "./words.ts";

/** What a program runs that is given a command: another command, a script, or something unknown. */
export type Inner =
  | { kind: "command"; args: readonly Arg[]; cwd?: Arg; assignments?: readonly Arg[] }
  | { kind: "script"; text: string }
  | { kind: "nothing" }
  | { kind: "unknown" };

interface Wrapper extends OptionSpec {
  /** Operands before the command: a duration, a mask. */
  skip?: number;
  /** Flags with which it runs nothing. */
  inert?: readonly string[];
}

/** Programs that run the command in their arguments, always and once. */
const wrappers: Readonly<Record<string, Wrapper>> = {
  timeout: { short: "sk", long: ["signal", "kill-after"], skip: 1 },
  nice: { short: "n", long: ["adjustment"] },
  ionice: { short: "cnpPu", long: ["class", "classdata", "pid"] },
  chrt: { skip: 1 },
  taskset: { skip: 1 },
  nohup: {},
  setsid: {},
  stdbuf: { short: "ioe", long: ["input", "output", "error"] },
  time: { short: "fo", long: ["format", "output"] },
  command: { inert: ["v", "V"] },
  builtin: {},
  exec: { short: "a" },
  busybox: {},
  unbuffer: {},
  chronic: {},
  sudo: {
    short: "ugpCrtTUhDR",
    long: ["user", "group", "prompt", "chdir"],
    inert: ["l", "v", "k", "K", "e", "list"],
  },
  doas: { short: "uC" },
};
const shells = new Set(["bash", "sh", "dash", "ash", "ksh", "zsh"]);

/**
 * What a command runs, where it is a wrapper.
 * @param stdin what it reads, where that is certain
 * @returns undefined for a program that runs no other by its arguments
 */
export function unwrap(name: string, args: readonly Arg[], stdin: string | undefined): Inner | undefined {
  if (shells.has(name)) return unwrapShell(args, stdin);
  if (name === "env") return unwrapEnv(args);
  if (name === "xargs") return unwrapXargs(args, stdin);
  if (name === "flock") return unwrapFlock(args);
  if (name === "eval") return unwrapEval(args);
  if (name === "npx" || name === "npm") return unwrapNpm(name, args);
  const wrapper = Object.hasOwn(wrappers, name) ? wrappers[name] : undefined;
  if (!wrapper) return undefined;
  const options = readOptions(args, { ...wrapper, first: true });
  if (!options.sure && options.operands.length === 0) return { kind: "unknown" };
  if (has(options, "help", "version", ...(wrapper.inert ?? []))) return { kind: "nothing" };
  return command(options.operands.slice(wrapper.skip ?? 0));
}

function command(args: readonly Arg[], more: { cwd?: Arg; assignments?: readonly Arg[] } = {}): Inner {
  return args.length === 0 ? { kind: "nothing" } : { kind: "command", args, ...more };
}

function script(arg: Arg | undefined): Inner {
  return arg?.text === undefined ? { kind: "unknown" } : { kind: "script", text: arg.text };
}

function unwrapShell(args: readonly Arg[], stdin: string | undefined): Inner {
  const options = readOptions(args, { short: "oO", long: ["rcfile", "init-file"], first: true });
  if (has(options, "n", "help", "version")) return { kind: "nothing" };
  if (has(options, "c")) return script(options.operands[0]);
  const own = has(options, "i", "l", "login", "rcfile", "init-file");
  if (own || (options.operands.length > 0 && !has(options, "s"))) return { kind: "unknown" };
  return stdin === undefined ? { kind: "unknown" } : { kind: "script", text: stdin };
}

function unwrapEnv(args: readonly Arg[]): Inner {
  const options = readOptions(args, { short: "uCS", long: ["unset", "chdir", "split-string"], first: true });
  if (has(options, "S", "split-string")) return { kind: "unknown" };
  const from = options.operands.findIndex((arg) => !/^\w+=/.test(arg.start));
  const cwd = given(options, "C", "chdir");
  const assignments = options.operands.slice(0, from < 0 ? undefined : from);
  return command(from < 0 ? [] : options.operands.slice(from), { ...(cwd ? { cwd } : {}), assignments });
}

/** Words from standard input are certain only for a literal `echo`; else some unknown ones follow. */
function unwrapXargs(args: readonly Arg[], stdin: string | undefined): Inner {
  const options = readOptions(args, {
    short: "IELnPsda",
    long: ["replace", "max-args", "max-procs", "max-lines", "delimiter", "arg-file", "max-chars"],
    first: true,
  });
  const plain = !has(options, "0", "null", "d", "delimiter", "a", "arg-file", "p", "interactive", "E");
  const words =
    stdin !== undefined && plain && !/['"\\]/.test(stdin)
      ? stdin.split(/\s+/).filter((word) => word !== "")
      : undefined;
  if (options.operands.length === 0 || words?.length === 0) return { kind: "nothing" };
  const unknown: Arg = { text: undefined, start: "", many: true };
  const placeholder = given(options, "I", "replace")?.text;
  if (placeholder === undefined) return command([...options.operands, ...(words?.map(literal) ?? [unknown])]);
  if (words?.length !== 1) return command([...options.operands.slice(0, 1), unknown]);
  const word = words[0] ?? "";
  return command(
    options.operands.map((arg) =>
      arg.text === undefined ? arg : literal(arg.text.replaceAll(placeholder, word)),
    ),
  );
}

function unwrapFlock(args: readonly Arg[]): Inner {
  const options = readOptions(args, { short: "wE", long: ["timeout", "conflict-exit-code"], first: true });
  const rest = options.operands.slice(1);
  return rest[0]?.text === "-c" ? script(rest[1]) : command(rest);
}

function unwrapEval(args: readonly Arg[]): Inner {
  const texts = args.map((arg) => arg.text);
  return texts.includes(undefined) ? { kind: "unknown" } : { kind: "script", text: texts.join(" ") };
}

function unwrapNpm(name: string, args: readonly Arg[]): Inner | undefined {
  const options = readOptions(args, { short: "cpw", long: ["call", "package", "workspace"] });
  const runs = name === "npx" || ["exec", "x"].includes(options.operands[0]?.text ?? "");
  const call = given(options, "c", "call");
  return runs && call ? script(call) : undefined;
}
