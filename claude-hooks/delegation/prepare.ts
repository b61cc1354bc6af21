import { statSync } from "node:fs";
import { homedir } from "node:os";
import { resolve } from "node:path";
import { HandrailError } from "../../shared/errors.ts";
import { requireStateOutside } from "../../shared/state/place.ts";
import { lineage } from "../../shared/task/lineage.ts";
import { loadTask } from "../../shared/task/load.ts";
import { findPromptTask } from "../../shared/task/prompt.ts";
import { captureBaseline } from "../../shared/tree/baseline.ts";
import { openRepository, type Repository } from "../../shared/tree/repository.ts";
import { opencodePluginInstalled } from "../install/detect.ts";
import type { Delegation } from "./detect.ts";
import type { Problem } from "./findings.ts";

const DIRECT = "Run `opencode run` directly, or `handrail run FILE`.";
const PROBLEMS: Record<Problem, string> = {
  "leaves-environment":
    "sudo, su, containers and other terminals start OpenCode without the environment that holds it to its task",
  "drops-environment": "this command drops the environment that holds OpenCode to its task",
  "sets-config":
    "this command sets a variable that holds OpenCode to its task (put configuration in a file and name it in OPENCODE_CONFIG)",
  pure: "--pure starts OpenCode without its plugins, and so without what holds it to its task",
  attach: "nothing is known of the server it attaches to; `handrail session new` uses one that holds",
};

/**
 * Prepares a delegation that is about to start: OpenCode must have Handrail's plugin, and a task that the
 * command names must have its baseline.
 * @param cwd where the command starts, absolute
 * @returns why it must not start and what to do, or undefined when it may
 */
export async function prepareDelegation(
  delegation: Delegation,
  command: string,
  cwd: string,
): Promise<string | undefined> {
  const [problem] = delegation.problems;
  if (problem) return `Handrail: ${PROBLEMS[problem]}. ${DIRECT}`;
  const directory = directoryOf(delegation, cwd);
  // What cannot be told is left to the environment: without the plugin OpenCode starts no model.
  if (directory === undefined) return undefined;
  const repo = await repositoryAt(directory);
  const plugin = opencodePluginInstalled(repo?.root ?? directory, process.env, directory);
  if (!plugin.installed) {
    const why = plugin.problem === undefined ? "" : ` (${plugin.problem})`;
    return `Handrail: OpenCode does not have Handrail's plugin here${why}, so nothing would hold it to its task. Run \`handrail init\`, then delegate again.`;
  }
  if (!repo) return undefined;
  try {
    requireStateOutside(repo.root);
    await captureBaselineOf(repo, command);
    return undefined;
  } catch (error) {
    if (!(error instanceof HandrailError)) throw error;
    return `Handrail: ${error.message}.${error.fix === undefined ? "" : ` Fix: ${error.fix}`}`;
  }
}

/** @returns where OpenCode will work: absolute, an existing folder; undefined where that cannot be told */
function directoryOf({ place }: Delegation, cwd: string): string | undefined {
  if (place === "unknown") return undefined;
  const named = place?.directory.replace(/^~(?=\/|$)/, process.env.HOME || homedir()) ?? ".";
  const directory = resolve(cwd, named);
  return statSync(directory, { throwIfNoEntry: false })?.isDirectory() ? directory : undefined;
}

/** @throws HandrailError when the baseline of the task that a command names cannot be captured */
async function captureBaselineOf(repo: Repository, command: string): Promise<void> {
  const task = findPromptTask(command, repo.root);
  if (!("file" in task) || task.kind === "missing") return;
  const spec = loadTask(task.file, repo.root);
  // The run of a task that does not parse fails and says why; it needs no baseline.
  if (!spec.ok) return;
  try {
    await captureBaseline(repo, { slug: lineage(spec, repo.root), allow: spec.scope.allow });
  } catch (error) {
    if (!(error instanceof HandrailError)) throw error;
    const { fix } = error;
    const options = fix === undefined ? { cause: error } : { fix, cause: error };
    throw new HandrailError(error.code, `no baseline for ${task.file}: ${error.message}`, options);
  }
}

/** @returns undefined where there is no repository to protect: OpenCode may only read there */
async function repositoryAt(directory: string): Promise<Repository | undefined> {
  try {
    return await openRepository(directory);
  } catch (error) {
    const codes = ["not-a-repository", "bare-repository"];
    if (error instanceof HandrailError && codes.includes(error.code)) return undefined;
    throw error;
  }
}
