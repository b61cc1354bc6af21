import { lstatSync, readFileSync, realpathSync, statSync } from "node:fs";
import type { View } from "./policy.ts";
import { isBelow } from "./tools.ts";

/** Each takes a descriptor in the script, and sh has names for those up to 9. */
const MOST_LOWERS = 6;

export interface ViewInput {
  /** Real paths. */
  root: string;
  commonDir: string;
  home: string | undefined;
  tmpdir: string | undefined;
  uid: number;
  /** Folders that commands must not see: the state folder, the inbox, the work folder. */
  hide: readonly string[];
  /** Absolute paths that must not be read. */
  unread: View["unread"];
}

/** Lays out what a command sees. Looks at the file system: call it when the run starts. */
export function viewOf(input: ViewInput): View {
  const { root, commonDir } = input;
  const overlays = new Map([[root, "layer/top"]]);
  const add = (target: string | undefined, layer: string) => {
    if (target !== undefined && target !== "/" && !overlays.has(target)) overlays.set(target, layer);
  };
  if (!isBelow(commonDir, root)) add(commonDir, "layer/git");
  const home = folder(input.home);
  // A home inside the repository is part of it; what is written there is judged with the rest.
  if (home !== undefined && !isBelow(home, root)) add(home, "keep/home");
  const scratch = [folder("/tmp"), folder("/var/tmp"), folder(input.tmpdir)];
  scratch.forEach((target, index) => {
    add(target, `keep/scratch${index}`);
  });
  const runtime = folder(`/run/user/${input.uid}`);
  const replaced = [...(runtime ? [runtime] : []), "/dev"];
  const originals = neighbours(scratch, [root, commonDir], overlays).slice(
    0,
    Math.max(0, MOST_LOWERS - overlays.size),
  );
  return {
    overlays: byDepth([...overlays].map(([target, layer]) => ({ target, layer }))),
    originals,
    shown: runtime ? [{ source: "keep/runtime", target: runtime }] : [],
    hidden: outermost(input.hide.flatMap((path) => folder(path) ?? [])).filter(
      (path) => !replaced.some((one) => isBelow(path, one)),
    ),
    unread: [...input.unread],
    sockets: listening().filter((path) => {
      // Nobody listens on a socket's copy in an overlay; of two that hold it the inner one counts.
      const over = innermost([...overlays.keys(), ...replaced], path);
      return over === undefined || originals.some((one) => isBelow(one, over) && isBelow(path, one));
    }),
  };
}

function innermost(folders: readonly string[], path: string): string | undefined {
  return folders.filter((one) => isBelow(path, one)).sort((a, b) => b.length - a.length)[0];
}

/** Within a hidden folder there is nothing to mount another on. */
function outermost(folders: readonly string[]): string[] {
  const known = [...new Set(folders)];
  return known.filter((path) => !known.some((other) => other !== path && isBelow(path, other)));
}

/**
 * A repository below a scratch folder (`/tmp/x/repo`): what lies beside it is no scratch, and a write there
 * has to fail rather than to vanish.
 */
function neighbours(
  scratch: readonly (string | undefined)[],
  inner: readonly string[],
  overlays: ReadonlyMap<string, string>,
): string[] {
  const found = scratch.flatMap((outer) =>
    inner
      .filter((path) => outer !== undefined && path !== outer && isBelow(path, outer))
      .map((path) => `${outer}/${path.slice(`${outer}/`.length).split("/")[0]}`),
  );
  return [...new Set(found)].filter((path) => !overlays.has(path));
}

function byDepth<T extends { target: string }>(mounts: T[]): T[] {
  return mounts.sort((a, b) => a.target.split("/").length - b.target.split("/").length);
}

/** The real path of an existing folder. */
function folder(path: string | undefined): string | undefined {
  if (!path?.startsWith("/")) return undefined;
  try {
    return statSync(path).isDirectory() ? realpathSync(path) : undefined;
  } catch {
    return undefined; // not there, or not ours to look at
  }
}

/** Sockets in the file system on which somebody listens. Source: proc(5), `/proc/net/unix`. */
function listening(): string[] {
  const lines = readFileSync("/proc/net/unix", "utf8").split("\n");
  const paths = lines.flatMap((line) => {
    const match = /^\S+ \S+ \S+ 0001\d{4} \S+ \S+ +\d+ (\/.*)$/.exec(line);
    return match?.[1] ?? [];
  });
  return [...new Set(paths)].filter(isSocket);
}

function isSocket(path: string): boolean {
  try {
    return lstatSync(path).isSocket();
  } catch {
    return false; // gone, or out of this user's reach
  }
}
