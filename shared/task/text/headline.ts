import { type Label, readLabel } from "./headings.ts";
import type { Line } from "./lines.ts";

/** A line that may be a heading. */
export interface Heading {
  label: Label | undefined;
  text: string;
  /** Markdown level; 7 for other spellings. */
  level: number;
  /** What follows the label on its line. */
  rest: string;
}

/** A heading that nobody knows. */
export const other: Label = { kind: "other", words: "", weak: false };

/** Whether a line is a rule: `---`, `===`, `* * *`. */
export function isRule(text: string): boolean {
  return text.length < 200 && (/^(=+|-{3,}|\*{3,}|_{3,})$/.test(text) || /^[*_-](\s+[*_-])+$/.test(text));
}

/**
 * Reads a line as a heading in any spelling: `Label:`, `## Label`, `**Label**`, `[Label]`, `<label>`.
 * @param gap an empty line stands before it
 * @param isEmpty the section it stands in has no line yet
 */
export function readHeading(
  line: Line,
  next: Line | undefined,
  gap: boolean,
  isEmpty: boolean,
): Heading | undefined {
  const { text } = line;
  const atx = /^(#{1,6})\s+(.*)$/.exec(text);
  if (atx) return withLabel(trimHashes(atx[2] ?? ""), atx[1]?.length ?? 1);
  const closing = /^<\/[a-z][\w -]{0,40}>$/i.test(text);
  if (closing) return { label: other, text, level: 7, rest: "" };
  const boxed = /^<([a-z][\w -]{0,40})>$|^\[([^\]`/.]{1,60})\]:?$|^[=-]{2,}\s(.{1,60})\s[=-]{2,}$/i.exec(
    text,
  );
  const inBox = boxed?.[1] ?? boxed?.[2] ?? boxed?.[3];
  if (inBox !== undefined && readLabel(inBox))
    return { label: readLabel(inBox), text: inBox, level: 7, rest: "" };
  const bold = readBold(text);
  if (bold) {
    const label = readLabel(bold.text);
    return bold.rest === "" || label ? { label, text: bold.text, level: 7, rest: bold.rest } : undefined;
  }
  const withColon = withLabel(text, 7);
  if (withColon) return withColon;
  const alone = bare(text, line, next);
  // "Do not touch", and then a list, also right below another one.
  const opens = gap || isEmpty || line.marker === "number" || alone?.label?.kind === "forbid";
  return opens ? alone : undefined;
}

/** A known heading on a line of its own, without colon or marks. */
function bare(text: string, line: Line, next: Line | undefined): Heading | undefined {
  if (!next || /[.?!,;]/.test(text) || text.split(/\s+/).length > 7) return undefined;
  if (line.marker === "bullet") return undefined;
  if (line.marker !== undefined && next.marker === line.marker && next.indent <= line.indent)
    return undefined;
  const label = readLabel(text, true);
  if (!label || (label.weak && (next.marker === undefined || line.marker !== undefined))) return undefined;
  // "Do not touch" is a heading above a list, and a sentence that lacks its end elsewhere.
  if (
    label.kind === "forbid" &&
    label.words.split(" ").length > 2 &&
    next.marker === undefined &&
    !/^[`"']?[\w.@-]*[/\\.*][\w./\\*@`"'-]*$/.test(next.text)
  )
    return undefined;
  return { label, text, level: 7, rest: "" };
}

/** Reads `Label`, `Label:` or `Label: rest`. A label that nobody knows is one only alone on its line. */
function withLabel(text: string, level: number): Heading | undefined {
  const whole = text.length <= 100 ? readLabel(text) : undefined;
  const ends = /[:：][*_]{0,3}$/.test(text);
  if (whole && (level < 7 || ends)) return { label: whole, text, level, rest: "" };
  const colon = /^([^:：`]{1,90})[:：][*_]{0,3}(?:\s+(\S.*))?$/.exec(text);
  if (colon) {
    const [, before = "", rest = ""] = colon;
    const label = readLabel(before);
    if (label || (rest === "" && !looksLikePath(before))) return { label, text: before, level, rest };
  }
  const dash = /^([^-–—`]{2,60}?)\s+(?:[–—]|--?)\s+(\S.*)$/.exec(text);
  const dashed = dash ? readLabel(dash[1] ?? "") : undefined;
  if (
    dash &&
    dashed &&
    !dashed.weak &&
    dashed.kind !== "other" &&
    dashed.kind !== "task" &&
    level === 7 &&
    !/^(only|do not|don't|no|these|must|read)\b/i.test(dash[2] ?? "")
  )
    return { label: dashed, text: dash[1] ?? "", level, rest: dash[2] ?? "" };
  return level < 7 ? { label: undefined, text, level, rest: "" } : undefined;
}

/** A line that is bold from its start: `**Label**`, `**Label:** rest`, `__Label__`. */
function readBold(text: string): { text: string; rest: string } | undefined {
  const mark = /^(\*{1,3}|_{1,3})(?=[^\s*_])/.exec(text)?.[1];
  if (!mark) return undefined;
  const end = text.indexOf(mark, mark.length);
  if (end < 0) return undefined;
  const inner = text.slice(mark.length, end);
  const after = text.slice(end + mark.length).trim();
  if (looksLikePath(inner) || inner.length > 90) return undefined;
  if (after === "" || after === ":") return { text: inner, rest: "" };
  if (/^\([^()]*\):?$/.test(after)) return { text: `${inner} ${after}`, rest: "" };
  const rest = /^[:–—-]\s+(.+)$/.exec(after)?.[1] ?? (inner.endsWith(":") ? after : undefined);
  return rest === undefined ? undefined : { text: inner.replace(/:$/, ""), rest };
}

export function looksLikePath(text: string): boolean {
  return /[/\\`]|\w\.\w/.test(
    text.replace(/\b(tests|and|acceptance|stage|edit|create|change)\/(?=\w+\b)/gi, ""),
  );
}

function trimHashes(text: string): string {
  return text.replace(/\s#+$/, "").trim();
}
