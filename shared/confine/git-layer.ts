import { lstatSync } from "node:fs";
import { join } from "node:path";
import type { Matcher } from "../scope/matcher.ts";
import { frozenMatcher } from "../scope/surroundings.ts";
import { captureGit } from "../tree/git.ts";
import { gitChanges } from "./git-changes.ts";
import { type GitLanded, landGit } from "./git-land.ts";
import { readLayer } from "./layer.ts";
import type { Policy } from "./policy.ts";
import { isBelow } from "./tools.ts";

/** The scope of a run, compiled as of when the run was made. */
export function matcherOf(policy: Policy): Matcher {
  return frozenMatcher(policy.scope, policy.around);
}

/** Brings in what a command did in the git directory and may do there; names the rest. */
export async function applyGit(policy: Policy, taken: string, since: bigint): Promise<GitLanded> {
  const { commonDir, gitDir, root, scope } = policy;
  const top = join(taken, "top", "upper", ".git");
  const inside = isBelow(commonDir, root);
  const upper = inside ? top : join(taken, "git", "upper");
  const replaced = [...(inside ? [] : [top]), upper].some((path) => {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    return stats !== undefined && (path !== upper || !stats.isDirectory());
  });
  if (replaced) return { applied: [], refused: [{ name: ".git", kind: "other" }], conflicts: [] };
  if (lstatSync(upper, { throwIfNoEntry: false }) === undefined)
    return { applied: [], refused: [], conflicts: [] };
  const own = gitDir === commonDir ? "" : `${gitDir.slice(commonDir.length + 1)}/`;
  const changes = await gitChanges({
    ...{ lower: commonDir, upper, own },
    changes: readLayer({ upper, lower: commonDir, tar: policy.tools.tar, inner: inside }),
    git: (indexFile) => captureGit({ directory: root, indexFile }),
  });
  const opened = scope.rules.includes("may-stage") || scope.rules.includes("may-commit");
  if (changes.length === 0 || !opened) return { applied: [], refused: changes, conflicts: [] };
  const alternate = join(upper, "objects");
  return landGit({
    ...{ changes, matcher: matcherOf(policy), gitDir, upperCommon: upper, upperOwn: join(upper, own), since },
    seeing: (indexFile) =>
      captureGit({ directory: root, alternate, ...(indexFile !== undefined && { indexFile }) }),
    own: captureGit({ directory: root }),
  });
}
