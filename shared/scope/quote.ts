/** Everything that does not show itself: controls, line ends, bidi and invisible characters, lone surrogates. */
const unseen = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{DI}"\\]/gu;

/**
 * Quotes text that the executor controls (names, patterns, output), so that it cannot be taken for words of
 * Handrail: in double quotes, what is invisible escaped, cut in the middle where it is long.
 * @param most characters that are kept
 */
export function quote(text: string, most = 160): string {
  const chars = [...text];
  const half = Math.floor((most - 1) / 2);
  const short =
    chars.length <= most
      ? text
      : `${chars.slice(0, half).join("")}…${chars.slice(chars.length - half).join("")}`;
  return `"${short.replace(unseen, escapeChar)}"`;
}

/** For words of Handrail's own (states, codes, ids), which are still not taken on trust. */
export function plain(word: string): string {
  return word.replace(/[^\w.:/-]+/g, "_").slice(0, 60);
}

function escapeChar(char: string): string {
  if (char === '"' || char === "\\") return `\\${char}`;
  if (char === "\n") return "\\n";
  return `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`;
}
