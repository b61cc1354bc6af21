import { HandrailError } from "../errors.ts";
import { hasFileScope, readFileScope } from "../task/file-scope.ts";

/** The prompt templates of the skill task-iteration, by the names of their files. */
export const TEMPLATES = [
  "initial-implementation",
  "initial-evaluation",
  "fix-iteration",
  "re-evaluation",
  "advisory-review",
] as const;
export type TemplateName = (typeof TEMPLATES)[number];

const PLACEHOLDER = /\{\{([A-Z][A-Z0-9_]*)\}\}/g;

/** Where a missing value would come from. */
const SOURCES: Record<string, string> = {
  FEATURE_SPEC: 'a "Specification" of the feature in the plan',
  USER_STORY: 'a "User story" of the feature in the plan',
  DELIVERABLE_STANDARD: 'a "Deliverable standard" of the feature or of the plan',
  TEST_SCENARIOS: '"Test scenarios" of the feature in the plan',
  AUTHORITY_REFERENCES: '"Authority references" of the feature or of the plan',
  PLAN: "--plan-text FILE, the plan that the user approved",
  FILE_SCOPE: '--scope-file FILE, or "Files to modify" of the feature in the plan',
  REVIEWER_FINDINGS: "--findings FILE, or an evaluation on record",
  BASE_REF: "--base REF, or handrail plan start",
  ROUND: "handrail plan record ... evaluation",
  MAX_FIX_ROUNDS: "handrail plan start",
};

/**
 * Fills a template. A value is put in as it stands; placeholders in it are not.
 * @param template its text, with `{{NAME}}` for each value
 * @returns the prompt. It has one file scope block, or only read-only ones, as its template
 * @throws HandrailError `bad-input` that names every value that is missing and where it would come from, or
 *   a value that would read as a file scope of its own
 */
export function fillTemplate(
  name: TemplateName,
  template: string,
  values: Readonly<Record<string, string | undefined>>,
): string {
  const wanted = [...new Set([...template.matchAll(PLACEHOLDER)].map((found) => found[1] ?? ""))];
  const missing = wanted.filter((key) => (values[key] ?? "").trim() === "");
  if (missing.length > 0) {
    const list = missing.map((key) => `${key}: ${SOURCES[key] ?? "no such value"}`).join("\n  ");
    throw new HandrailError("bad-input", `the template ${name} lacks values:\n  ${list}`, {
      fix: `add them, or say that there is none: --set ${missing[0]}=none`,
    });
  }
  for (const key of wanted) {
    if (key === "FILE_SCOPE" || !hasFileScope(values[key] ?? "")) continue;
    throw new HandrailError("bad-input", `${key} holds a "File scope" heading; a prompt has one file scope`, {
      fix: "name that heading otherwise",
    });
  }
  const prompt = template.replace(PLACEHOLDER, (_all, key: string) => (values[key] ?? "").trim());
  const had = readFileScope(template, { root: "/" }).kind;
  const has = readFileScope(prompt, { root: "/" }).kind;
  if (had !== has) throw new HandrailError("bad-input", `FILE_SCOPE would end the block it stands in`);
  return `${prompt.trim()}\n`;
}
