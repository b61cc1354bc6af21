import { lstatSync, readlinkSync, realpathSync, type Stats } from "node:fs";
import { dirname, isAbsolute, parse, resolve, sep } from "node:path";
import type { Refusal } from "./decision.ts";
import { hasSeveralForms } from "./names.ts";

/** Where tools of an OpenCode instance resolve paths. */
export interface Place {
  /** Real path of the working tree's top level. */
  root: string;
  /** The directory of the OpenCode instance; relative paths start here. */
  directory: string;
}

/** A path as a tool will reach it. Paths are relative to the root, `/`-separated; "" is the root itself. */
export interface Resolved {
  /** After removing `.` and `..` from the text; undefined outside the root. */
  lexical: string | undefined;
  /** After following links; undefined where they lead out of the root. */
  real: string | undefined;
  /** The real path, absolute. */
  target: string;
  stats: Stats | undefined;
}

const MOST_LINKS = 40;
const MOST_BYTES = 4096;
const MOST_NAME_BYTES = 255;

/**
 * Resolves a path as OpenCode's tools do (they join it to the directory, which removes `..` from the text;
 * an absolute path goes to the system as it is) and follows every link on the way.
 * @param given as the tool was given it
 * @param follow whether the tool follows a link at the end (writing does, deleting does not)
 * @returns a refusal where the path cannot be read in one way only
 */
export function resolvePath(given: string, place: Place, follow = true): Resolved | Refusal {
  const problem = problemOf(given);
  if (problem) return { decision: "refuse", path: given, ...problem };
  const absolute = resolve(place.directory, given);
  const lexical = insideRoot(absolute, place);
  const reached =
    lexical === undefined ? walk(parse(absolute).root, absolute, follow) : walk(place.root, lexical, follow);
  if ("problem" in reached) return refusal(reached, lexical ?? given);
  if (/(^|[/\\])\.\.([/\\]|$)/.test(given)) {
    const start = isAbsolute(given) ? parse(given).root : real(place.directory);
    const raw = walk(start, given, follow);
    // A relative path never reaches the system with its dots: what does not exist cannot lead elsewhere.
    const differs = "problem" in raw ? !raw.nowhere || isAbsolute(given) : raw.target !== reached.target;
    if (differs) {
      return refusal(
        { problem: "'..' behind a link means different files to different programs" },
        lexical ?? given,
      );
    }
  }
  return { lexical, real: below(reached.target, place.root), target: reached.target, stats: reached.stats };
}

/** The path relative to the root where it lies in it by its text, also through another name of the root. */
function insideRoot(absolute: string, place: Place): string | undefined {
  const direct = below(absolute, place.root);
  if (direct !== undefined) return direct;
  // The instance may have been started, or a path be given, through a link to the repository.
  const names = split(absolute);
  let folder = parse(absolute).root;
  for (const [index, name] of names.entries()) {
    folder = folder.endsWith(sep) ? folder + name : folder + sep + name;
    const home = below(real(folder), place.root);
    if (home !== undefined) return [home, ...names.slice(index + 1)].filter((part) => part !== "").join("/");
  }
  return undefined;
}

function below(absolute: string, root: string): string | undefined {
  if (absolute === root) return "";
  const base = root.endsWith(sep) ? root : root + sep;
  if (!absolute.startsWith(base)) return undefined;
  const rest = absolute.slice(base.length);
  return sep === "/" ? rest : rest.replaceAll(sep, "/");
}

function real(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    // What does not exist has no other name.
    return path;
  }
}

type Walked = { target: string; stats: Stats | undefined } | Stuck;
type Stuck = { problem: string; code?: Refusal["code"]; nowhere?: true };

/** Follows a path one name at a time, as the kernel does. */
function walk(start: string, path: string, follow: boolean): Walked {
  let here = start;
  let stats: Stats | undefined;
  let links = 0;
  const names = split(path);
  for (let name = names.shift(); name !== undefined; name = names.shift()) {
    if (name === "..") {
      here = dirname(here);
      continue;
    }
    const next = here.endsWith(sep) ? here + name : here + sep + name;
    try {
      stats = lstatSync(next, { throwIfNoEntry: false });
      if (hasSeveralForms(name) && hasTwin(here, name, stats)) {
        return { problem: "the folder holds this name in another Unicode form, too", code: "bad-arguments" };
      }
      if (stats?.isSymbolicLink() && (names.length > 0 || follow)) {
        if (++links > MOST_LINKS) return { problem: "a loop of links" };
        const target = readlinkSync(next);
        if (isAbsolute(target)) here = parse(target).root;
        names.unshift(...split(target));
        continue;
      }
    } catch (error) {
      const reason = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
      return { problem: `cannot be looked up (${reason})`, code: "bad-arguments" };
    }
    here = next;
    if (!stats && names.length > 0) {
      if (names.includes("..")) return { problem: "'..' behind a folder that does not exist", nowhere: true };
      return { target: [here, ...names].join(sep), stats: undefined };
    }
    if (stats && names.length > 0 && !stats.isDirectory()) {
      return { problem: "a file stands where a folder is meant", code: "bad-arguments" };
    }
  }
  return { target: here, stats };
}

function split(path: string): string[] {
  return path.split(sep === "/" ? "/" : /[/\\]/).filter((name) => name !== "" && name !== ".");
}

/** Whether the folder has a different file under another Unicode form of the name. */
function hasTwin(folder: string, name: string, stats: Stats | undefined): boolean {
  return (["NFC", "NFD"] as const).some((form) => {
    const other = name.normalize(form);
    if (other === name) return false;
    const twin = lstatSync(folder + sep + other, { throwIfNoEntry: false });
    return twin !== undefined && (twin.ino !== stats?.ino || twin.dev !== stats.dev);
  });
}

function refusal(walked: Stuck, path: string): Refusal {
  return { decision: "refuse", code: walked.code ?? "link", path, detail: walked.problem };
}

const control =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]|\p{Surrogate}/u;

/** What keeps a text from being one path for every program that reads it. */
function problemOf(given: string): { code: Refusal["code"]; detail: string } | undefined {
  const bad = (detail: string) => ({ code: "bad-arguments" as const, detail });
  if (given === "") return bad("the path is empty");
  if (control.test(given)) return bad("the path holds control or invisible characters");
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(given)) return bad("give a path, not a URL");
  if (/^~[^/\\]*([/\\]|$)/.test(given) && !/^~[$.]|^~[^/\\]*\.[^/\\]*$/.test(given)) {
    return { code: "outside-repository", detail: "'~' is a home directory to some programs" };
  }
  if (Buffer.byteLength(given) >= MOST_BYTES) return bad("the path is too long");
  if (given.split(/[/\\]/).some((name) => Buffer.byteLength(name) > MOST_NAME_BYTES))
    return bad("a name in the path is too long");
  if (process.platform === "win32") {
    const local = given.replace(/^[a-z]:/i, "");
    if (/:|^[/\\]{2}|[. ]([/\\]|$)/.test(local.replace(/(^|[/\\])\.{1,2}(?=[/\\]|$)/g, "$1_")))
      return bad("names that Windows reads in its own way");
  } else if (given.includes("\\")) return bad("write '/' between folders, not '\\'");
  return undefined;
}
