import type { ListItem, Nodes, Paragraph, Root } from "mdast";
import { type FeatureName, featureName, kindOf, type PlanKind, stripMarks } from "./plan-kinds.ts";

/** A heading or label of a plan. Offsets count UTF-16 units in the plan's text. */
export interface Mark {
  /** 1-6: headings; 7: bold lines; 8: labels in running text and tables; from 10: list items, by depth. */
  level: number;
  title: string;
  kind: PlanKind | undefined;
  feature: FeatureName | undefined;
  line: number;
  start: number;
  /** Where what it announces begins. */
  body: number;
  /** It ends here at the latest: with its list item or table row. */
  limit: number;
}

export interface Box {
  text: string;
  checked: boolean;
  line: number;
  /** Of the character between the brackets. */
  offset: number;
  /** Where the item begins; what it belongs to is decided by it. */
  start: number;
  depth: number;
}

export interface Outline {
  marks: Mark[];
  boxes: Box[];
}

/** Deeper containers than these hold nothing that a person would find. */
const MAX_DEPTH = 40;

/** Walks a plan's syntax tree and collects its headings, labels and checkboxes, in order. */
export function outlineOf(tree: Root, text: string): Outline {
  const found: Outline = { marks: [], boxes: [] };
  walk(tree, { text, found, depth: 0, items: 0, limit: text.length });
  found.marks.sort((a, b) => a.start - b.start);
  found.boxes.sort((a, b) => a.offset - b.offset);
  return found;
}

interface Walk {
  text: string;
  found: Outline;
  depth: number;
  /** How many list items are around. */
  items: number;
  limit: number;
}

function walk(node: Nodes, at: Walk): void {
  if (at.depth > MAX_DEPTH) return;
  switch (node.type) {
    case "root":
    case "list":
      for (const child of node.children) walk(child, { ...at, depth: at.depth + 1 });
      return;
    case "heading":
      at.found.marks.push(headingMark(node.depth, plain(node), placeOf(node), at));
      return;
    case "listItem":
      item(node, { ...at, depth: at.depth + 1, items: at.items + 1, limit: placeOf(node).end });
      return;
    case "paragraph":
      if (at.items === 0) paragraph(node, at);
      return;
    default: // quotations, code and HTML announce nothing
      return;
  }
}

function headingMark(level: number, title: string, place: Place, at: Walk): Mark {
  const feature = featureName(title);
  const mark = { level, line: place.line, start: place.start, body: place.end, limit: at.limit };
  if (feature || kindOf(title)) return { ...mark, title, feature, kind: feature ? undefined : kindOf(title) };
  const [, label = "", rest = ""] = /^([^:：]{3,40})[:：]\s+(.+)$/.exec(title) ?? [];
  const kind = label === "" ? undefined : kindOf(label);
  // "### User story: As a shopper ...": what it announces begins in the heading itself.
  const inline = kind === undefined ? -1 : at.text.indexOf(rest.slice(0, 10), place.start);
  if (kind === undefined || inline < 0) return { ...mark, title, feature: undefined, kind: undefined };
  return { ...mark, title: label, feature: undefined, kind, body: inline };
}

function item(node: ListItem, at: Walk): void {
  const place = placeOf(node);
  const [first] = node.children;
  if (typeof node.checked === "boolean") box(node, at);
  else if (first?.type === "paragraph") {
    const head = placeOf(first);
    const label = labelAt(at.text.slice(head.start, head.end).split("\n")[0] ?? "");
    const feature = featureName(at.text.slice(head.start, head.end).split("\n")[0] ?? "");
    if (feature && node.children.length > 1) {
      const { title } = feature;
      const mark = { level: 9 + 2 * at.items, title, kind: undefined, feature, line: place.line };
      at.found.marks.push({ ...mark, start: place.start, body: head.end, limit: at.limit });
    } else if (label) {
      const mark = { level: 10 + 2 * at.items, title: label.title, kind: label.kind, feature: undefined };
      const span = { start: place.start, body: head.start + label.length, limit: at.limit };
      at.found.marks.push({ ...mark, ...span, line: place.line });
    }
  }
  for (const child of node.children) walk(child, at);
}

