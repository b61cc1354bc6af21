import type { Item } from "./items.ts";

const things =
  "(the |all |your |these |any |its )*(result|results|changes?|work|patch|diff|fix|edits|modified files|everything)";
const may =
  "(you |it |opencode |the agent |the executor )?(may|can|should|must|are allowed to|is allowed to|are permitted to)( also| then)?";
const start =
  "^(please |then |finally |afterwards,? |when (done|finished|tests pass|all tests pass|everything passes),? |once (done|finished|tests pass),? |and |also |after that,? )*";
const actions = [
  { pattern: "commit", rule: "may-commit" },
  { pattern: "stage", rule: "may-stage" },
] as const;

/** Whether an item gives leave to stage or to commit: "You may commit", "Commit the result when tests pass". */
export function readPermissions(item: Item): ("may-stage" | "may-commit")[] {
  const found = new Set<"may-stage" | "may-commit">();
  for (const sentence of item.text
    .toLowerCase()
    .replace(/[*_`]/g, "")
    .split(/[.;!](?:\s|$)|\bbut (?=(?:please |you )?(?:do not|don['’]t|never|must not)\b)/)) {
    const text = sentence.trim();
    if (text.length > 400 || /\b(not|never|don't|without|no|unless|if|cannot)\b|n't\b/.test(text)) continue;
    for (const { pattern, rule } of actions) {
      const both = `(stage (and|or|and\\/or) commit|commit (and|or) stage|${pattern}( and push)?)`;
      const allowed = new RegExp(
        `${start}${may} (git )?${both}\\b(?! (the |a |its |this )?(transaction|offset|cursor|batch|session|message))`,
      );
      const told = new RegExp(
        `${start}(git )?${both} (${things}\\b|when |once |after |with (the |a )?message|as (one|a single|soon)|in (one|a single))`,
      );
      const told2 = /^(commits|committing|staging) (are|is) (allowed|permitted|fine|ok|okay)\b/;
      const named = pattern === "commit" ? /^comm/.test(text) : text.startsWith("staging");
      if (allowed.test(text) || told.test(text) || (named && told2.test(text))) found.add(rule);
    }
  }
  return [...found];
}
