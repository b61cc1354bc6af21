import { fromMarkdown } from "mdast-util-from-markdown";
import { gfmTaskListItemFromMarkdown } from "mdast-util-gfm-task-list-item";
import { gfmTaskListItem } from "micromark-extension-gfm-task-list-item";
import { type PlanKind, stripMarks } from "./plan-kinds.ts";
import { type Box, outlineOf } from "./plan-outline.ts";
import { chooseFeatures, inside, type MarkNode, nest } from "./plan-tree.ts";
import type { TaskIssue } from "./spec.ts";
import { slugOf } from "./taskfile.ts";
import { MAX_LINE, MAX_LINES } from "./text/lines.ts";

/** A part of a feature: its Markdown as it stands in the plan, each line with its number there. */
export interface PlanPart {
  kind: PlanKind;
  /** The heading as written. */
  heading: string;
  line: number;
  lines: { number: number; text: string }[];
  /** From the plan itself, for all its features. */
  shared: boolean;
}

export interface ChecklistItem {
  /** From 1, within the feature. */
  number: number;
  text: string;
  checked: boolean;
  line: number;
  /** Items above it in a nested list. */
  depth: number;
  /** Where in the plan's text the character between the brackets is, in UTF-16 units. */
  offset: number;
}

export interface Feature {
  /** From 1, in the order of the plan. */
  number: number;
  /** As the plan gives it: "F2". */
  id?: string;
  /** Unique in the plan. */
  slug: string;
  title: string;
  line: number;
  parts: PlanPart[];
  checklist: ChecklistItem[];
}

/** An exec plan, understood. */
export interface ExecPlan {
  title: string;
  slug: string;
  features: Feature[];
  /** Checkboxes that belong to no feature. */
  checklist: ChecklistItem[];
  errors: TaskIssue[];
}

/** What a plan's own parts say for every feature: the rest is a feature's alone. */
const SHARED: readonly PlanKind[] = [
  "authorityReferences",
  "deliverableStandard",
  "prerequisites",
  "constraints",
  "forbid",
  "validation",
];
/** Quotes and lists inside each other cost the parser time by the square. */
const MAX_NESTING = 60;

/**
 * Reads an exec plan: Markdown with one feature or several, in the styles people write (headings of any
 * level, bold lines, labels, tables, nested lists, front matter). Asks nothing of the file system and throws
 * nothing: what is wrong stands in `errors`, with lines.
 * @param fileName gives the plan's slug
 */
export function readPlan(text: string, fileName: string): ExecPlan {
  const slug = toSlug(slugOf(fileName)) || "plan";
  const empty = { title: slug, slug, features: [], checklist: [] };
  const tooMuch = hostile(text);
  if (tooMuch) return { ...empty, errors: [tooMuch] };
  // The parser drops a byte order mark and counts on without it.
  const source = blankFrontMatter(text.replace(/^\ufeff/, " "));
  const tree = fromMarkdown(source, {
    extensions: [gfmTaskListItem()],
    mdastExtensions: [gfmTaskListItemFromMarkdown()],
  });
  const { marks, boxes } = outlineOf(tree, source);
  const nodes = nest(marks, source.length);
  const chosen = chooseFeatures(nodes);
  const top = nodes.find((node) => node.mark.level === 1 && !node.mark.kind);
  const title = top ? stripMarks(top.mark.title) : slug;
  const shared = nodes
    .filter(
      (node) => node.mark.kind && SHARED.includes(node.mark.kind) && !chosen.some((f) => inside(node, f)),
    )
    .map((node) => partOf(node, nodes, source, true));
  const used = new Set<string>();
  const features = chosen.map((node, index): Feature => {
    const name = node.mark.feature;
    const featureTitle = stripMarks(name?.title ?? node.mark.title) || title;
    const own = nodes
      .filter((part) => part.mark.kind && inside(part, node))
      .map((part) => partOf(part, nodes, source));
    return {
      number: index + 1,
      ...(name?.id === undefined ? {} : { id: name.id }),
      slug: unique(toSlug(featureTitle) || `feature-${index + 1}`, used),
      title: featureTitle,
      line: node.mark.line,
      parts: [...withIntroduction(own, node, nodes, source), ...otherParts(node, nodes, source), ...shared],
      checklist: numbered(boxes.filter((box) => box.start >= node.mark.start && box.start < node.end)),
    };
  });
  const loose = boxes.filter((box) => !chosen.some((f) => box.start >= f.mark.start && box.start < f.end));
  const errors = features.length > 0 ? [] : [{ message: noFeature(text) }];
  return { title, slug, features, checklist: numbered(loose), errors };
}

/** The Markdown of a part, or of all parts of one kind, as one text; empty where the plan has none. */
export function partText(feature: Feature, ...kinds: PlanKind[]): string {
  return feature.parts
    .filter((part) => kinds.includes(part.kind))
    .map((part) =>
      part.lines
        .map((line) => line.text)
        .join("\n")
        .trim(),
    )
    .filter((text) => text !== "")
    .join("\n\n");
}

