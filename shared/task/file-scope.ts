import { createHash } from "node:crypto";
import type { ParseOptions } from "./parse.ts";
import type { TaskSpec } from "./spec.ts";
import { readTaskFile, slugOf } from "./taskfile.ts";
import { type Line, readLines } from "./text/lines.ts";

/** What a prompt says about the files it may change. */
export type FileScope =
  /** No block: nothing may be written. */
  | { kind: "none" }
  /** A block that says "read only": nothing may be written, on purpose. */
  | { kind: "read-only"; line: number }
  | { kind: "scope"; spec: TaskSpec; line: number };

/** "## File scope", "**File scope:**", "File scope (read only):", on a line of its own. */
const HEADING =
  /^(?:(#{1,6})[ \t]+)?(?:\*\*|__)?file[ \t_-]?scope[ \t]*(?:\(([^()]{0,80})\))?[ \t]*:?(?:\*\*|__)?[ \t]*:?[ \t#]*$/i;
const OPEN_TAG = /^<file[_-]scope>$/i;
const CLOSE_TAG = /^<\/file[_-]scope>$/i;
const READ_ONLY = /\b(read|inspect|review|evaluat\w*)[ -]?only\b|\bno (writes|changes|code changes)\b/i;
/** Lines that may follow a blank line in a block without a Markdown heading. */
const OF_BLOCK =
  /^(task:|files?\b|inspect|read\b|forbidden|out of scope|do not\b|don't\b|never\b|constraints?\b|no \w)/i;

interface Block {
  line: number;
  readOnly: boolean;
  lines: Line[];
}

/**
 * Finds the file scope block of a prompt (the `{{FILE_SCOPE}}` of the prompt templates) and reads it as the
 * files of a task. In it, a bare list is the files to modify; the headings of a task file count as they do
 * there. `Task: <slug>` names the task, so that every prompt of one feature stands on one baseline.
 * @param prompt the text of one user message
 * @param options where the repository is; the file name gives no slug here
 * @returns the scope, with errors where it cannot be told; more than one block is an error, never their sum
 */
export function readFileScope(prompt: string, options: Omit<ParseOptions, "fileName">): FileScope {
  const blocks = findBlocks(prompt);
  const [first, second] = blocks;
  if (!first) return { kind: "none" };
  if (blocks.every((block) => block.readOnly)) return { kind: "read-only", line: first.line };
  const spec = parseBlock(first, { root: options.root, kindOf: options.kindOf ?? (() => undefined) });
  if (!second) return { kind: "scope", spec, line: first.line };
  const error = { line: second.line, message: "a second file scope block; a prompt has one" };
  return { kind: "scope", spec: { ...spec, ok: false, errors: [error, ...spec.errors] }, line: first.line };
}

/** Whether a text would be read as a file scope block, alone or within a prompt. */
export function hasFileScope(text: string): boolean {
  return findBlocks(text).length > 0;
}

function findBlocks(prompt: string): Block[] {
  const blocks: Block[] = [];
  let open: { block: Block; ends: (line: Line, gap: boolean) => boolean } | undefined;
  let gap = false;
  for (const line of readLines(prompt)) {
    const text = line.fence === undefined ? line.text.trim() : "";
    if (open && (CLOSE_TAG.test(text) || open.ends(line, gap))) open = undefined;
    gap = text === "";
    const heading = HEADING.exec(text);
    if (!CLOSE_TAG.test(text) && (heading || OPEN_TAG.test(text))) {
      const block = { line: line.number, readOnly: READ_ONLY.test(heading?.[2] ?? ""), lines: [] };
      blocks.push(block);
      open = { block, ends: endOf(heading) };
    } else open?.block.lines.push(line);
  }
  return blocks;
}

/** Where a block ends: at its tag, at the next heading of its level or a higher one, or with its lists. */
function endOf(heading: RegExpExecArray | null): (line: Line, gap: boolean) => boolean {
  if (!heading) return () => false;
  const level = heading[1]?.length;
  return (line, gap) => {
    if (line.fence !== undefined || line.text === "") return false;
    const next = /^(#{1,6})[ \t]/.exec(line.text)?.[1]?.length;
    if (next !== undefined) return level === undefined || next <= level;
    const listed = line.marker !== undefined || line.indent > 0;
    return level === undefined && gap && !listed && !OF_BLOCK.test(line.text);
  };
}

function parseBlock(block: Block, place: Parameters<typeof readTaskFile>[2]): TaskSpec {
  const named = block.lines.map((line) => /^task:\s*`?([\w./-]{1,120})`?\s*$/i.exec(line.text)?.[1]);
  const slug = slugOf(named.find((name) => name !== undefined) ?? "");
  const kept = block.lines.filter((_line, index) => named[index] === undefined);
  // The block's own line becomes the heading of the list, so that every line keeps its number.
  const text = [
    ...Array.from({ length: block.line - 1 }, () => ""),
    "Files to modify:",
    ...align(kept, block.line),
  ];
  const spec = readTaskFile(text.join("\n"), slug, place);
  const name = slug || `scope-${hashOf(spec.scope.allow)}`;
  return { ...spec, source: "file-scope", slug: name, title: slug || "File scope of a prompt" };
}

/** Lines as text again, each at its place below `after`. */
function align(lines: readonly Line[], after: number): string[] {
  const placed: string[] = [];
  for (const line of lines) {
    const mark = line.marker === undefined ? "" : "- ";
    placed[line.number - after - 1] =
      line.fence === undefined ? `${" ".repeat(line.indent)}${mark}${line.text}` : "";
  }
  return Array.from(placed, (line) => line ?? "");
}

function hashOf(allow: readonly string[]): string {
  return createHash("sha256").update(allow.join("\n")).digest("hex").slice(0, 8);
}
