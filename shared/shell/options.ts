import type { Arg } from "./words.ts";

/** The arguments of a program, read the GNU way (options may stand anywhere before `--`). */
export interface Options {
  /** Flags that were given: `r`, `recursive`. */
  flags: Set<string>;
  values: Map<string, Arg>;
  operands: Arg[];
  /** Whether every word is known well enough to tell options from operands. */
  sure: boolean;
}

export interface OptionSpec {
  /** Short options that take a value. */
  short?: string;
  /** Short options whose value, if any, is attached: `-i.bak`. */
  attached?: string;
  /** Long options that take a value. */
  long?: readonly string[];
  /** Stop at the first operand, as wrappers do. */
  first?: boolean;
}

/** Tells options from operands. */
export function readOptions(args: readonly Arg[], spec: OptionSpec = {}): Options {
  const found: Options = { flags: new Set(), values: new Map(), operands: [], sure: true };
  for (let index = 0; index < args.length; index++) {
    const arg = args[index];
    if (!arg) continue;
    const next = (): Arg | undefined => {
      index++;
      return args[index];
    };
    if (arg.text === "--") {
      found.operands.push(...args.slice(index + 1));
      break;
    }
    if (arg.text === undefined && /^$|^-$|^--[^=]*$/.test(arg.start)) found.sure = false;
    if (arg.start.startsWith("--")) readLong(arg, spec, found, next);
    else if (arg.start.startsWith("-") && arg.text !== "-") readShort(arg, spec, found, next);
    else if (spec.first) {
      found.operands.push(...args.slice(index));
      break;
    } else found.operands.push(arg);
  }
  return found;
}

type Next = () => Arg | undefined;

function readLong(arg: Arg, spec: OptionSpec, found: Options, next: Next): void {
  const text = arg.text ?? arg.start;
  const equals = text.indexOf("=");
  const name = text.slice(2, equals < 0 ? undefined : equals);
  found.flags.add(name);
  if (equals >= 0) {
    const rest = text.slice(equals + 1);
    found.values.set(name, { text: arg.text === undefined ? undefined : rest, start: rest, many: false });
  } else if (spec.long?.includes(name)) {
    const value = next();
    if (value) found.values.set(name, value);
  }
}

function readShort(arg: Arg, spec: OptionSpec, found: Options, next: Next): void {
  const letters = (arg.text ?? arg.start).slice(1);
  for (let at = 0; at < letters.length; at++) {
    const letter = letters[at] ?? "";
    found.flags.add(letter);
    const rest = letters.slice(at + 1);
    if (spec.attached?.includes(letter)) {
      found.values.set(letter, { text: rest, start: rest, many: false });
      return;
    }
    if (!spec.short?.includes(letter)) continue;
    const value =
      rest === "" ? next() : { text: arg.text === undefined ? undefined : rest, start: rest, many: false };
    if (value) found.values.set(letter, value);
    return;
  }
  // `-r$X`: more letters may follow.
  if (arg.text === undefined) found.sure = false;
}

/** Whether one of the flags was given. */
export function has(options: Options, ...names: string[]): boolean {
  return names.some((name) => options.flags.has(name));
}

/** The value of the first of the options that was given with one. */
export function given(options: Options, ...names: string[]): Arg | undefined {
  for (const name of names) {
    const value = options.values.get(name);
    if (value) return value;
  }
  return undefined;
}
