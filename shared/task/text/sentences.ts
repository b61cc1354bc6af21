import { isDash, type Token } from "./tokens.ts";

const abbreviation = /^(e\.g|i\.e|etc|vs|cf|approx|incl|no|resp|ca)$/;

/** Divides words at full stops, exclamation marks, question marks and semicolons. */
export function sentencesOf(tokens: readonly Token[]): Token[][] {
  const sentences: Token[][] = [];
  let current: Token[] = [];
  for (const [index, token] of tokens.entries()) {
    current.push(token);
    const next = tokens[index + 1];
    const stops = /[.!?;]/.test(token.tail) && !(abbreviation.test(token.lower) && !token.code);
    // "Do not touch x.ts (it is generated. See y)": a sentence ends outside of parentheses only.
    if (stops && next) {
      sentences.push(current);
      current = [];
    }
  }
  if (current.length > 0) sentences.push(current);
  return sentences;
}

/** Takes remarks in parentheses out of a sentence. */
export function splitRemarks(tokens: readonly Token[]): { plain: Token[]; remarks: Token[][] } {
  const plain: Token[] = [];
  const remarks: Token[][] = [];
  let open: Token[] | undefined;
  for (const token of tokens) {
    if (!open && token.opens) open = [];
    if (open) {
      open.push(token);
      if (token.closes) {
        remarks.push(open);
        const last = plain.at(-1);
        if (last && token.tail !== "" && last.tail === "")
          plain[plain.length - 1] = { ...last, tail: token.tail };
        open = undefined;
      }
    } else plain.push(token);
  }
  if (open) plain.push(...open);
  return { plain, remarks };
}

/** What stands before the first dash: after it comes a comment. */
export function beforeDash(tokens: readonly Token[]): Token[] {
  const at = tokens.findIndex(
    (token, index) => index > 0 && isDash(token) && !/^[#|•]$|^(->|→|=>|⇒)$/.test(token.text),
  );
  return at < 0 ? [...tokens] : tokens.slice(0, at);
}
