import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, lstatSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { HandrailError } from "../errors.ts";
import { privateDir } from "../state/files.ts";
import { projectDir } from "../state/place.ts";
import type { Repository } from "../tree/repository.ts";
import { workPlacesIn } from "./places.ts";
import { type Identity, MECHANISMS, type Mechanism } from "./policy.ts";
import { currentIdentity, prepareRun } from "./prepare.ts";
import { removeTree } from "./remove.ts";
import { shWords } from "./text.ts";
import { findTool, isBelow } from "./tools.ts";
import { workFolders } from "./work.ts";
import { overlayAttributes } from "./xattr.ts";

/** How commands of this working tree can be held, tried on the working tree itself. */
export type Confinement =
  | {
      kind: "overlay";
      mechanism: Mechanism /** Parent of the folders for upper layers. */;
      workParent: string | undefined;
    }
  | { kind: "none"; mechanism: "none"; reason: string; fix?: string };

const LONGEST_TRY = 20_000;

/**
 * Tries the mechanisms, best first, with a command that writes: what works here is known only by doing it.
 * @param only what to try; the variable `HANDRAIL_CONFINEMENT` narrows it too (`none`, or a mechanism)
 */
export function probe(tree: Omit<Repository, "head">, only: readonly Mechanism[] = MECHANISMS): Confinement {
  const none = (reason: string, fix?: string): Confinement => {
    return { kind: "none", mechanism: "none", reason, ...(fix !== undefined && { fix }) };
  };
  if (process.platform !== "linux") return none(`there is no overlay file system on ${process.platform}`);
  const wanted = process.env.HANDRAIL_CONFINEMENT;
  if (wanted === "none") return none("HANDRAIL_CONFINEMENT says none");
  const volume = volumeInside(tree.root);
  if (volume !== undefined) return none(`a volume is mounted inside the repository, at ${volume}`);
  let last = "no mechanism was tried";
  const bwrap = findTool("bwrap", tree.root) !== undefined;
  const possible = only.filter((one) => bwrap || !one.startsWith("bwrap"));
  for (const mechanism of possible.filter((one) => wanted === undefined || one === wanted)) {
    for (const workParent of workFolders()) {
      const problem = tryOn(tree, mechanism, workParent);
      if (problem === undefined) return { kind: "overlay", mechanism, workParent };
      last = problem;
    }
  }
  const stranger = strangersIn(tree.root, currentIdentity());
  return none(stranger?.reason ?? last, stranger?.fix ?? fixFor());
}

/**
 * A user's overlay takes changes of what is this user's and in the first group of this process only: the
 * kernel knows nobody else there (EOVERFLOW).
 */
export function strangersIn(
  root: string,
  { uid, gid, privileged }: Identity,
): { reason: string; fix: string } | undefined {
  if (privileged) return undefined;
  const found = [root, join(root, ".git")].map((path) => statSync(path));
  const other = found.find((stats) => stats.uid !== uid);
  if (other) {
    return {
      reason: `the repository belongs to another user (${other.uid})`,
      fix: "work as that user, or as root",
    };
  }
  const group = found.find((stats) => stats.gid !== gid)?.gid;
  if (group === undefined) return undefined;
  return {
    reason: `the repository belongs to a group (${group}) that is not your first one now`,
    fix: `newgrp ${group}, and start from there`,
  };
}

/** @returns why it does not work, or undefined */
function tryOn(
  tree: Omit<Repository, "head">,
  mechanism: Mechanism,
  workParent: string | undefined,
): string | undefined {
  const name = `probe-${randomBytes(6).toString("hex")}`;
  const runDir = privateDir(join(projectDir(tree.root), name));
  const work = workParent === undefined ? undefined : join(workParent, name);
  try {
    const { policy, hold } = prepareRun({
      ...tree,
      ...{ runDir, mechanism, scratch: [], lock: join(runDir, "lock") },
      ...(work !== undefined && { work }),
      scope: { allow: [], inspect: [], forbid: [], rules: [], noRead: [] },
      applier: { command: ["false"], environment: {} },
    });
    // A folder in place of a file: overlayfs marks it as opaque. In the overlay only.
    const marker = statSync(join(tree.root, ".git")).isDirectory() ? ".git/HEAD" : ".git";
    const line = `${hold.ending}\nexec ${shWords(hold.words)} "$@" ${hold.redirection}`;
    const command = `rm ${marker} && mkdir ${marker}`;
    const done = spawnSync(policy.tools.sh, ["-c", line, "sh", "-c", command], {
      cwd: tree.root,
      env: { ...process.env, PWD: tree.root },
      stdio: ["ignore", "ignore", "pipe"],
      timeout: LONGEST_TRY,
      killSignal: "SIGKILL",
    });
    if (done.error) return done.error.message;
    if (done.status !== 0) return lastLine(done.stderr);
    const upper = join(workPlacesIn(policy.work).top, "upper");
    if (!lstatSync(join(tree.root, marker)).isFile()) return "the overlay does not hold";
    const [attributes] = overlayAttributes(policy.tools.tar, upper, [marker]);
    return attributes?.get("opaque") === "y" ? undefined : "tar cannot read the overlay's attributes";
  } catch (error) {
    if (error instanceof HandrailError && error.code === "confinement-failed") return error.message;
    throw error;
  } finally {
    if (work !== undefined) removeTree(work);
    removeTree(runDir);
  }
}

function lastLine(stderr: Buffer): string {
  const lines = stderr.toString("utf8").trim().split("\n");
  return lines.find((line) => !line.startsWith("handrail:")) ?? lines.at(-1) ?? "";
}

/** Source: proc(5), `/proc/self/mountinfo`; its fifth field is the mount point, escaped in octal. */
function volumeInside(root: string): string | undefined {
  const points = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .map((point) =>
      point.replace(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8))),
    );
  return points.find((point) => point !== root && isBelow(point, root));
}

/** What a person can do about it, by what the kernel says of itself. */
function fixFor(): string | undefined {
  const setting = (name: string) => (existsSync(name) ? readFileSync(name, "utf8").trim() : undefined);
  if (setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") === "1") {
    return "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0";
  }
  if (setting("/proc/sys/kernel/unprivileged_userns_clone") === "0") {
    return "sudo sysctl -w kernel.unprivileged_userns_clone=1";
  }
  if (setting("/proc/sys/user/max_user_namespaces") === "0")
    return "sudo sysctl -w user.max_user_namespaces=10000";
  if (existsSync("/.dockerenv") || existsSync("/run/.containerenv")) {
    return "start the container with --security-opt seccomp=unconfined --security-opt apparmor=unconfined";
  }
  return undefined;
}
