/** Whether a text can be a slug: lower-case words joined by hyphens. */
export function isSlug(text: string): boolean {
  return /^[a-z0-9]+(?:[._-][a-z0-9]+)*$/.test(text) && text.length <= 80;
}

/** `YYYYMMDD-<slug>.txt`, by the local date. */
export function taskFileName(slug: string, now: Date): string {
  const parts = [now.getFullYear(), now.getMonth() + 1, now.getDate()];
  return `${parts.map((part) => String(part).padStart(2, "0")).join("")}-${slug}.txt`;
}

/**
 * A task file with all sections, to be filled in. As it stands it allows nothing: what is in angle brackets
 * is an error until it is replaced.
 */
export function taskTemplate(title: string): string {
  return `${title}

Context:
<what is wrong or missing now, and where in the code>

Files to modify:
- <path of a file to change or to create>

Files to inspect only:
- <path of a file worth reading; or remove this section>

Required changes:
1. <what is to be different afterwards>

Implementation guidance:
- <how, where it matters>

Constraints:
- No new dependencies.
- Do not stage or commit any changes.

Tests/validation:
- <command that shows that it works>

Do not:
- change any other files
- reformat unrelated code
`;
}
