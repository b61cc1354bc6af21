/** A word of a task file with what stands around it. */
export interface Token {
  /** Without quotes, emphasis and punctuation at its ends. */
  text: string;
  lower: string;
  /** As written, without emphasis: what messages show. */
  shown: string;
  /** Where it begins in the item's text. */
  offset: number;
  /** It stood in backticks or double quotes. */
  code: boolean;
  /** Opening and closing parentheses around it. */
  opens: boolean;
  closes: boolean;
  /** Punctuation after it: the first of `, ; : . ! ?`, or empty. */
  tail: string;
}

const quotes: Record<string, string> = {
  "`": "`",
  '"': '"',
  "“": "”",
  "‘": "’",
  "«": "»",
  "„": "“",
  "‚": "‘",
  "'": "'",
};
const dashes = new Set(["-", "--", "---", "–", "—", "//", "#", "|", "→", "->", "=>", "⇒", "•"]);

/** Whether the token is a dash or another mark that stands by itself between words. */
export function isDash(token: Token): boolean {
  return !token.code && dashes.has(token.text);
}

/** Splits text into words. Takes time linear in its length. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  const open = { mark: "" };
  let at = 0;
  while (at < text.length) {
    if (isSpace(text[at])) {
      at++;
      continue;
    }
    const end = endOfChunk(text, at);
    readChunk(text.slice(at, end), at, tokens, open);
    at = end;
  }
  return tokens;
}

function isSpace(char: string | undefined): boolean {
  return char !== undefined && /\s/.test(char);
}

/** A chunk ends at white space outside of quotes; a quote opens only at the start of a word. */
function endOfChunk(text: string, from: number): number {
  let at = from;
  let inside = false;
  while (at < text.length) {
    const char = text[at] ?? "";
    if (!inside && isSpace(char)) return at;
    if (char === "`") {
      const close = text.indexOf("`", at + 1);
      if (close > 0 && close - at < 400) at = close;
    } else if (at === from || "([{*_,;:/".includes(text[at - 1] ?? "")) {
      const quote = quotes[char];
      if (quote) {
        const close = text.indexOf(quote, at + 1);
        if (close > 0 && close - at < 200 && quotedPath(text.slice(at + 1, close), char)) at = close;
      }
    }
    // "[the parser](src/a.ts)" is one word.
    if (char === "[" && (at === from || "(*_".includes(text[at - 1] ?? "")))
      at += (/^\[[^\][]{1,200}\]\([^()\s]{1,300}\)/.exec(text.slice(at, at + 510))?.[0].length ?? 1) - 1;
    inside = false;
    at++;
  }
  return at;
}

/** Quotes bind words together only around what looks like a path: `"src/Tax Rules/x.cs"`. */
function quotedPath(inner: string, quote: string): boolean {
  if (quote === "`") return true;
  return /^[^\s,;]+( [^\s,;]+){0,6}$/.test(inner) && (/\.\w{1,10}$/.test(inner) || /[/\\]/.test(inner));
}

/** Takes a chunk apart: several paths joined by commas, a path and its code span, punctuation. */
function readChunk(chunk: string, offset: number, tokens: Token[], open: Emphasis): void {
  let start = 0;
  let depth = 0;
  let quote = "";
  for (let at = 0; at <= chunk.length; at++) {
    const char = chunk[at];
    if (quote) {
      if (char === quote) quote = "";
      if (char !== undefined) continue;
    }
    if (char === "`" && chunk.indexOf("`", at + 1) > at) quote = "`";
    else if (char === "{") depth++;
    else if (char === "}") depth--;
    const next = chunk[at + 1];
    const joint =
      (char === "," || char === ";" || char === "—" || char === "–") &&
      depth <= 0 &&
      next !== undefined &&
      at > start;
    const lone = char === "/" && chunk[at - 1] === "`" && next === "`";
    if (char === undefined || joint || lone) {
      const end = joint && (char === "," || char === ";") ? at + 1 : at;
      if (end > start) readWord(chunk.slice(start, end), offset + start, tokens, open);
      start = joint && (char === "," || char === ";") ? at + 1 : at;
      if (joint && (char === "—" || char === "–")) {
        readWord(char, offset + at, tokens, open);
        start = at + 1;
      } else if (lone) {
        readWord("/", offset + at, tokens, open);
        start = at + 1;
      }
    }
  }
}

/** The mark of emphasis that began in an earlier word. */
interface Emphasis {
  mark: string;
}

