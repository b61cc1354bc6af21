import { posix } from "node:path";
import type { Frame } from "./frame.ts";
import { given, has, type OptionSpec, type Options } from "./options.ts";
import type { Arg } from "./words.ts";

/** Options of cp, mv, ln and install that take a value. */
export const transferOptions: OptionSpec = {
  short: "tSgmo",
  long: ["target-directory", "suffix", "mode", "owner", "group", "context"],
};

type How = "copy" | "move" | "link";

/** Records what cp, mv and ln do: each source to the target, or into it where it is a folder. */
export function transfer(options: Options, frame: Frame, by: string, how: How): void {
  if (has(options, "help", "version")) return;
  const { ledger } = frame.notes;
  const folder = given(options, "t", "target-directory");
  const sources = folder ? options.operands : options.operands.slice(0, -1);
  const last = folder ?? options.operands.at(-1);
  const target = last?.text === undefined ? undefined : frame.resolve(last.text);
  if (target === undefined) {
    ledger.doubtAll();
    return;
  }
  const into =
    folder !== undefined || sources.length > 1 || leadsInto(last?.text ?? "", target, options, frame, how);
  const sure = frame.certain && options.sure && !mayRefrain(options, how);
  for (const source of sources) {
    const to = into ? inside(target, source) : target;
    const from = source.text === undefined ? undefined : frame.resolve(source.text);
    // It fails, and leaves everything as it is.
    if (from !== undefined && how === "copy" && isFolder(from, frame) && !has(options, ...recursive))
      continue;
    if (to !== undefined && from === to) continue;
    if (from !== undefined && how !== "link" && !frame.mayExist(from)) continue;
    if (to !== undefined && !frame.mayMake(to)) continue;
    if (to === undefined) ledger.doubtAll();
    else if (how === "link") linkTo(to, sure, has(options, "f", "force"), frame, by);
    else if (sure && from !== undefined) ledger.transfer(from, to, by, how);
    else {
      ledger.doubt(to);
      if (how === "copy") continue;
      if (from === undefined) ledger.doubtAll();
      else ledger.doubt(from);
    }
  }
}

const recursive = ["r", "R", "a", "recursive", "archive"];

function isFolder(path: string, frame: Frame): boolean {
  const { ledger, world } = frame.notes;
  return ledger.made(path) || (ledger.exists(path) === undefined && world.kindOf(path) === "directory");
}

function leadsInto(text: string, target: string, options: Options, frame: Frame, how: How): boolean {
  if (text.endsWith("/")) return true;
  if (has(options, "T", "no-target-directory") || (how === "link" && has(options, "n", "no-dereference")))
    return false;
  return frame.notes.world.kindOf(target) === "directory" || frame.notes.ledger.made(target);
}

/** Flags that keep what is there, ask, or make the target's path in another way. */
function mayRefrain(options: Options, how: How): boolean {
  if (has(options, "i", "interactive", "parents")) return true;
  return how !== "link" && has(options, "n", "u", "no-clobber", "update");
}

function inside(folder: string, source: Arg): string | undefined {
  const name = source.text === undefined ? "" : posix.basename(source.text);
  return name === "" || name === "." || name === ".." ? undefined : posix.join(folder, name);
}

function linkTo(to: string, sure: boolean, force: boolean, frame: Frame, by: string): void {
  if (!sure) frame.notes.ledger.doubt(to);
  else frame.notes.ledger.record(force ? "write" : "create", to, by);
}
