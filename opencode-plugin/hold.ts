import { spawn } from "node:child_process";
import type { Config } from "../shared/config/config.ts";
import { finishOpen } from "../shared/confine/open.ts";
import { prepareShell, type Shell } from "../shared/confine/shell.ts";
import { watchLayer } from "../shared/confine/watch.ts";
import { faultPoint } from "../shared/fault.ts";
import type { RunRecord } from "../shared/run/record.ts";
import { runDir, turnDir } from "../shared/run/store.ts";
import type { Matcher } from "../shared/scope/matcher.ts";
import { frozenMatcher } from "../shared/scope/surroundings.ts";
import { ownProgram } from "../shared/serve/own-program.ts";
import { lineage } from "../shared/task/lineage.ts";
import { isReadOnly, type Scope } from "../shared/task/spec.ts";
import { captureBaseline } from "../shared/tree/baseline.ts";
import { Journal } from "../shared/tree/journal.ts";
import { openRepository } from "../shared/tree/repository.ts";
import { takeSnapshot } from "../shared/tree/snapshot.ts";
import type { Snapshot } from "../shared/tree/snapshot-record.ts";

/** What a turn is held and judged by; all of it is made before the executor can do anything. */
export interface Hold {
  /** The scope, compiled; undefined for a turn that may only read. */
  matcher: Matcher | undefined;
  snapshot: Snapshot;
  journal: Journal;
  shell: Shell;
  baseline: { baseline: string; full: string } | undefined;
  /** Stops looking at how much commands write. */
  release: () => void;
}

const NOTHING: Scope = { allow: [], inspect: [], forbid: [], rules: ["no-commit", "no-stage"], noRead: [] };

/**
 * Makes the hold of a turn: baseline, snapshot, journal and the run's shell.
 * @param readOnly the turn may not write: its commands run against an empty scope
 * @throws HandrailError `git-failed`, `confinement-failed` and what opening the repository throws
 */
export async function makeHold(record: RunRecord, config: Config, readOnly: boolean): Promise<Hold> {
  const { spec, root } = record;
  const repo = await openRepository(root);
  const dir = runDir(root, record.run_id);
  await finishOpen(dir);
  const allow = spec.scope.allow;
  const slug = lineage(spec, root);
  // A turn that may change nothing has no contribution to show, and must not take the place of one that has.
  const baseline =
    readOnly || isReadOnly(spec.scope)
      ? undefined
      : await captureBaseline(repo, { slug, allow, scratch: config.scratch });
  const snapshot = await takeSnapshot(repo, turnDir(record), { scratch: config.scratch, allow });
  faultPoint("snapshot-taken");
  const shell = prepareShell({
    tree: repo,
    runDir: dir,
    journal: turnDir(record),
    scope: readOnly ? NOTHING : spec.scope,
    around: record.around,
    scratch: config.scratch,
    applier: ownProgram("shell.cjs"),
    ...(record.origin.inbox === undefined ? {} : { hide: [record.origin.inbox] }),
  });
  return {
    matcher: readOnly ? undefined : frozenMatcher(spec.scope, record.around),
    snapshot,
    journal: new Journal(turnDir(record), root, repo.objectFormat),
    shell,
    baseline: baseline && { baseline: baseline.baseline, full: baseline.full },
    release: shell.policy ? watchLayer(shell.policy) : () => undefined,
  };
}

/**
 * Waits until no command of the working tree runs: a file changed under a command's overlay stays unseen
 * in it. The kernel frees the lock with the process that holds it, so no killed call can leave it behind.
 */
export function commandsDone({ policy }: Shell): Promise<void> {
  if (!policy) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const child = spawn(policy.tools.flock ?? "flock", [policy.lock, "true"], { stdio: "ignore" });
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve() : reject(new Error(`flock ended with ${code}`))));
  });
}
