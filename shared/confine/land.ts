import { chmodSync, existsSync, lstatSync, mkdirSync, rmdirSync, unlinkSync, utimesSync } from "node:fs";
import { posix } from "node:path";
import { below } from "../tree/bytes.ts";
import type { Judged } from "./judge.ts";
import type { LayerChange } from "./layer.ts";
import { mark, moved, placeFile } from "./place.ts";

export interface LandInput {
  root: string;
  upper: string;
  /** Nothing in the layer has been renamed: a new file bears no mark of the overlay, and may be moved. */
  plain: boolean;
  /** Whether somebody else has just changed what lies where a change goes. */
  isLate: (change: LayerChange) => boolean;
  /** Keeps the pre-images of these paths; called once, before the first change. */
  begin: (paths: readonly string[]) => void;
}

/** What landed, and what did not although it was allowed, with why. Folders end with a slash. */
export interface Landed {
  applied: string[];
  scratch: string[];
  failed: Failed[];
}

/** `problem`: undefined where somebody else was faster. */
export interface Failed {
  path: string;
  problem?: string;
}

/**
 * Brings allowed changes of a layer into the working tree, in order. May be called again on the same layer
 * after a crash: what was done is found done.
 * @param wanted changes whose fate is to apply, none of them in conflict
 * @param whole folders that may be moved as they are, with everything in them
 */
export function land(wanted: readonly Judged[], whole: ReadonlySet<string>, input: LandInput): Landed {
  const applied = wanted.filter(({ change, fate }) => fate.fate === "apply" && isContent(change));
  input.begin(applied.map(({ change }) => change.path));
  const landed: Landed = { applied: [], scratch: [], failed: [] };
  const marks: FolderMarks[] = [];
  const ways = new Ways(input.root);
  for (const { change, fate } of wanted) {
    try {
      if (!liesIn(change.path, whole)) {
        if (input.isLate(change)) {
          landed.failed.push({ path: shown(change) });
          continue;
        }
        ways.need(change.path);
        perform(change, whole, fate.fate === "scratch", input);
      }
      if (change.op === "touch") continue;
      if (change.op === "mkdir" || change.op === "chmod") marks.push(change);
      (fate.fate === "scratch" ? landed.scratch : landed.applied).push(shown(change));
    } catch (error) {
      landed.failed.push({ path: shown(change), problem: reason(error) });
    }
  }
  // Last and from the inside out: a mode may close a folder to its owner.
  for (const change of marks.reverse()) {
    if (!liesIn(change.path, whole)) markFolder(change, input.root, landed);
  }
  return { ...landed, applied: leaves(landed.applied), scratch: leaves(landed.scratch) };
}

/**
 * The folders on the way to changes. A command that may not remove a link can still have made a folder in its
 * place: what it wrote there would land where the link leads.
 */
class Ways {
  readonly #root: string;
  readonly #plain = new Set<string>();

  constructor(root: string) {
    this.#root = root;
  }

  /** @throws Error when something else than a folder is in the way */
  need(path: string): void {
    const folder = posix.dirname(path);
    if (folder === "." || this.#plain.has(folder)) return;
    this.need(folder);
    const stats = lstatSync(below(this.#root, folder), { throwIfNoEntry: false });
    if (!stats) return;
    if (!stats.isDirectory())
      throw new Error(`${stats.isSymbolicLink() ? "a link" : "a file"} is in the way`);
    this.#plain.add(folder);
  }
}

function perform(
  change: LayerChange,
  whole: ReadonlySet<string>,
  scratch: boolean,
  { root, upper, plain }: LandInput,
): void {
  const target = below(root, change.path);
  switch (change.op) {
    case "delete":
      opened(root, change.path, () => ifThere(() => unlinkSync(target)));
      break;
    case "rmdir":
      opened(root, change.path, () => ifThere(() => rmdirSync(target)));
      break;
    case "mkdir":
      opened(root, change.path, () => {
        if (whole.has(change.path) && moved(below(upper, change.path), target)) return;
        makeFolder(target);
      });
      break;
    case "put":
      opened(root, change.path, () => {
        const move = scratch || (plain && !change.exists);
        placeFile({ from: upper, root, path: change.path, marks: change.marks, move });
      });
      break;
    case "touch":
      ifThere(() => utimesSync(target, change.mtime, change.mtime));
      break;
    case "chmod": // with the other modes, at the end
    case "special":
      break;
  }
}

/** A folder that its owner may not write was open to the command for a while, and is again for this. */
function opened(root: string, path: string, act: () => void): void {
  try {
    act();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EACCES") throw error;
    const parent = below(root, posix.dirname(path));
    const mode = lstatSync(parent).mode & 0o7777;
    chmodSync(parent, mode | 0o700);
    try {
      act();
    } finally {
      chmodSync(parent, mode);
    }
  }
}

function makeFolder(target: string | Buffer): void {
  try {
    mkdirSync(target, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST" || !lstatSync(target).isDirectory()) throw error;
  }
}

/** What is gone already needs no deleting; a folder in which something refused remains stays. */
function ifThere(act: () => void): void {
  try {
    act();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    if (!["ENOENT", "ENOTDIR", "ENOTEMPTY", "EEXIST"].includes(code)) throw error;
  }
}

type FolderMarks = Extract<LayerChange, { op: "mkdir" | "chmod" }>;

function markFolder(change: FolderMarks, root: string, landed: Landed) {
  try {
    const folder = below(root, change.path);
    if (lstatSync(folder).isDirectory()) mark(folder, change.marks);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") {
      landed.failed.push({ path: shown(change), problem: reason(error) });
    }
  }
}

/**
 * New folders of scratch that may be moved as they are (an `npm install` is one rename for each package):
 * nothing in them is refused. Not the outermost one, which bears the overlay's mark.
 */
export function wholeFolders(judged: readonly Judged[], root: string): Set<string> {
  const made = new Set<string>();
  for (const { change, fate } of judged) {
    const plain = change.op === "mkdir" && (change.marks.mode & 0o700) === 0o700;
    if (plain && fate.fate === "scratch" && !existsSync(below(root, change.path))) made.add(change.path);
  }
  for (const { change, fate } of judged) {
    if (fate.fate === "scratch" && (change.op !== "mkdir" || made.has(change.path))) continue;
    for (let at = change.path.lastIndexOf("/"); at > 0; at = change.path.lastIndexOf("/", at - 1)) {
      made.delete(change.path.slice(0, at));
    }
  }
  const outermost = (path: string) => !made.has(posix.dirname(path));
  return new Set([...made].filter((path) => !outermost(path) && outermost(posix.dirname(path))));
}

function liesIn(path: string, whole: ReadonlySet<string>): boolean {
  if (whole.size === 0) return false;
  for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1)) {
    if (whole.has(path.slice(0, at))) return true;
  }
  return false;
}

/** A folder is named by what is in it, where something is. */
function leaves(paths: readonly string[]): string[] {
  const parents = new Set(paths.map((path) => `${posix.dirname(path)}/`));
  return paths.filter((path) => !(path.endsWith("/") && parents.has(path)));
}

function isContent(change: LayerChange): boolean {
  return !isFolder(change) && change.op !== "touch";
}

export function isFolder(change: LayerChange): boolean {
  return change.op === "mkdir" || change.op === "rmdir" || change.op === "chmod";
}

export function shown(change: LayerChange): string {
  return isFolder(change) ? `${change.path}/` : change.path;
}

function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message;
}
