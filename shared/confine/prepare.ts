import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { leasesDir } from "../lock/store.ts";
import { type Frozen, freezeSurroundings } from "../scope/surroundings.ts";
import { privateDir, writeJson } from "../state/files.ts";
import { stateDir } from "../state/place.ts";
import type { Scope } from "../task/spec.ts";
import type { ObjectFormat } from "../tree/repository.ts";
import { CLOSED } from "./command-script.ts";
import { writeGitHook } from "./git-hook.ts";
import { matcherOf } from "./git-layer.ts";
import { type Hold, holdWith } from "./hold.ts";
import { launcherScript } from "./launcher.ts";
import { freshLayer, makePart } from "./layers.ts";
import { DEVICES } from "./mount-table.ts";
import { ownPlaces } from "./own.ts";
import { placesIn, ROUNDS, workName, workPlacesIn } from "./places.ts";
import type { Identity, Mechanism, Policy, Tools, View } from "./policy.ts";
import { findTool, needTool } from "./tools.ts";
import { unreadPaths } from "./unread.ts";
import { cachesIn, viewOf } from "./view.ts";

export interface PrepareInput {
  root: string;
  gitDir: string;
  commonDir: string;
  objectFormat: ObjectFormat;
  runDir: string;
  /** What `probe` found. */
  mechanism: Mechanism;
  /** Where the layers go; the run's own folder unless its file system can hold none. */
  work?: string;
  /** Folder for pre-images. */
  journal?: string;
  /** One for each working tree: commands wait for each other. */
  lock: string;
  scope: Scope;
  /** What the names in the scope were when the run was made; by default what they are now. */
  around?: Frozen;
  scratch: readonly string[];
  /** Runs `shell-main`: program, arguments and variables. */
  applier: Policy["applier"];
  /** The shell that runs the commands: by default bash, else sh. */
  userShell?: string;
  /** Folders that commands must not see, besides the state folder. */
  hide?: readonly string[];
  environment?: NodeJS.ProcessEnv;
}

/**
 * Writes the shell of a run: its policy, frozen, and the scripts that hold commands to it.
 * @returns the program to be called as `<shellPath> -c COMMAND`, and how it holds a command
 * @throws HandrailError `confinement-failed` when a program is missing
 */
export function prepareRun(input: PrepareInput): { shellPath: string; hold: Hold; policy: Policy } {
  const env = input.environment ?? process.env;
  const places = placesIn(input.runDir);
  privateDir(places.dir);
  const work = workPlacesIn(input.work ?? join(places.dir, "work"));
  const policy = policyOf(input, work.dir, env);
  const identity = currentIdentity();
  const userShell = input.userShell ?? (policy.tools.bash ? "bash" : "sh");
  const view = viewOf({
    ...{ root: input.root, commonDir: input.commonDir, uid: identity.uid },
    ...{ home: env.HOME ?? homedir(), tmpdir: env.TMPDIR, caches: cachesIn(env) },
    hide: [stateDir(env), work.dir, ...(input.hide ?? [])],
    unread: unreadPaths(input.root, matcherOf(policy)).map((one) => ({
      ...one,
      path: join(input.root, one.path),
    })),
  });
  makeWork(policy, view, identity);
  const network = !input.scope.rules.includes("no-network");
  const hook = !input.scope.rules.includes("may-commit");
  const { commonDir, mechanism } = input;
  const inside = { policy, view, identity, userShell, network, hook, commonDir, table: places.table };
  const hold = holdWith(mechanism, inside, places);
  writeJson(places.policy, policy);
  for (const { path, text } of hold.scripts) writeScript(path, text);
  writeScript(places.shell, launcherScript(policy, hold));
  return { shellPath: places.shell, hold, policy };
}

const NOTHING_FIRST = { NODE_OPTIONS: "", BUN_OPTIONS: "" };

