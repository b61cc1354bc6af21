import { lstatSync, readFileSync, realpathSync, statSync } from "node:fs";
import { pipesIn } from "./pipes.ts";
import type { View } from "./policy.ts";
import { isBelow } from "./tools.ts";

/** Each takes a descriptor in the script, and sh has names for those up to 9. */
const MOST_OPENED = 6;

/** Variables that name a tool's cache or its own folder of tools. Each is writable, and dropped, like home. */
const CACHES = [
  ...["XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "npm_config_cache"],
  ...["YARN_CACHE_FOLDER", "PNPM_HOME", "BUN_INSTALL", "DENO_DIR", "CARGO_HOME", "RUSTUP_HOME", "GOPATH"],
  ...["GOCACHE", "GOMODCACHE", "PIP_CACHE_DIR", "UV_CACHE_DIR", "PYENV_ROOT", "GRADLE_USER_HOME"],
  ...["NUGET_PACKAGES", "DOTNET_CLI_HOME", "COMPOSER_HOME", "GEM_HOME", "BUNDLE_PATH", "CCACHE_DIR"],
];
const MOST_CACHES = 8;

export interface ViewInput {
  /** Real paths. */
  root: string;
  commonDir: string;
  home: string | undefined;
  tmpdir: string | undefined;
  /** Where tools keep their caches, if somebody has said so (`cachesIn`). */
  caches: readonly string[];
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
  const room = MOST_OPENED - opened([...overlays.keys()]).length;
  const originals = neighbours(scratch, [root, commonDir], overlays).slice(0, Math.max(0, room));
  const writable = [root, commonDir, ...(home === undefined ? [] : [home])];
  for (const [index, cache] of outerCaches(input.caches, writable, originals, scratch).entries()) {
    const more = opened([...overlays.keys(), cache]).length + originals.length;
    if (more <= MOST_OPENED) add(cache, `keep/cache${index}`);
  }
  return {
    overlays: byDepth([...overlays].map(([target, layer]) => ({ target, layer }))),
    originals,
    shown: runtime ? [{ source: "keep/runtime", target: runtime }] : [],
    hidden: outermost(input.hide.flatMap((path) => folder(path) ?? [])).filter(
      (path) => !replaced.some((one) => isBelow(path, one)),
    ),
    unread: [...input.unread],
    sockets: [...listening(), ...pipesIn("/run")].filter((path) => {
      // Nobody listens on a socket's copy in an overlay; of two that hold it the inner one counts.
      const over = innermost([...overlays.keys(), ...replaced], path);
      return over === undefined || originals.some((one) => isBelow(one, over) && isBelow(path, one));
    }),
  };
}

function innermost(folders: readonly string[], path: string): string | undefined {
  return folders.filter((one) => isBelow(path, one)).sort((a, b) => b.length - a.length)[0];
}

/** Folders that the environment names as caches. */
export function cachesIn(env: NodeJS.ProcessEnv): string[] {
  return CACHES.flatMap((name) => env[name] ?? []);
}

/** Caches that lie neither in what is writable anyway, nor around it. */
function outerCaches(
  caches: readonly string[],
  writable: readonly string[],
  originals: readonly string[],
  scratch: readonly (string | undefined)[],
): string[] {
  const isIn = (path: string, folders: readonly (string | undefined)[]) =>
    folders.some((one) => one !== undefined && isBelow(path, one));
  return outermost(caches.flatMap((path) => folder(path) ?? []))
    .filter((path) => !isIn(path, writable) && !writable.some((one) => isBelow(one, path)))
    .filter((path) => !isIn(path, scratch) || isIn(path, originals))
    .slice(0, MOST_CACHES);
}

/**
 * Which of these mount points a script has to reach through a descriptor: their names are covered by another
 * mount by then, or mean something in an option of an overlay.
 */
export function opened(targets: readonly string[]): string[] {
  return targets.filter(
    (path) => !/^[\w/.+-]+$/.test(path) || targets.some((other) => other !== path && isBelow(path, other)),
  );
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

/** Sockets in the file system on which somebody listens, or takes datagrams. Source: proc(5), `/proc/net/unix`. */
function listening(): string[] {
  const lines = readFileSync("/proc/net/unix", "utf8").split("\n");
  const paths = lines.flatMap((line) => {
    const match = /^\S+ \S+ \S+ (?:0001\d{4} \S+|\S+ 0002) \S+ +\d+ (\/.*)$/.exec(line);
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
