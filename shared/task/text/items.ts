import type { Section, SectionLine } from "./sections.ts";

/** A list item, a line of a bare list, or a paragraph; lines that belong together are joined with a space. */
export interface Item {
  text: string;
  /** Where each line begins in `text`, so that a word's line is known. */
  starts: { offset: number; line: number }[];
  indent: number;
  listed: boolean;
  fence: string | undefined;
  /** An empty line stands before it. */
  gap: boolean;
}

interface Open extends Item {
  /** A remark in parentheses is not closed yet. */
  inRemark: boolean;
}

/** Longer paragraphs are cut here, so that reading one stays quick. */
const MAX_ITEM = 8_000;

/** The items of a section: one a line where a list of files is expected, else paragraphs and list items. */
export function itemsOf(section: Section): Item[] {
  const items: Open[] = [];
  for (const line of section.lines) {
    const last = items.at(-1);
    if (last && joins(section, last, line)) {
      last.starts.push({ offset: last.text.length + 1, line: line.number });
      last.text += ` ${line.text}`;
      last.inRemark = endsInRemark(line.text, last.inRemark);
    } else {
      items.push({
        text: line.text,
        starts: [{ offset: 0, line: line.number }],
        indent: line.indent,
        listed: line.marker !== undefined,
        fence: line.fence,
        gap: line.gap,
        inRemark: endsInRemark(line.text, false),
      });
    }
  }
  return items;
}

/** The line (from 1) on which the character at the offset stands. */
export function lineAt(item: Item, offset: number): number {
  let line = item.starts[0]?.line ?? 1;
  for (const start of item.starts) if (start.offset <= offset) line = start.line;
  return line;
}

function joins(section: Section, last: Open, line: SectionLine): boolean {
  if (line.marker !== undefined || line.gap || line.fence !== undefined || last.fence !== undefined)
    return false;
  if (last.text.length + line.text.length > MAX_ITEM || line.text.startsWith("|")) return false;
  const before = last.text;
  if (/(,|\b(and|or|nor|except)|&)$/i.test(before.slice(-10)) || last.inRemark) return true;
  if (/^(and|or|&)\s/i.test(line.text)) return true;
  if (section.kind === "files" || section.kind === "inspect") return false;
  if (startsProhibition(line.text)) return false;
  if (last.listed && line.indent > last.indent) return true;
  if (section.kind === "forbid" || section.kind === "tests") {
    return lastLineLength(last) >= 60 && /^[a-z(`]/.test(line.text) && !/[.;:!?]$/.test(before);
  }
  return (
    !/[.!?:;][)"”*_`]*$/.test(before.slice(-4)) && (lastLineLength(last) >= 50 || !/^[A-Z]/.test(line.text))
  );
}

function lastLineLength(item: Item): number {
  return item.text.length - (item.starts.at(-1)?.offset ?? 0);
}

function startsProhibition(text: string): boolean {
  return /^[*_]*(do not|don['’]?t|never|no|must not|avoid|leave|keep)\b/i.test(text);
}

function endsInRemark(line: string, before: boolean): boolean {
  const open = line.lastIndexOf("(");
  const close = line.lastIndexOf(")");
  if (open > close) return open === 0 || line[open - 1] === " ";
  return before && close < 0;
}
