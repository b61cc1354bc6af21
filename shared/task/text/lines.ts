/** A line of a task file, without what marks it up. */
export interface Line {
  /** From 1, in the original file. */
  number: number;
  /** Columns before the text (a tab goes to the next multiple of four, tree drawing counts as space). */
  indent: number;
  /** Without indentation, quote mark, list marker and checkbox. */
  text: string;
  marker: "bullet" | "number" | undefined;
  /** Column of the text after the marker: deeper lines belong to the item. */
  inner: number;
  /** Inside a code fence: what stands after the opening mark, in lower case. */
  fence: string | undefined;
}

/** Longer lines are no prose: they are refused rather than read (parsing stays quick on hostile input). */
export const MAX_LINE = 8_000;
/** More lines than that are no task. */
export const MAX_LINES = 20_000;

/** Splits a text at CRLF, LF or CR and reads each line's indentation, marker and fence. */
export function readLines(text: string): Line[] {
  const raw = text.split(/\r\n|\n|\r/, MAX_LINES + 1);
  const hidden = hideComments(raw);
  const lines = raw.map((line, index) => readLine(hidden.has(index) ? "" : line, index + 1));
  const blocks = markFences(lines, raw);
  return blocks === 1 ? unwrap(lines) : lines;
}

/** Punctuation of Chinese and Japanese text, which stands without a space. */
const wide: Record<string, string> = {
  "：": ": ",
  "；": "; ",
  "，": ", ",
  "、": ", ",
  "。": ". ",
  "（": " (",
  "）": ") ",
};

function readLine(raw: string, number: number): Line {
  if (raw.length > MAX_LINE)
    return { number, indent: 0, inner: 0, text: raw, marker: undefined, fence: undefined };
  let rest = raw
    .replace(/\t/g, "    ")
    .replace(/[│├└┬─]/g, " ")
    .replace(/`[^`]*`|[：；，、。（）]/g, (found) => wide[found] ?? found)
    .trimEnd();
  while (/^ {0,3}> ?/.test(rest)) rest = rest.replace(/^ {0,3}> ?/, "");
  const indent = rest.length - rest.trimStart().length;
  rest = rest.trimStart();
  const marked = /^(?:([-*+•‣◦·–—])|\(?\d{1,3}[.)]|[a-zA-Z][.)])(?:\s+|$)/.exec(rest);
  let inner = indent;
  if (marked) {
    rest = rest.slice(marked[0].length);
    inner += marked[0].length;
    rest = rest.replace(/^\[[ xX]?\]\s+/, "");
  }
  rest = rest.replace(/^(?:(?![❌🚫⛔✖🛑])\p{Extended_Pictographic}\uFE0F?\s+)+/u, "");
  rest = rest.replace(/\s{3,}/g, "  ");
  const marker = marked ? (marked[1] ? "bullet" : "number") : undefined;
  return { number, indent, inner, text: rest, marker, fence: undefined };
}

const fenceMark = /^ *(`{3,}|~{3,})([^`]*)$/;

/**
 * Marks what stands between two fences. A fence that is never closed is none.
 * @returns how many fenced blocks there are
 */
function markFences(lines: Line[], raw: readonly string[]): number {
  let blocks = 0;
  let open: { mark: string; info: string; index: number } | undefined;
  raw.forEach((text, index) => {
    const found = text.length > MAX_LINE ? null : fenceMark.exec(text.replace(/\t/g, "    ").trimEnd());
    const [, mark = "", info = ""] = found ?? [];
    if (!open) {
      if (found) open = { mark, info: info.trim().toLowerCase(), index };
    } else if (found && info.trim() === "" && mark.startsWith(open.mark)) {
      for (let inside = open.index; inside <= index; inside++) {
        const line = lines[inside];
        if (!line) continue;
        const edge = inside === open.index || inside === index;
        if (edge) line.text = "";
        line.fence = open.info;
        line.marker = edge ? undefined : line.marker;
      }
      open = undefined;
      blocks++;
    }
  });
  return blocks;
}

/** A whole task in one fence is a task. */
function unwrap(lines: Line[]): Line[] {
  const told = lines.filter((line) => line.text !== "");
  const alone = told.every(
    (line) => line.fence !== undefined && /^(|text|txt|md|markdown)$/.test(line.fence),
  );
  return alone ? lines.map((line) => ({ ...line, fence: undefined })) : lines;
}

/** The lines that are nothing but HTML comment. A comment that is never closed is none. */
function hideComments(raw: readonly string[]): Set<number> {
  const hidden = new Set<number>();
  let from = -1;
  raw.forEach((line, index) => {
    if (from < 0 && line.trimStart().startsWith("<!--")) from = index;
    if (from < 0 || !line.includes("-->")) return;
    if (line.trimEnd().endsWith("-->")) for (let at = from; at <= index; at++) hidden.add(at);
    from = -1;
  });
  return hidden;
}
