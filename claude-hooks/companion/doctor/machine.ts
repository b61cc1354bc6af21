import { randomBytes } from "node:crypto";
import { rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CONFIG_FILE, loadConfig } from "../../../shared/config/config.ts";
import { probe } from "../../../shared/confine/probe.ts";
import { HandrailError } from "../../../shared/errors.ts";
import { privateDir } from "../../../shared/state/files.ts";
import { liesIn, stateDir } from "../../../shared/state/place.ts";
import { captureGit } from "../../../shared/tree/git.ts";
import { findGit } from "../../../shared/tree/git-binary.ts";
import { openRepository } from "../../../shared/tree/repository.ts";
import { OLDEST_NODE, VERSION } from "../../../shared/version.ts";
import { ok, type Part, problem, warning } from "./part.ts";

/** What has to do with neither host. @param directory where the command was called */
export function machineParts(directory: string, root: string | undefined, env: NodeJS.ProcessEnv): Part[] {
  return [
    { name: "handrail", check: async () => ok(VERSION) },
    { name: "node", check: async () => checkNode() },
    { name: "git", check: () => checkGit(directory) },
    { name: "repository", check: () => checkRepository(directory) },
    { name: "state", check: async () => checkState(root, env) },
    ...(root === undefined ? [] : inRepository(directory, root)),
  ];
}

function inRepository(directory: string, root: string): Part[] {
  return [
    { name: "config", check: async () => checkConfig(root) },
    { name: "confinement", check: () => checkConfinement(directory) },
  ];
}

/** Without confinement Handrail still works, and says less: then no run is called clean. */
async function checkConfinement(directory: string) {
  const found = probe(await openRepository(directory));
  if (found.kind === "overlay") return ok(`overlay (${found.mechanism})`);
  return warning(
    `none: ${found.reason}; shell commands are checked before and audited after, not held`,
    found.fix ?? "run on Linux with user namespaces and overlayfs",
  );
}

function checkNode() {
  const version = process.versions.node;
  const isOld = version.localeCompare(OLDEST_NODE, "en", { numeric: true }) < 0;
  return isOld ? problem(`${version} is too old`, `install Node ${OLDEST_NODE} or newer`) : ok(version);
}

async function checkGit(directory: string) {
  const { file } = findGit(directory);
  const { text } = await captureGit({ directory })(["--version"]);
  return ok(`${text.replace(/^git version /, "")} (${file})`);
}

async function checkRepository(directory: string) {
  const { root, head } = await openRepository(directory);
  return ok(`${root} at ${head.slice(0, 10)}`);
}

/** Uses the state folder as a run does: makes it, writes and removes a file. */
function checkState(root: string | undefined, env: NodeJS.ProcessEnv) {
  const folder = stateDir(env);
  if (root !== undefined && liesIn(folder, root)) {
    return problem(
      `${folder} lies inside the repository, where an executor may write`,
      "set HANDRAIL_STATE_DIR to a folder outside",
    );
  }
  const probe = join(folder, `.doctor-${randomBytes(4).toString("hex")}`);
  try {
    privateDir(folder);
    writeFileSync(probe, "", { mode: 0o600, flag: "wx" });
    rmSync(probe);
  } catch (error) {
    const { code = "unknown error" } = (error instanceof HandrailError ? error.cause : error) as {
      code?: string;
    };
    return problem(`${folder} cannot be written (${code})`, "make it writable, or set HANDRAIL_STATE_DIR");
  }
  const stat = statSync(folder);
  if (process.getuid && stat.uid !== process.getuid()) {
    return problem(`${folder} belongs to another user`, "set HANDRAIL_STATE_DIR to a folder of your own");
  }
  if (process.platform !== "win32" && (stat.mode & 0o077) !== 0) {
    return problem(`${folder} can be entered by other users`, `chmod 700 '${folder}'`);
  }
  return ok(folder);
}

function checkConfig(root: string) {
  const { unbound } = loadConfig(root);
  const source = statSync(join(root, CONFIG_FILE), { throwIfNoEntry: false }) ? CONFIG_FILE : "defaults";
  return ok(`${source} (sessions without a task: ${unbound})`);
}
