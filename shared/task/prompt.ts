import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

export const TASK_DIR = "opencode_tasks";
const TASK_FILE = /\.(txt|md|json)$/i;
const MAX_TASK_BYTES = 1024 * 1024;
/** A shorter text inside a longer prompt proves nothing. */
const MIN_CONTAINED = 20;

/** How a prompt refers to a task file; `file` is relative to the repository root. */
export type PromptTask =
  | { kind: "is" | "contains" | "names"; file: string }
  | { kind: "missing"; file: string }
  | { kind: "ambiguous"; files: string[] }
  | { kind: "none" };

/**
 * Finds the task file that a prompt is, contains or names.
 * `opencode run` puts quotes around a message that has spaces and a backslash before each inner quote;
 * stdin arrives raw, and stdin with a message as message, newline, stdin (facts, opencode.md).
 * @param prompt the text parts of one user message, joined by newlines
 * @param root the working tree's top level
 */
export function findPromptTask(prompt: string, root: string): PromptTask {
  const variants = [prompt, unquote(prompt)].map(normalise);
  let contained: { file: string; length: number } | undefined;
  for (const file of listTaskFiles(root)) {
    const text = readTask(join(root, file));
    if (text === undefined || text === "") continue;
    if (variants.includes(text)) return { kind: "is", file };
    if (text.length < MIN_CONTAINED || (contained && contained.length >= text.length)) continue;
    if (variants.some((variant) => variant.includes(text))) contained = { file, length: text.length };
  }
  if (contained) return { kind: "contains", file: contained.file };
  return namedTask(prompt, root);
}

/** Task files of a project, relative to its root; newest name first, since names start with the date. */
export function listTaskFiles(root: string): string[] {
  let names: string[];
  try {
    names = readdirSync(join(root, TASK_DIR));
  } catch {
    return []; // no folder: no task
  }
  return names
    .filter((name) => TASK_FILE.test(name) && name !== "baseline.txt")
    .sort()
    .reverse()
    .map((name) => `${TASK_DIR}/${name}`);
}

function namedTask(prompt: string, root: string): PromptTask {
  const names = new Set<string>();
  for (const match of prompt.matchAll(
    /opencode_tasks[/\\]([^\s"'`<>|:*?/\\()[\]{},;]{1,200}\.(?:txt|md|json))/gi,
  )) {
    const name = match[1];
    if (name !== undefined && name !== "baseline.txt") names.add(`${TASK_DIR}/${name}`);
  }
  const [first, ...more] = names;
  if (first === undefined) return { kind: "none" };
  if (more.length > 0) return { kind: "ambiguous", files: [first, ...more] };
  return readTask(join(root, first)) === undefined
    ? { kind: "missing", file: first }
    : { kind: "names", file: first };
}

/** @returns the text to compare, or undefined for a file that is missing, no file, or too large for a task */
function readTask(path: string): string | undefined {
  try {
    const stat = statSync(path);
    if (!stat.isFile() || stat.size > MAX_TASK_BYTES) return undefined;
    return normalise(readFileSync(path, "utf8"));
  } catch {
    return undefined; // gone in between, or unreadable: it cannot be what the prompt means
  }
}

function normalise(text: string): string {
  return text
    .replace(/^\uFEFF/, "")
    .replace(/\r\n?/g, "\n")
    .trim();
}

function unquote(text: string): string {
  return text.trim().replace(/^"/, "").replace(/"$/, "").replace(/\\"/g, '"');
}
