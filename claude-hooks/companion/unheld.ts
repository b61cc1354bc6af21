import { join } from "node:path";
import { type HeldCommand, type HeldResult, runConfined } from "../../shared/confine/run.ts";
import { EXIT } from "../../shared/errors.ts";
import { createMatcher } from "../../shared/scope/matcher.ts";
import { quote } from "../../shared/scope/quote.ts";
import { surroundingsOf } from "../../shared/scope/surroundings.ts";
import type { Scope } from "../../shared/task/spec.ts";
import { type Change, changesSince } from "../../shared/tree/changes.ts";
import type { Repository } from "../../shared/tree/repository.ts";
import { takeSnapshot } from "../../shared/tree/snapshot.ts";

const MOST_NAMED = 12;

/**
 * Runs a command that cannot be held, and compares the working tree before and after. What it changed out of
 * scope is in the tree; it is named, and the command does not end with 0.
 */
export async function runAudited(
  held: HeldCommand,
  tree: Repository,
  scope: Scope,
  scratch: readonly string[],
): Promise<HeldResult & { outOfScope: string[] }> {
  const matcher = createMatcher(scope, surroundingsOf(tree.root));
  const options = { scratch: [...scratch], allow: scope.allow };
  const snapshot = await takeSnapshot(tree, join(held.runDir, "snapshot"), options);
  const done = await runConfined(held);
  const { changes, git } = await changesSince(snapshot);
  const allowed = (change: Change) => matcher.classify(change.path, actOf(change)).decision === "allow";
  const outOfScope = [
    ...changes.filter((change) => !allowed(change)).map((change) => change.path),
    ...git.map((change) => change.name),
  ];
  if (outOfScope.length > 0) {
    const named = outOfScope.slice(0, MOST_NAMED).map((path) => quote(path));
    const more = outOfScope.length > MOST_NAMED ? ` and ${outOfScope.length - MOST_NAMED} more` : "";
    process.stderr.write(
      `handrail: changed, and not in the scope of this task: ${named.join(", ")}${more}\n`,
    );
  }
  return {
    ...done,
    applied: changes.filter(allowed).map((change) => change.path),
    code: done.code === 0 && outOfScope.length > 0 ? EXIT.violated : done.code,
    outOfScope,
  };
}

function actOf({ status }: Change): "create" | "delete" | "modify" {
  if (status === "added") return "create";
  return status === "deleted" ? "delete" : "modify";
}
