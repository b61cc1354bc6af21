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
  const objects = jsonObjects(answer).filter((value) => Object.hasOwn(value, "findings"));
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

/** The worst first; the same claim about the same place once. */
export function sorted(findings: readonly Finding[]): Finding[] {
  const seen = new Set<string>();
  return findings
    .filter(({ file, line, claim }) => {
      const key = JSON.stringify([file, line, claim]);
      return !seen.has(key) && seen.add(key);
    })
    .toSorted((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity));
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

/** The JSON objects in a text that stand for themselves: not those inside another. */
function jsonObjects(text: string): Record<string, unknown>[] {
  const found: Record<string, unknown>[] = [];
  for (let at = text.indexOf("{"); at >= 0; ) {
    const end = endOfObject(text, at);
    const value = end === undefined ? undefined : parsed(text.slice(at, end));
    if (value) found.push(value);
    at = text.indexOf("{", value && end !== undefined ? end : at + 1);
    // A text of nothing but braces would otherwise be read by the square.
    if (!value && found.length === 0 && at > 200_000) break;
  }
  return found;
}

/** Where the object that begins at `from` ends; strings are passed over. */
function endOfObject(text: string, from: number): number | undefined {
  let depth = 0;
  let quoted = false;
  const last = Math.min(text.length, from + 400_000);
  for (let at = from; at < last; at++) {
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
