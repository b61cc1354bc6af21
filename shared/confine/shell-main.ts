import { HandrailError } from "../errors.ts";
import type { Applied } from "./apply.ts";
import { applyCutOff, applyEnded, readPolicy } from "./finish.ts";
import { liftFolders } from "./lift.ts";
import { notApplied } from "./say.ts";

/** Not applying is worse than a wrong code: a command is never reported as done then. */
const NOT_APPLIED = 3;

/**
 * What a run's shell starts when a command has written something, with the lock held:
 *   apply RUNDIR CODE    the command has ended with CODE; ends with the code that the shell ends with
 *   finish RUNDIR        an earlier command was cut off
 *   lift RUNDIR CWD WORDS  a command is about to start that may rename folders
 */
async function main([verb, runDir, ...more]: string[]): Promise<number> {
  if (runDir === undefined) throw new Error("bad arguments");
  const policy = readPolicy(runDir);
  if (verb === "lift") {
    const [cwd = "", words = ""] = more;
    try {
      liftFolders(policy, cwd, words);
    } catch {
      // A convenience: without it the command finds that a folder cannot be renamed.
    }
    return 0;
  }
  if (verb !== "apply" && verb !== "finish") throw new Error("bad arguments");
  const exitCode = Number(more[0]);
  const done = verb === "apply" ? await applyEnded(policy, exitCode) : await applyCutOff(policy);
  for (const one of done) process.stderr.write(notApplied(one, policy.scope));
  return verb === "apply" ? codeOf(exitCode, done) : 0;
}

function codeOf(exitCode: number, done: readonly Applied[]): number {
  return exitCode === 0 && done.some((one) => one.counts) ? NOT_APPLIED : exitCode;
}

// Whoever reads may have gone: what was applied stays applied, and the code is the right one.
process.stderr.on("error", () => undefined);

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    const words = error instanceof HandrailError || error instanceof Error ? error.message : String(error);
    process.stderr.write(`handrail: what this command wrote was not applied: ${words}\n`);
    process.exitCode = NOT_APPLIED;
  },
);
