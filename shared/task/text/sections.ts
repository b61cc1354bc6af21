import { type Kind, type Label, readLabel } from "./headings.ts";
import { type Heading, isRule, looksLikePath, other, readHeading } from "./headline.ts";
import type { Line } from "./lines.ts";

/** A line of a section; `gap`: an empty line stands before it. */
export interface SectionLine extends Line {
  gap: boolean;
}

/** A heading and what stands below it. The first section is the text before the first heading. */
export interface Section {
  kind: Kind;
  /** The heading's words in lower case; empty for the text before the first heading. */
  words: string;
  weak: boolean;
  /** Where the heading stands. */
  line: number;
  /** The heading as written. */
  heading: string;
  lines: SectionLine[];
}

export interface Outline {
  /** The first line, or what stands after `Task:`; empty when there is none. */
  title: string;
  sections: Section[];
}

interface Open extends Section {
  /** Markdown level; 7 for other spellings. */
  level: number;
  /** Set for a heading with content on its own line: it ends with its paragraph. */
  inline: boolean;
  /** Set for a heading that is a list item: it ends with the item. */
  within: number | undefined;
  /** "2. Files to modify": ends with the next heading. */
  numbered: boolean;
  parent: Open | undefined;
}

/** Divides a task file into its sections. */
export function readSections(given: readonly Line[]): Outline {
  const preamble = open({ kind: "task", words: "", weak: false }, 1, "", 7);
  const sections: Open[] = [preamble];
  let current = preamble;
  let gap = true;
  let told = false;
  const start = (section: Open) => {
    sections.push(section);
    current = section;
  };
  const lines = given.flatMap(splitAtLabels);
  lines.forEach((line, index) => {
    if (line.text.trim() === "") {
      gap = true;
      return;
    }
    if (line.fence !== undefined) {
      current.lines.push({ ...line, gap });
      gap = false;
      return;
    }
    current = leave(current, line, gap);
    const first = !told;
    told = true;
    if (isRule(line.text)) {
      const before = current.lines.at(-1);
      if (!gap && current.lines.length === 0 && current.line === line.number - 1) {
        // The line under a heading that was recognised already.
      } else if (!gap && before && before.marker === undefined && /^(=+|-+)$/.test(line.text)) {
        current.lines.pop();
        const label = readLabel(before.text);
        const isTitle = !label && current.kind === "task" && current.lines.length === 0;
        if (isTitle) current.lines.push(before);
        else start(open(label ?? other, before.number, before.text, 2));
      } else if (current.kind === "files" || current.kind === "inspect") {
        start(open(other, line.number, "", 7));
      }
      gap = true;
      return;
    }
    const following = after(lines, index);
    const heading = readHeading(line, following, gap, current.lines.length === 0);
    const next = heading && place(heading, { line, after: following, gap, first }, current);
    if (next) {
      start(next);
      if (heading.rest !== "")
        current.lines.push({ ...line, text: heading.rest, marker: undefined, gap: true });
    } else if (!heading || heading.level === 7) {
      current.lines.push({ ...line, gap });
    } else if (first || looksLikePath(heading.text)) {
      // A title; or, below "Files to modify", a heading that is a path.
      current.lines.push({ ...line, text: heading.text, gap });
    }
    gap = false;
  });
  return { title: titleOf(sections), sections };
}