function box(node: ListItem, at: Walk): void {
  const place = placeOf(node);
  const [first] = node.children;
  const head = first ? placeOf(first) : place;
  const open = /\[[ \txX]\]/.exec(at.text.slice(place.start, head.end));
  if (!open) return; // a box that spans lines is no box that one character could tick
  at.found.boxes.push({
    text: first?.type === "paragraph" ? oneLine(at.text.slice(head.start, head.end)) : "",
    checked: node.checked === true,
    line: place.line,
    offset: place.start + open.index + 1,
    start: place.start,
    depth: at.items - 1,
  });
}

/** Labels and tables in running text; `mdast` has tables as text, since GitHub's tables are an extension. */
function paragraph(node: Paragraph, at: Walk): void {
  const place = placeOf(node);
  const lines = at.text.slice(place.start, place.end).split("\n");
  let start = place.start;
  lines.forEach((raw, index) => {
    const line = raw.replace(/\r$/, "");
    const here = { line: place.line + index, start, end: start + line.length };
    if (/^\s*\|/.test(line)) row(line, here, at);
    else {
      const alone = lines.length === 1;
      const bold = /^\s*(?:\*\*|__)([^*_].*?)(?:\*\*|__)\s*:?\s*$/.exec(line);
      const feature = bold && alone ? featureName(bold[1] ?? "") : undefined;
      const label = labelAt(line);
      const span = { line: here.line, start: here.start, limit: at.limit };
      if (feature) {
        const { title } = feature;
        at.found.marks.push({ ...span, level: 7, title, kind: undefined, feature, body: here.end });
      } else if (label) {
        const body = here.start + label.length;
        at.found.marks.push({ ...span, ...label, feature: undefined, level: label.bold ? 7.5 : 8, body });
      }
    }
    start += raw.length + 1;
  });
}

function row(line: string, place: Place, at: Walk): void {
  const cells: { text: string; start: number }[] = [];
  for (const cell of line.matchAll(/(?<=\|)((?:\\.|[^|\\])*)\|?/g))
    cells.push({ text: (cell[1] ?? "").trim(), start: place.start + cell.index });
  if (cells.at(-1)?.text === "") cells.pop();
  const ticked = cells.findIndex((cell) => /^\[[ xX]\]/.test(cell.text));
  const found = cells[ticked];
  if (found) {
    const offset = at.text.indexOf("[", found.start) + 1;
    const words = cells.map((cell) => cell.text.replace(/^\[[ xX]\]\s*/, "")).filter((text) => text !== "");
    const state = { checked: at.text[offset] !== " ", offset, depth: 0 };
    at.found.boxes.push({ text: oneLine(words.join(" - ")), line: place.line, start: place.start, ...state });
    return;
  }
  const [label, content] = cells;
  const kind = label && content ? kindOf(label.text) : undefined;
  if (!label || !content || kind === undefined || kindOf(content.text)) return;
  const span = { line: place.line, start: place.start, body: content.start, limit: place.end };
  at.found.marks.push({ ...span, level: 8, title: stripMarks(label.text), kind, feature: undefined });
}

interface Label {
  title: string;
  kind: PlanKind;
  bold: boolean;
  /** Up to what it announces. */
  length: number;
}

/** "**User story:** As a ...", "**Checklist**", "User story: As a ...". */
function labelAt(line: string): Label | undefined {
  const bold = /^\s*(?:\*\*|__)([^*_]{2,60}?)\s*([:：]?)(?:\*\*|__)\s*([:：]|[-–—](?=\s))?\s*/.exec(line);
  if (bold) {
    const alone = bold[0].length === line.length;
    const colon = alone || bold[2] !== "" || bold[3] !== undefined;
    const kind = colon ? kindOf(bold[1] ?? "") : undefined;
    if (kind) return { title: stripMarks(bold[1] ?? ""), kind, bold: true, length: bold[0].length };
  }
  const words = /^\s*([A-Za-z][\w /'()-]{2,40}?)\s*[:：](?:\s+|$)/.exec(line);
  const kind = words ? kindOf(words[1] ?? "") : undefined;
  return words && kind ? { title: words[1] ?? "", kind, bold: false, length: words[0].length } : undefined;
}

interface Place {
  line: number;
  start: number;
  end: number;
}

function placeOf(node: Nodes): Place {
  const { position } = node;
  return {
    line: position?.start.line ?? 1,
    start: position?.start.offset ?? 0,
    end: position?.end.offset ?? 0,
  };
}

/** The words of a node. */
function plain(node: Nodes): string {
  if ("value" in node) return node.value;
  return "children" in node ? node.children.map((child) => plain(child)).join("") : "";
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}
