import { posix } from "node:path";
import type { Function as FunctionNode } from "unbash";
import { expandGlob } from "./glob.ts";
import type { Ledger } from "./ledger.ts";
import type { World } from "./world.ts";

/** What a command means for a rule of the task. */
export interface RuleEffect {
  kind: "stage" | "commit" | "git-dir" | "sweep" | "sweep-here" | "network" | "dependency" | "read";
  /** The program and what it is told, for messages. */
  by: string;
  /** Where it runs; for `read`, the file. */
  path: string;
}

export interface Notes {
  ledger: Ledger;
  rules: RuleEffect[];
  world: World;
  /** A trap is set: files that the command makes may be gone at the end. */
  trapped: boolean;
  /** A program has run that may have made or removed any file. */
  stirred: boolean;
}

/** The state of one shell while its command is read; a subshell gets a copy. */
export class Frame {
  cwd: string | undefined;
  previous: string | undefined;
  stack: (string | undefined)[] = [];
  variables: Map<string, string | undefined>;
  functions: Map<string, FunctionNode | undefined>;
  /** Whether names of programs may mean something else (an alias, another PATH). */
  opaque = false;
  /** Left for certain: the shell, a function, or a round of a loop. */
  left: "exit" | "return" | "loop" | undefined;
  depth = 0;
  /** In a branch, or behind a way out of a loop or function that may have been taken. */
  doubt = false;
  /** The shell may have ended. */
  gone = false;
  readonly notes: Notes;

  constructor(notes: Notes, cwd: string | undefined) {
    this.notes = notes;
    this.cwd = cwd;
    this.variables = new Map();
    this.functions = new Map();
  }

  subshell(): Frame {
    const copy = new Frame(this.notes, this.cwd);
    Object.assign(copy, {
      previous: this.previous,
      stack: [...this.stack],
      variables: new Map(this.variables),
      functions: new Map(this.functions),
      opaque: this.opaque,
      depth: this.depth + 1,
      doubt: !this.certain,
    });
    return copy;
  }

  /** A shell of its own (`bash -c`): which variables and functions reach it is not certain. */
  newShell(): Frame {
    const copy = this.subshell();
    for (const name of copy.variables.keys()) copy.variables.set(name, undefined);
    for (const name of copy.functions.keys()) copy.functions.set(name, undefined);
    return copy;
  }

  /** Whether what is read now is sure to run, if the whole command succeeds. */
  get certain(): boolean {
    return !this.doubt && !this.gone;
  }

  /** Reads something that may not run, or not to its end. */
  doubtful(read: () => void): void {
    const before = this.doubt;
    this.doubt = true;
    read();
    this.doubt = before || this.left === "return" || this.left === "loop";
    this.gone ||= this.left === "exit";
    this.left = undefined;
  }

  /** Reads the body of a loop or function, which can be left without ending the shell. */
  within(way: "return" | "loop", read: () => void): void {
    const before = this.doubt;
    read();
    this.doubt = before;
    if (this.left === way) this.left = undefined;
  }

  lookup = (name: string): string | undefined => {
    if (this.variables.has(name)) return this.variables.get(name);
    if (name === "PWD") return this.cwd;
    return this.notes.world.variables[name];
  };

  /**
   * Whether something is at the path when the command comes to it, or may be: nothing is only where nothing
   * was before and no other program has run.
   */
  mayExist(path: string): boolean {
    const { stirred, ledger, world } = this.notes;
    const own = ledger.exists(path);
    return own ?? (stirred || ledger.isFresh(path) || world.kindOf(path) !== undefined);
  }

  /** Whether a file may be made at the path: where its folder is, or may be. */
  mayMake(path: string): boolean {
    const folder = posix.dirname(path);
    const { stirred, ledger, world } = this.notes;
    if (ledger.exists(folder) !== undefined) return ledger.made(folder);
    return stirred || ledger.isFresh(folder) || world.kindOf(folder) === "directory";
  }

  /** Expands a glob by what lies there, as long as nothing has run that could change it. */
  glob = (pattern: string): string[] | undefined => {
    const { stirred, ledger, world } = this.notes;
    if (stirred || !ledger.isEmpty || this.opaque || this.cwd === undefined) return undefined;
    return expandGlob(pattern, this.cwd, world);
  };

  assign(name: string, value: string | undefined): void {
    if (name === "PATH" ? !this.keepsPrograms(value) : name === "BASH_ENV" || name === "IFS")
      this.opaque = true;
    this.variables.set(name, this.certain ? value : undefined);
  }

  /** Whether programs are found where they were: the old PATH comes first. */
  keepsPrograms(path: string | undefined): boolean {
    const before = this.lookup("PATH");
    return before !== undefined && path !== undefined && `${path}:`.startsWith(`${before}:`);
  }

  /** The absolute path that a program in this shell means; undefined where that is not certain. */
  resolve(given: string): string | undefined {
    if (given === "" || given.includes("\0")) return undefined;
    if (given.startsWith("/")) return posix.normalize(given).replace(/(.)\/$/, "$1");
    if (this.cwd === undefined) return undefined;
    // The system removes `..` after following links, a text does not.
    if (given.split("/").includes("..") && !this.notes.world.isReal(this.cwd)) return undefined;
    return posix.resolve(this.cwd, given);
  }

  changeDirectory(target: string | undefined): boolean {
    const path = target === undefined ? undefined : this.resolveFolder(target);
    if (path !== undefined) this.notes.ledger.look(path);
    this.previous = this.certain ? this.cwd : undefined;
    this.cwd = this.certain ? path : undefined;
    return this.cwd !== undefined;
  }

  /** Where `cd` leads: by the text (as bash does), and only where a folder is. */
  private resolveFolder(target: string): string | undefined {
    if (this.variables.has("CDPATH") || (this.cwd === undefined && !target.startsWith("/"))) return undefined;
    const path = posix.resolve(this.cwd ?? "/", target);
    const { ledger, world } = this.notes;
    return ledger.made(path) || (world.kindOf(path) === "directory" && !ledger.isFresh(path))
      ? path
      : undefined;
  }

  rule(kind: RuleEffect["kind"], by: string, path = this.cwd): void {
    if (this.certain && path !== undefined) this.notes.rules.push({ kind, by, path });
  }
}
