import { existsSync, readdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../../shared/config/config.ts";
import { finishOpen } from "../../shared/confine/open.ts";
import { placesIn } from "../../shared/confine/places.ts";
import { removeTree } from "../../shared/confine/remove.ts";
import { type HeldResult, runConfined } from "../../shared/confine/run.ts";
import { prepareShell } from "../../shared/confine/shell.ts";
import { shWords } from "../../shared/confine/text.ts";
import { newRunId } from "../../shared/run/record.ts";
import { requireRun, runDir, turnDir } from "../../shared/run/store.ts";
import type { Frozen } from "../../shared/scope/surroundings.ts";
import { ownProgram } from "../../shared/serve/own-program.ts";
import { privateDir } from "../../shared/state/files.ts";
import { projectDir } from "../../shared/state/place.ts";
import { locateTask } from "../../shared/task/locate.ts";
import { requireTask } from "../../shared/task/require.ts";
import type { Scope } from "../../shared/task/spec.ts";
import { openHere } from "./here.ts";
import { runAudited } from "./unheld.ts";

export interface Wanted {
  /** One word is a command line; several are a program and its arguments. */
  words: readonly string[];
  cwd: string;
  /** As typed: from the repository root, or from `cwd`. One of the two. */
  task: string | undefined;
  run: string | undefined;
  buffer: boolean;
}

export interface Executed extends HeldResult {
  confinement: "overlay" | "none";
  /** Why there is no overlay. */
  reason?: string;
  /** Without an overlay: what the command changed and the task does not allow. It is in the tree. */
  outOfScope?: string[];
}

/**
 * Runs one shell command as the executor's shell would.
 * @throws HandrailError `invalid-task`, `not-found`, and what opening the repository throws
 */
export async function executeCommand(wanted: Wanted): Promise<Executed> {
  const repo = await openHere(wanted.cwd);
  const { scratch } = loadConfig(repo.root);
  await finishAbandoned(repo.root);
  const place = placeOf(wanted, repo.root);
  const shell = prepareShell({ tree: repo, scratch, applier: ownProgram("shell.cjs"), ...place });
  const { confinement } = shell;
  if (confinement.kind === "none") {
    process.stderr.write(`handrail: this command is not confined: ${confinement.reason}\n`);
  }
  try {
    const [line = ""] = wanted.words;
    const command = wanted.words.length === 1 ? line : shWords(wanted.words);
    const cwd =
      process.env.PWD && realpathSync(process.env.PWD) === realpathSync(wanted.cwd)
        ? process.env.PWD
        : wanted.cwd;
    const held = { ...shell, runDir: place.runDir, command, cwd, buffer: wanted.buffer };
    if (confinement.kind === "overlay") return { ...(await runConfined(held)), confinement: "overlay" };
    const audited = await runAudited(held, repo, place.scope, scratch);
    return { ...audited, confinement: "none", reason: confinement.reason };
  } finally {
    if (wanted.task !== undefined) await clear(place.runDir, shell.policy?.work);
  }
}

/** Scope and state folder: a run's own, or those of a task for this one command. */
function placeOf(
  wanted: Wanted,
  root: string,
): {
  runDir: string;
  scope: Scope;
  around?: Frozen;
  journal: string;
} {
  if (wanted.run !== undefined) {
    const record = requireRun(root, wanted.run);
    return {
      runDir: runDir(root, wanted.run),
      scope: record.spec.scope,
      around: record.around,
      journal: turnDir(record),
    };
  }
  const file = wanted.task ?? "";
  const spec = requireTask(locateTask(file, root, wanted.cwd), root);
  const dir = privateDir(join(executions(root), newRunId()));
  return { runDir: dir, scope: spec.scope, journal: dir };
}

/** State of single commands: each has its own layers, and a quarantine where something was refused. */
function executions(root: string): string {
  return join(projectDir(root), "exec");
}

/** What a killed `exec` has left: whoever comes next finishes it. */
async function finishAbandoned(root: string): Promise<void> {
  const parent = executions(root);
  for (const name of existsSync(parent) ? readdirSync(parent) : [])
    await finishOpen(join(parent, name), false);
}

/** Keeps nothing of the command but what was refused. */
async function clear(dir: string, work: string | undefined): Promise<void> {
  if (!(await finishOpen(dir, false))) return;
  const places = placesIn(dir);
  if (work !== undefined) removeTree(work);
  removeTree(places.dir);
  if (!existsSync(places.quarantine)) removeTree(dir);
}
