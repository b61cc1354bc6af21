import { advisory, type Effect, ruled } from "./effects.ts";
import { isDependencies, isGit, isNetwork } from "./nouns.ts";

/** "Do not run npm install", "no git commands": what a command that is not to be run would do. */
export function classifyRun(words: string): Effect[] {
  const effects: Effect[] = [];
  if (isGit(words)) {
    if (/\b(add|stage|rm|mv)\b/.test(words)) effects.push(...ruled("no-stage"));
    if (/\b(commit|merge|rebase|cherry-pick|revert|am)\b/.test(words)) effects.push(...ruled("no-commit"));
    const all =
      /^((any|the|other) )*git( (commands?|operations?|at all|itself|here))*$|\b(state-changing|write|mutating)\b/;
    if (effects.length === 0 && all.test(words)) effects.push(...ruled("no-stage"), ...ruled("no-commit"));
  }
  const installs =
    /\b(npm|pnpm|yarn|bun|pip3?|poetry|uv|cargo|go|gem|bundle|composer|apt|brew)\b.*\b(install|add|i|get|require|upgrade|update)\b/;
  const useful =
    /\b(new|external|third-party|additional|extra|other|any)\b/.test(words) && isDependencies(words);
  if (installs.test(words) || useful) effects.push(...ruled("no-new-dependencies"));
  if (isNetwork(words) || /\b(curl|wget)\b/.test(words)) effects.push(...ruled("no-network"));
  return effects.length > 0 ? effects : advisory;
}
