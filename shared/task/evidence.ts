/** What Handrail can show for itself of a run, for `validation.must_include`. */
export interface Evidence {
  /** Validation commands that ran to an exit code. */
  ran: readonly string[];
  changed: readonly string[];
}

const KINDS: readonly { about: RegExp; missing: (evidence: Evidence) => string | undefined }[] = [
  {
    about: /\b(changed|modified|touched)\b.*\bfiles?\b|\bfiles?\b.*\b(changed|modified|touched)\b|\bdiff\b/i,
    missing: ({ changed }) => (changed.length > 0 ? undefined : "no file was changed"),
  },
  {
    about: /\bbuilds?\b|\bcompil/i,
    missing: ({ ran }) =>
      needs(ran, /\b(build|compile|tsc|make|cargo|gradle|mvn|go build|webpack|vite)\b/i, "build"),
  },
  {
    about: /\blint|\btype.?check/i,
    missing: ({ ran }) =>
      needs(ran, /lint|biome|prettier|tsc|type|mypy|ruff|clippy|vet/i, "lint or type check"),
  },
  {
    about: /\btest/i,
    missing: ({ ran }) => (ran.length > 0 ? undefined : "no validation command ran"),
  },
];

function needs(ran: readonly string[], shape: RegExp, what: string): string | undefined {
  return ran.some((command) => shape.test(command)) ? undefined : `no ${what} command ran`;
}

/** Whether Handrail can tell if a piece of evidence is there; anything else is the reviewer's to look for. */
export function canCheck(item: string): boolean {
  return KINDS.some(({ about }) => about.test(item));
}

/**
 * Holds `validation.must_include` against what is there.
 * @returns what is missing, with why, and what cannot be checked
 */
export function missingEvidence(
  items: readonly string[],
  evidence: Evidence,
): { missing: string[]; unchecked: string[] } {
  const missing = items.flatMap((item) => {
    const why = KINDS.find(({ about }) => about.test(item))?.missing(evidence);
    return why === undefined ? [] : [`${item}: ${why}`];
  });
  return { missing, unchecked: items.filter((item) => !canCheck(item)) };
}