/** "Fix it. Files: a.ts. Do not: commit." has headings in the middle of a line. */
function splitAtLabels(line: Line): Line[] {
  if (line.fence !== undefined) return [line];
  const parts: string[] = [];
  let from = 0;
  for (const found of line.text.matchAll(/[.;!?]\s+(?=([A-Z][A-Za-z'’ /-]{1,40}):\s)/g)) {
    const label = readLabel(found[1] ?? "");
    if (!label || label.kind === "task" || label.kind === "other") continue;
    parts.push(line.text.slice(from, found.index + 1));
    from = found.index + found[0].length;
  }
  parts.push(line.text.slice(from));
  return parts.map((text, index) => (index === 0 ? { ...line, text } : { ...line, text, marker: undefined }));
}

/** The next line that is not empty. */
function after(lines: readonly Line[], index: number): Line | undefined {
  for (let at = index + 1; at < Math.min(lines.length, index + 4); at++) {
    const line = lines[at];
    if (line && line.text !== "") return line;
  }
  return undefined;
}

function open(label: Label, line: number, heading: string, level: number): Open {
  return {
    ...label,
    line,
    heading,
    level,
    lines: [],
    inline: false,
    within: undefined,
    numbered: false,
    parent: undefined,
  };
}

/** Closes headings that end with their paragraph or list item. */
function leave(section: Open, line: Line, gap: boolean): Open {
  let at = section;
  while (at.parent) {
    const listed = line.marker !== undefined;
    if (at.within !== undefined && (line.indent <= at.within || (gap && !listed && line.indent === 0)))
      at = at.parent;
    else if (at.inline && !continuesInline(at, line, gap)) at = at.parent;
    else break;
  }
  return at;
}

function continuesInline(section: Open, line: Line, gap: boolean): boolean {
  if (section.kind === "task") return true;
  if (gap) return line.marker !== undefined && section.kind === "forbid" && section.lines.length < 2;
  if (section.kind !== "files" && section.kind !== "inspect") return true;
  const last = section.lines.at(-1)?.text ?? "";
  return line.marker !== undefined || line.indent > 0 || /(,|\band|&)$/.test(last);
}

/** Where a heading stands. */
interface Spot {
  line: Line;
  after: Line | undefined;
  gap: boolean;
  /** On the first line that says something. */
  first: boolean;
}

/** Decides whether a heading opens a section here. @returns undefined where it is an ordinary line */
function place(heading: Heading, spot: Spot, current: Open): Open | undefined {
  const { label, level, rest } = heading;
  const { line, first, gap } = spot;
  const recent = current.lines.slice(-40);
  const inItem =
    line.indent >= 2 && recent.some((one) => one.marker !== undefined && one.indent < line.indent);
  const listed = line.marker !== undefined || inItem;
  if (!label) {
    if (first || rest !== "") return undefined;
    if (level < 7) {
      const below = level > current.level && current.kind !== "other" && current.kind !== "task";
      return below ? undefined : open(other, line.number, heading.text, level);
    }
    if (listed || isGrouping(heading.text, current, gap)) return undefined;
    return open(other, line.number, heading.text, 7);
  }
  if (
    line.marker === "number" &&
    level === 7 &&
    line.indent < 2 &&
    (current.kind === "task" || current.numbered || (rest === "" && startsList(spot, current)))
  ) {
    const section = open(label, line.number, heading.text, level);
    return { ...section, numbered: true };
  }
  if (listed && level === 7) {
    const anywhere = label.kind === "forbid" || label.kind === "inspect";
    if (!anywhere && current.kind !== "task") return undefined;
    const section = open(label, line.number, heading.text, 7);
    return { ...section, within: line.indent, parent: current };
  }
  if (current.kind === "files" && rest === "" && label.weak && label.kind === "files") return undefined;
  const section = open(label, line.number, heading.text, level);
  return rest === ""
    ? section
    : { ...section, inline: true, parent: current.inline ? current.parent : current };
}

/** A number that no other has before or after it, with a list of its own: "2. Files to modify" between headings without one. */
function startsList({ line, after, gap }: Spot, current: Open): boolean {
  const own = after !== undefined && after.text !== "" && after.marker !== "number" && after.indent === 0;
  return gap && line.indent === 0 && own && current.lines.every((one) => one.marker !== "number");
}

/** "Backend:" right below "Files to modify:" groups the list; later it is a heading like any other. */
function isGrouping(text: string, section: Open, gap: boolean): boolean {
  if (section.kind === "tests")
    return (
      section.lines.length === 0 || /\b(run|running|execute|following|commands?|pass|green)\b/i.test(text)
    );
  if (section.kind === "forbid") return !gap && text.split(/\s+/).length > 2;
  if (section.kind === "task")
    return (
      /^(the|this|that|it|a|an|for|if|when|then|so|and|but|use|like|such)\b/i.test(text) ||
      text.split(/\s+/).length > 4
    );
  if (section.kind !== "files" && section.kind !== "inspect") return false;
  return (
    section.lines.length === 0 ||
    /^[*_\s]*(back-?end|front-?end|sources?|src|code|server|client|core|docs|documentation|config(uration)?|shared|api|ui|lib(rary)?|new|existing|create|add|update|edit|delete|rename|modify)[*_\s:]*$/i.test(
      text,
    )
  );
}

function titleOf(sections: readonly Section[]): string {
  for (const section of sections) {
    const line = section.lines.find((one) => one.fence === undefined);
    if (section.kind === "task" && line) return line.text;
  }
  return "";
}