function policyOf(input: PrepareInput, work: string, env: NodeJS.ProcessEnv): Policy {
  const { root, gitDir, commonDir, runDir, scope, mechanism } = input;
  return {
    version: 1,
    ...{ runDir, work, root, gitDir, commonDir, scope, mechanism },
    around: input.around ?? freezeSurroundings(scope, root),
    // What the user's own programs are to load first is not for what applies layers: it may lie in the tree.
    applier: { ...input.applier, environment: { ...NOTHING_FIRST, ...input.applier.environment } },
    own: ownPlaces(root, input.applier.command),
    leases: { dir: leasesDir(root), owner: basename(runDir) },
    lock: input.lock,
    journal: input.journal ?? runDir,
    home: env.HOME ?? homedir(),
    scratch: [...input.scratch],
    objectFormat: input.objectFormat,
    tools: toolsOf(root),
  };
}

function toolsOf(root: string): Tools {
  const bash = findTool("bash", root);
  const ip = findTool("ip", root);
  const bwrap = findTool("bwrap", root);
  return {
    unshare: needTool("unshare", root),
    mount: needTool("mount", root),
    setpriv: needTool("setpriv", root),
    flock: needTool("flock", root),
    env: needTool("env", root),
    find: needTool("find", root),
    tar: needTool("tar", root),
    sh: needTool("sh", root),
    setsid: needTool("setsid", root),
    cat: needTool("cat", root),
    cp: needTool("cp", root),
    sleep: needTool("sleep", root),
    rm: needTool("rm", root),
    ...(bash !== undefined && { bash }),
    ...(ip !== undefined && { ip }),
    ...(bwrap !== undefined && { bwrap }),
  };
}

function makeWork(policy: Policy, view: View, identity: Identity): void {
  const work = workPlacesIn(policy.work);
  privateDir(work.dir);
  // A layer that waits to be applied stays: whoever prepares the shell again must not lose it.
  if (!existsSync(work.busy)) freshLayer(policy);
  privateDir(work.keep);
  privateDir(work.mask);
  mkdirSync(join(work.mask, CLOSED.folder), { recursive: true });
  chmodSync(join(work.mask, CLOSED.folder), 0);
  if (!existsSync(join(work.mask, CLOSED.file))) writeFileSync(join(work.mask, CLOSED.file), "", { mode: 0 });
  const shownAt = view.hidden[0];
  if (shownAt !== undefined) writeGitHook(work.mask, shownAt);
  for (const { target, layer } of view.overlays) {
    if (layer.startsWith("keep/")) makePart(join(work.dir, layer), target);
    for (let round = 0; round < ROUNDS; round++) privateDir(join(work.rounds, `${round}`, workName(layer)));
  }
  if (!existsSync(work.round)) writeFileSync(work.round, "0\n", { mode: 0o600 });
  for (const { source } of view.shown) privateDir(join(work.dir, source));
  if (identity.uid === 0) makeDevices(work.device);
}

/** What is shown as /dev to root, which could write a disk by its device file. */
function makeDevices(device: string): void {
  for (const name of ["", "pts", "shm"]) mkdirSync(join(device, name), { recursive: true, mode: 0o755 });
  for (const name of DEVICES) writeFileSync(join(device, name), "");
  const links = { fd: "/proc/self/fd", stdin: "fd/0", stdout: "fd/1", stderr: "fd/2", ptmx: "pts/ptmx" };
  for (const [name, target] of Object.entries(links)) link(target, join(device, name));
}

function link(target: string, path: string): void {
  try {
    symlinkSync(target, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

function writeScript(path: string, text: string): void {
  writeFileSync(path, text, { mode: 0o700 });
  chmodSync(path, 0o700);
}

const CAP_SYS_ADMIN = 21n;

/** Who this process is, and whether it may make namespaces without one for users. */
export function currentIdentity(): Identity {
  const uid = process.getuid?.() ?? 0;
  const gid = process.getgid?.() ?? 0;
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
  const mayMount = ((BigInt(`0x${effective}`) >> CAP_SYS_ADMIN) & 1n) === 1n;
  return { uid, gid, privileged: uid === 0 && mayMount };
}