/** A part reaches to the next mark of its level, or to the next part, whatever its level. */
function partOf(node: MarkNode, nodes: readonly MarkNode[], source: string, shared = false): PlanPart {
  const { kind = "specification", title, line } = node.mark;
  const next = nodes.find((other) => inside(other, node) && (other.mark.kind || other.mark.feature));
  const lines = linesOf(source, node.mark.body, next?.mark.start ?? node.end);
  return { kind, heading: stripMarks(title), line, lines, shared };
}

/** Headings of a feature that announce nothing known: they belong to the whole picture, with their words. */
function otherParts(node: MarkNode, nodes: readonly MarkNode[], source: string): PlanPart[] {
  const within = nodes.filter((other) => inside(other, node));
  const known = within.filter((other) => other.mark.kind);
  const others = within.filter((other) => !other.mark.kind && !known.some((part) => inside(other, part)));
  const outer = others.filter((other) => !others.some((around) => inside(other, around)));
  return outer.map((other) => {
    const next = known.find((part) => inside(part, other));
    const { title, line, start } = other.mark;
    const lines = linesOf(source, start, next?.mark.start ?? other.end);
    return { kind: "specification", heading: stripMarks(title), line, lines, shared: false };
  });
}

/** What stands right below a feature's heading is its specification, where it has no other. */
function withIntroduction(
  own: PlanPart[],
  node: MarkNode,
  nodes: readonly MarkNode[],
  source: string,
): PlanPart[] {
  if (own.some((part) => part.kind === "specification")) return own;
  const first = nodes.find((other) => inside(other, node));
  const lines = linesOf(source, node.mark.body, first?.mark.start ?? node.end);
  if (lines.every(({ text }) => text.trim() === "" || /^\s*(?:[-*+]|\d+[.)])\s+\[[ xX]\]/.test(text)))
    return own;
  const line = lines.find(({ text }) => text.trim() !== "")?.number ?? node.mark.line;
  return [{ kind: "specification", heading: "Specification", line, lines, shared: false }, ...own];
}

/** The lines between two offsets without their common indentation; the first may begin in mid-line. */
function linesOf(source: string, from: number, to: number): PlanPart["lines"] {
  const first = source.slice(0, from).split("\n").length;
  const [head = "", ...rest] = source.slice(from, to).replace(/\r/g, "").split("\n");
  const indents = rest
    .filter((text) => text.trim() !== "")
    .map((text) => text.length - text.trimStart().length);
  const indent = indents.length > 0 ? Math.min(...indents) : 0;
  const cut = [head.replace(/\s*\|\s*$/, "").trim(), ...rest.map((text) => text.slice(indent).trimEnd())];
  const lines = cut.map((text, index) => ({ number: first + index, text }));
  while (lines[0]?.text.trim() === "") lines.shift();
  while (lines.at(-1)?.text.trim() === "") lines.pop();
  return lines;
}

function numbered(boxes: readonly Box[]): ChecklistItem[] {
  return boxes.map(({ text, checked, line, offset, depth }, index) => {
    return { number: index + 1, text, checked, line, depth, offset };
  });
}

/** Front matter as blank lines, so that every offset stays. */
function blankFrontMatter(text: string): string {
  const matter = /^\s?---[ \t]*\r?\n(?:[^\n]*\n)*?(?:---|\.\.\.)[ \t]*(?=\r?\n|$)/.exec(text)?.[0];
  return matter === undefined ? text : matter.replace(/[^\r\n]/g, " ") + text.slice(matter.length);
}

function hostile(text: string): TaskIssue | undefined {
  const lines = text.split("\n", MAX_LINES + 2);
  if (lines.length > MAX_LINES) return { message: `the plan has more than ${MAX_LINES} lines; divide it` };
  for (const [index, line] of lines.entries()) {
    const at = { line: index + 1 };
    if (line.length > MAX_LINE) return { ...at, message: `the line is longer than ${MAX_LINE} characters` };
    const nesting = /^(?:[ \t]*(?:>|[-*+](?=[ \t])|\d{1,9}[.)](?=[ \t])))+/.exec(line)?.[0] ?? "";
    const deep = nesting.replace(/[\s\d.)]+(?=\S)/g, " ").length > 2 * MAX_NESTING;
    if (deep) return { ...at, message: `more than ${MAX_NESTING} quotes or lists inside each other` };
  }
  return undefined;
}

function noFeature(text: string): string {
  if (text.trim() === "") return "the plan is empty";
  return 'no feature found: a feature is a heading with parts below it, for example "## Feature 1: Discounts" and "### User story", "### Specification", "### Deliverable standard", "### Checklist"';
}

function toSlug(text: string): string {
  return text
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, "-")
    .replace(/[^a-z0-9-]+/g, "")
    .replace(/-{2,}/g, "-")
    .slice(0, 40)
    .replace(/^-+|-+$/g, "");
}

function unique(slug: string, used: Set<string>): string {
  let name = slug;
  for (let n = 2; used.has(name); n++) name = `${slug}-${n}`;
  used.add(name);
  return name;
}