function readWord(raw: string, offset: number, tokens: Token[], open: Emphasis): void {
  let from = 0;
  let to = raw.length;
  let opens = false;
  let closes = false;
  let tail = "";
  // A word of that length is no word: it is kept as it is, unread.
  if (dashes.has(raw) || raw.length > 1_000) {
    tokens.push({ text: raw, lower: raw, shown: raw, offset, code: false, opens, closes, tail });
    return;
  }
  // From the outside in: punctuation, parentheses, emphasis, in any order.
  for (let round = 0, changed = true; changed && from < to && round < 12; round++) {
    const before = to - from;
    const body = raw.slice(from, to);
    const last = body.at(-1) ?? "";
    const mark = emphasis(body, open);
    if (",;:!?".includes(last) || (last === "." && !/(^|[/\\])\.{2,3}$|^\.$/.test(body.slice(-5)))) {
      tail = last;
      to--;
    } else if (last === ")" && !isBalanced(body)) {
      closes = true;
      to--;
    } else if (body[0] === "(" && !(last !== ")" && isBalanced(body))) {
      opens = true;
      from++;
    } else {
      from += mark.before;
      to -= mark.after;
    }
    changed = to - from < before;
  }
  let text = raw.slice(from, to);
  const link = /^\[([^\]]{1,300})\]\(([^()\s]{1,300})\)$/.exec(
    raw.slice(from, raw.length).replace(/[,;:.!?]+$/, ""),
  );
  if (link) {
    const [, label = "", target = ""] = link;
    text = /[./\\]/.test(label) || /^#|:\/\//.test(target) ? label : target;
    closes = false;
  }
  const quote = quotes[text[0] ?? ""];
  let code = false;
  if (quote && text.length > 1) {
    const ticks = /^`+/.exec(text)?.[0].length ?? 1;
    const inner = text.slice(ticks);
    const close = inner.lastIndexOf(quote);
    if (close >= 0) {
      const after = inner.slice(close + 1);
      code = quote === "`" || /[./\\]/.test(inner);
      if (/^['’]s$|^s$/.test(after) || after === "") text = inner.slice(0, close).replace(/`+$/, "").trim();
      else if (/^:\d+/.test(after)) text = inner.slice(0, close).trim();
      else code = false;
    }
  }
  if (!code) text = text.replace(/^["“„‘‚«']+|["“”‘’»']+$/g, "").replace(/['’]s$/, "");
  if (text === "" && tokens.length > 0) {
    const before = tokens[tokens.length - 1];
    if (before) {
      before.closes ||= closes;
      before.tail ||= tail;
    }
    return;
  }
  if (text === "") return;
  const shown =
    raw.slice(0, from).replace(/[*_]/g, "") + raw.slice(from, to) + raw.slice(to).replace(/[*_]/g, "");
  tokens.push({
    text,
    lower: text.toLowerCase().replace(/[’‘]/g, "'"),
    shown,
    offset,
    code,
    opens,
    closes,
    tail,
  });
}

/** How many characters at each end are emphasis: of `**word**` and `**two`, not of `src/**` or `**` + `/*.ts`. */
function emphasis(word: string, open: Emphasis): { before: number; after: number } {
  const first = /^(\*{1,3}|_{1,3})(?=[^*_])/.exec(word)?.[0] ?? "";
  const last = /[^*_/\\](\*{1,3}|_{1,3})$/.exec(word.slice(-4))?.[1] ?? "";
  const isDunder = /^__\w+__/.test(word);
  if (first !== "" && first === last && !isDunder && word[first.length] !== "/")
    return { before: first.length, after: last.length };
  const before =
    (first.length > 1 && first[0] === "*" && /^[A-Za-z`"“(]/.test(word.slice(first.length))) ||
    /^[*_]+[A-Za-z']+[,;:.!?]*$/.test(word);
  const after = last !== "" && (last === open.mark || last === "**");
  if (before) open.mark = first;
  else if (after) open.mark = "";
  return { before: before ? first.length : 0, after: after ? last.length : 0 };
}

function isBalanced(text: string): boolean {
  let depth = 0;
  for (const char of text) {
    if (char === "(") depth++;
    if (char === ")" && --depth < 0) return false;
  }
  return depth === 0;
}

/** The words as written, for messages and reports. */
export function show(tokens: readonly Token[]): string {
  return tokens
    .map((token) => token.shown)
    .filter((word) => word !== "")
    .join(" ")
    .slice(0, 400)
    .replace(/[\s.,;:!]+$/, "");
}
