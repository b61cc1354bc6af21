import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Frozen } from "../scope/surroundings.ts";
import { privateDir } from "../state/files.ts";
import { projectDir } from "../state/place.ts";
import type { Scope } from "../task/spec.ts";
import type { Repository } from "../tree/repository.ts";
import { plainScript } from "./launcher.ts";
import { placesIn } from "./places.ts";
import type { Policy } from "./policy.ts";
import { prepareRun } from "./prepare.ts";
import { type Confinement, probe } from "./probe.ts";
import { findTool } from "./tools.ts";

export interface ShellInput {
  tree: Omit<Repository, "head">;
  runDir: string;
  scope: Scope;
  /** What the names in the scope were when the run was made. */
  around?: Frozen;
  /** Patterns of the configuration. */
  scratch: readonly string[];
  /** Where pre-images are kept: the turn's folder. By default the run's. */
  journal?: string;
  applier: Policy["applier"];
  /** The shell that runs the commands: by default bash, else sh. */
  userShell?: string;
  /** Folders that commands must not see, besides the state folder: the inbox. */
  hide?: readonly string[];
}

/** A run's shell: `<shellPath> -c COMMAND`. Without a policy it holds nothing. */
export interface Shell {
  confinement: Confinement;
  shellPath: string;
  policy: Policy | undefined;
}

/**
 * Finds out how commands of the working tree can be held, and writes the run's shell. May be repeated for
 * a later turn of the run: what waits to be applied, `/tmp` and the home layer stay.
 */
export function prepareShell(input: ShellInput): Shell {
  const { tree, runDir } = input;
  const confinement = probe(tree);
  if (confinement.kind === "none") {
    const places = placesIn(runDir);
    privateDir(places.dir);
    const userShell = input.userShell ?? (findTool("bash", tree.root) ? "bash" : "sh");
    writeFileSync(places.shell, plainScript(userShell, places.commands), { mode: 0o700 });
    chmodSync(places.shell, 0o700);
    return { confinement, shellPath: places.shell, policy: undefined };
  }
  const { mechanism, workParent } = confinement;
  const { shellPath, policy } = prepareRun({
    ...input,
    ...tree,
    mechanism,
    lock: treeLock(tree.root),
    ...(workParent !== undefined && { work: join(workParent, nameOf(runDir)) }),
  });
  return { confinement, shellPath, policy };
}

/** The lock that commands of one working tree hold while they run. */
export function treeLock(root: string): string {
  return join(privateDir(projectDir(root)), "commands.lock");
}

function nameOf(runDir: string): string {
  return runDir.replaceAll("/", "-").slice(-120);
}
