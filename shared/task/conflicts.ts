import { coversPattern, isLiteral } from "./pattern.ts";
import type { Rule } from "./spec.ts";

/** Whether all that an allow pattern names is forbidden. */
export function isForbidden(pattern: string, forbids: Iterable<string>): boolean {
  for (const forbid of forbids) {
    if (
      forbid === pattern ||
      coversPattern(forbid, pattern) ||
      coversPattern(`${forbid.replace(/\/$/, "")}/`, pattern)
    )
      return true;
    if (forbid === pattern.replace(/\/$/, "") || forbid === `${pattern}**`) return true;
    const name = forbid.replace(/\/$/, "");
    if (!name.includes("/") && isLiteral(name) && isLiteral(pattern) && `/${pattern}/`.includes(`/${name}/`))
      return true;
    if (matchesGlob(forbid, pattern)) return true;
  }
  return false;
}

/** No staging and no commits unless the task gives leave; a commit needs staging. */
export function settleRules(given: ReadonlySet<Rule>): Rule[] {
  const rules = new Set(given);
  if (rules.has("no-commit")) rules.delete("may-commit");
  if (rules.has("no-stage")) rules.delete("may-stage");
  if (rules.has("may-commit") && !rules.has("no-stage")) rules.add("may-stage");
  if (!rules.has("may-commit")) rules.add("no-commit");
  if (!rules.has("may-stage")) rules.add("no-stage");
  return [...rules];
}

/** `**​/*.ts`, `*.ts` and `dir/**​/*.ts` against a plain path; other globs are not tried. */
export function matchesGlob(glob: string, path: string): boolean {
  const found = /^(.*?)(?:\*\*\/)?\*(\.[\w.]+)$/.exec(glob);
  if (!found || !isLiteral(path) || !isLiteral(found[1] ?? "*")) return false;
  return path.startsWith(found[1] ?? "") && path.endsWith(found[2] ?? "");
}
