import * as z from "zod/mini";

/** From the worst to the least. */
export const SEVERITIES = ["Critical", "High", "Medium", "Low"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** What other reviewers call these. */
const OTHER_NAMES: Record<string, Severity> = {
  blocker: "Critical",
  severe: "Critical",
  major: "High",
  moderate: "Medium",
  minor: "Low",
  info: "Low",
  informational: "Low",
  note: "Low",
  nit: "Low",
};

const MAX_FINDINGS = 200;
/** Longer texts of a reviewer are cut, in characters. */
const MAX_TEXT = 2_000;

const words = z.pipe(
  z.string().check(z.trim(), z.minLength(1)),
  z.transform((text) => text.slice(0, MAX_TEXT)),
);
const severitySchema = z.pipe(
  z.pipe(
    z.string(),
    z.transform((name) => {
      const plain = name.trim().toLowerCase();
      return OTHER_NAMES[plain] ?? SEVERITIES.find((one) => one.toLowerCase() === plain) ?? name;
    }),
  ),
  z.enum(SEVERITIES),
);
const lineSchema = z.pipe(
  z.optional(z.nullable(z.union([z.number(), z.string()]))),
  z.transform((line) => {
    const number = typeof line === "string" ? Number.parseInt(line, 10) : line;
    return typeof number === "number" && Number.isSafeInteger(number) && number > 0 ? number : null;
  }),
);

/** One finding, as a reviewer has to give it. */
export const findingSchema = z.object({
  severity: severitySchema,
  /** Relative to the repository root; empty for a finding about no one file. */
  file: z.pipe(
    z.optional(z.nullable(z.string())),
    z.transform((file) => (file ?? "").trim().slice(0, 400)),
  ),
  line: lineSchema,
  claim: words,
  evidence: words,
});
export type Finding = z.infer<typeof findingSchema>;

export const classificationSchema = z.enum(["PASS", "PASS_WITH_NOTES", "FAIL", "unclassified"]);
export type Classification = z.infer<typeof classificationSchema>;

const answerSchema = z.object({
  findings: z.array(findingSchema).check(z.maxLength(MAX_FINDINGS)),
  classification: z.optional(z.nullable(z.string())),
});

export type Reading = { ok: true; findings: Finding[] } | { ok: false; problem: string };

/**
 * `PASS` without findings, `PASS_WITH_NOTES` with none above Medium, `FAIL` with a Critical or High one. A
 * reviewer that could not be read is never classified.
 */
export function classify(reading: Reading): Classification {
  if (!reading.ok) return "unclassified";
  if (reading.findings.some(({ severity }) => severity === "Critical" || severity === "High")) return "FAIL";
  return reading.findings.length === 0 ? "PASS" : "PASS_WITH_NOTES";
}

/**
 * Reads the findings in a reviewer's answer: a JSON object with `findings`, alone, in a code block, or in
 * prose. Several such objects count together; one that does not fit its schema makes the answer unreadable.
 * @param answer a model's words: untrusted
 * @returns the worst first, without repetitions; or what is wrong, in words for the reviewer
 */
export function readFindings(answer: string): Reading {
  if (answer.length > MAX_ANSWER)
    return { ok: false, problem: `the answer is longer than ${MAX_ANSWER} characters` };
  const objects = answersIn(answer);
  if (!objects) return { ok: false, problem: 'an object with "findings" is not whole JSON' };
  if (objects.length === 0) return { ok: false, problem: 'the answer holds no JSON object with "findings"' };
  const all: Finding[] = [];
  for (const object of objects) {
    const read = answerSchema.safeParse(object);
    if (!read.success) {
      const [issue] = read.error.issues;
      return {
        ok: false,
        problem: `${issue?.path.join(".") || "the object"}: ${issue?.message ?? "does not fit"}`,
      };
    }
    const own = classify({ ok: true, findings: read.data.findings });
    const said = read.data.classification?.toUpperCase().replace(/[\s-]+/g, "_");
    if (said === "FAIL" && own !== "FAIL")
      return { ok: false, problem: `classification is FAIL, but no finding is Critical or High` };
    all.push(...read.data.findings);
  }
  return { ok: true, findings: sorted(all) };
}

/** The worst first; the same claim about the same place once, at its worst. */
export function sorted(findings: readonly Finding[]): Finding[] {
  const seen = new Set<string>();
  return findings
    .toSorted((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity))
    .filter(({ file, line, claim }) => {
      const key = JSON.stringify([file, line, claim]);
      return !seen.has(key) && seen.add(key);
    });
}

/** How a reviewer is asked to answer; part of every reviewer's prompt. */
export const FINDINGS_FORMAT = `Answer with one JSON object and nothing else:

\`\`\`json
{
  "findings": [
    {
      "severity": "Critical | High | Medium | Low",
      "file": "path from the repository root, or empty",
      "line": 1,
      "claim": "what is wrong, in one sentence",
      "evidence": "what shows it: the code, a command and its output, the rule it breaks"
    }
  ]
}
\`\`\`

Critical: loses data, breaks security, or the feature does not work. High: a deliverable or a scenario is not met. Medium: works, but will cause trouble. Low: a remark. Without anything to find, "findings" is an empty list. Claim nothing that you have no evidence for.`;

/** Findings as a list for a prompt or a terminal: each on lines of its own, none of them a heading. */
export function findingsText(findings: readonly Finding[]): string {
  return findings
    .map(({ severity, file, line, claim, evidence }, index) => {
      const place = file === "" ? "" : ` ${oneLine(file)}${line === null ? "" : `:${line}`}`;
      return `${index + 1}. [${severity}]${place}: ${oneLine(claim)}\n   Evidence: ${oneLine(evidence)}`;
    })
    .join("\n");
}

function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ").trim();
}

const KEY = /"findings"\s*:/g;
/** A longer answer is none that was asked for. */
const MAX_ANSWER = 400_000;
/** Objects that may stand between the brace and its key `findings`. */
const MAX_BEFORE = 12;

/** The JSON objects with a key `findings` that stand for themselves. @returns undefined when one is broken */
function answersIn(text: string): Record<string, unknown>[] | undefined {
  const found: Record<string, unknown>[] = [];
  let end = 0;
  let tries = 0;
  for (const key of text.matchAll(KEY)) {
    if (key.index < end) continue; // inside the one before
    let from = key.index;
    for (let back = 0; back < MAX_BEFORE; back++) {
      from = from > end ? text.lastIndexOf("{", from - 1) : -1;
      if (from < end || ++tries > 100) return undefined;
      const to = endOfObject(text, from);
      const value = to === undefined || to < key.index ? undefined : parsed(text.slice(from, to));
      if (to === undefined || !value || !Object.hasOwn(value, "findings")) continue;
      found.push(value);
      end = to;
      break;
    }
    if (key.index >= end) return undefined;
  }
  return found;
}

/** Where the object that begins at `from` ends; strings are passed over. */
function endOfObject(text: string, from: number): number | undefined {
  let depth = 0;
  let quoted = false;
  for (let at = from; at < text.length; at++) {
    const char = text[at];
    if (quoted) {
      if (char === "\\") at++;
      else if (char === '"') quoted = false;
    } else if (char === '"') quoted = true;
    else if (char === "{") depth++;
    else if (char === "}" && --depth === 0) return at + 1;
  }
  return undefined;
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined; // braces of prose or code
  }
}
