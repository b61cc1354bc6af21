const MOST = 256;

/**
 * Expands `{a,b}` into one pattern each, nested ones too; `{1..3}` and a brace without a comma stay as
 * they are. A pattern that would become more than 256 stays unexpanded (and so matches braces literally).
 */
export function expandBraces(pattern: string): string[] {
  let done: string[] = [];
  let open = [pattern];
  while (open.length > 0) {
    if (open.length + done.length > MOST) return [pattern];
    const next: string[] = [];
    for (const one of open) {
      const brace = innermost(one);
      if (!brace) done = [...done, one];
      else next.push(...brace.options.map((option) => brace.before + option + brace.after));
    }
    open = next;
  }
  return [...new Set(done)];
}

function innermost(text: string): { before: string; options: string[]; after: string } | undefined {
  const found = /\{([^{}]*,[^{}]*)\}/.exec(text);
  if (!found?.[1]) return undefined;
  return {
    before: text.slice(0, found.index),
    options: found[1].split(","),
    after: text.slice(found.index + found[0].length),
  };
}
