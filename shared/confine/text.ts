/** Quotes a word for sh: in single quotes, an inner one as `'\''`. */
export function sh(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** Quotes words for sh, joined by spaces. */
export function shWords(words: readonly string[]): string {
  return words.map(sh).join(" ");
}

/**
 * Writes a path as fstab(5) and /proc/self/mountinfo do: space, tab, newline and backslash in octal.
 * The two have to agree, for the scripts compare them.
 */
export function fstab(path: string): string {
  return path.replace(/[ \t\n\\]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, "0")}`);
}
