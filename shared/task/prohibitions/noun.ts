import { advisory, byPath, type Case, type Effect, onlyTheTask, ruled } from "./effects.ts";
import { isDependencies, isGit, isNetwork, isTests } from "./nouns.ts";
import { classifyRun } from "./run.ts";

/** "No new dependencies", and what stands below "Out of scope:". */
export function classifyNoun(one: Case): Effect[] {
  const { object, limited, facts } = one;
  const { words } = object;
  const git: Effect[] = [
    ...(/\b(commits?|committing)\b/.test(words) ? ruled("no-commit") : []),
    ...(/\b(staging|staged?|git add)\b/.test(words) ? ruled("no-stage") : []),
  ];
  if (git.length > 0 && object.paths.length === 0) return git;
  const run = object.paths.length === 0 ? classifyRun(words) : advisory;
  if (isGit(words) || run !== advisory) return run;
  if (isTests(words)) return [...ruled("no-test-changes", one), ...(byPath(one) ?? [])];
  if (object.paths.length + object.soft.length > 0 && !isDependencies(words.replace(/\S*[./]\S*/g, ""))) {
    const places = /^((any|additional|extra) )*new (files?|modules?)\b/.test(words);
    if (places && object.paths.some((path) => facts.namedBelow(path).length > 0))
      return ruled("no-new-files");
    return byPath(one) ?? advisory;
  }
  if (isNetwork(words) || /^(any )?downloads?\b/.test(words)) return ruled("no-network");
  if (isDependencies(words)) return ruled("no-new-dependencies", one);
  if (
    /^((any|file|or|and) )*(renames?|renaming|moves|moving)( of)?( (any|the|files?|director(y|ies)|folders?|or|modules?))*$/.test(
      words,
    )
  )
    return ruled("no-rename");
  if (
    /^((any|file|or|and) )*(deletions?|deletes|removals?)( of)?( (any|the|files?|director(y|ies)|folders?))*$/.test(
      words,
    )
  )
    return ruled("no-delete");
  if (/^((any|all|the) )*other files?\b/.test(words)) return [...onlyTheTask, ...ruled("no-new-files")];
  if (
    /^((any|more|no) )*((new|additional|extra|further|unlisted|other) )+(files?|modules?|scripts?|director(y|ies)|folders?)\b|^((any|new) )*file creation\b|^((any|new) )*creation of ((any|new) )*files?\b|^files?$/.test(
      words,
    )
  )
    return ruled("no-new-files", one);
  if (limited.beyond && (object.universal || words === ""))
    return [{ kind: "beyond", paths: limited.beyond, names: limited.names }];
  if (object.universal && (object.other || limited.other)) return onlyTheTask;
  return /^((any|the|other) )*unrelated files?\b/.test(words) ? onlyTheTask : advisory;
}
