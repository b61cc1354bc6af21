import { type Item, lineAt } from "../text/items.ts";
import { type KindOf, pathOf } from "../text/names.ts";
import { isDash, type Token, tokenize } from "../text/tokens.ts";
import { determiners, prepositions, stops, verbOf } from "../text/words.ts";
import { readComment } from "./comment.ts";
import { exceptionAt, isJoint } from "./exceptions.ts";
import { findFirst, isPlainPath, startsPhrase } from "./lead.ts";
import type { FileItem } from "./named.ts";
import { fileSet, folderOf } from "./sets.ts";

/** Reads an item of a list of files. Paths in its comment are not in it. */
export function readFileItem(item: Item, kindOf: KindOf): FileItem {
  const result: FileItem = {
    paths: [],
    except: [],
    exceptWords: [],
    only: [],
    keep: undefined,
    everything: false,
    mentions: [],
  };
  if (item.text.startsWith("|")) return readRow(item, kindOf, result);
  const tokens = tokenize(item.text);
  const spaced = spacedPath(tokens, item, kindOf);
  if (spaced) {
    result.paths.push({ raw: spaced.raw, line: lineAt(item, 0) });
    readComment(tokens.slice(spaced.length), item, kindOf, result);
    return result;
  }
  result.everything = asksForAll(tokens);
  const first = findFirst(tokens, kindOf);
  if (first === undefined) {
    if (exceptionAt(tokens, 0) > 0 || (tokens[0]?.lower === "but" && tokens[1]?.lower === "not"))
      readComment(tokens, item, kindOf, result);
    for (const token of tokens) {
      const raw = pathOf(token, "prose", kindOf);
      if (raw !== undefined) result.mentions.push({ raw, line: lineAt(item, token.offset) });
    }
    return result;
  }
  const set = fileSet(tokens, first, kindOf);
  if (set) {
    const line = lineAt(item, tokens[first]?.offset ?? 0);
    for (const raw of set.patterns) result.paths.push({ raw, line });
    readComment(tokens.slice(set.end), item, kindOf, result);
    return result;
  }
  const end = readList(tokens, first, item, kindOf, result);
  readComment(tokens.slice(end), item, kindOf, result);
  return result;
}

/** Reads the paths that follow each other from `first` on. @returns the index after the last */
function readList(
  tokens: readonly Token[],
  first: number,
  item: Item,
  kindOf: KindOf,
  result: FileItem,
): number {
  const renames = tokens.slice(0, first).some((token) => verbOf(token.lower)?.act === "rename");
  let at = first;
  while (at < tokens.length) {
    const token = tokens[at];
    const raw = token && folderOf(tokens, at, pathOf(token, "list", kindOf));
    if (!token || raw === undefined) return at;
    (raw.startsWith("!") ? result.except : result.paths).push({
      raw: raw.replace(/^!/, ""),
      line: lineAt(item, token.offset),
    });
    at++;
    if (token.tail === ":" || token.tail === ".") return at;
    const skipped = skipRemark(tokens, at);
    const after = tokens[skipped];
    if (skipped > at) {
      const inner = tokens.slice(at, skipped);
      readComment(inner, item, kindOf, result);
      if (
        inner.at(-1)?.tail !== "," &&
        !isJoint(after) &&
        !(after && inner.at(-1)?.tail === "" && isPlainPath(after, kindOf))
      )
        return skipped;
      at = skipped;
    }
    let next = at;
    while (
      isJoint(tokens[next]) ||
      (renames && tokens[next]?.lower === "to") ||
      /^(->|→|=>)$/.test(tokens[next]?.text ?? "")
    )
      next++;
    const joined = next > at || token.tail === "," || token.tail === ";" || skipped > at;
    const path = tokens[next];
    if (path && isPlainPath(path, kindOf)) at = next;
    else if (joined && path) {
      const found = findFirst(tokens.slice(next), kindOf, 5);
      if (found === undefined || !startsPhrase(path)) return at;
      at = next + found;
    } else return at;
  }
  return at;
}

/** The index after a remark in parentheses that begins at `at`; `at` itself where there is none. */
function skipRemark(tokens: readonly Token[], at: number): number {
  if (!tokens[at]?.opens) return at;
  let end = at;
  while (end < tokens.length && !tokens[end]?.closes) end++;
  return Math.min(end + 1, tokens.length);
}

/** A path with spaces that is not quoted: only where nothing else can be meant. */
function spacedPath(
  tokens: readonly Token[],
  item: Item,
  kindOf: KindOf,
): { raw: string; length: number } | undefined {
  const start = tokens[0];
  if (!start || start.code || start.tail !== "" || verbOf(start.lower) || determiners.has(start.lower))
    return undefined;
  for (let at = 1; at < Math.min(tokens.length, 6); at++) {
    const token = tokens[at];
    if (
      !token ||
      token.code ||
      token.opens ||
      isDash(token) ||
      isJoint(token) ||
      stops.has(token.lower) ||
      prepositions.has(token.lower)
    )
      return undefined;
    const last = tokens[at];
    const raw = item.text.slice(start.offset, (last?.offset ?? 0) + (last?.text.length ?? 0));
    const likely = /[/\\]/.test(raw) || /\.\w{1,6}$/.test(token.text);
    if (likely && kindOf(raw.replace(/\\/g, "/").replace(/^\.\//, "").replace(/\/$/, "")) !== undefined)
      return { raw, length: at + 1 };
    const next = tokens[at + 1];
    const ends = next === undefined || next.opens || isDash(next) || token.tail === ":";
    const begins = /[/\\]/.test(start.text) && !/\.\w{1,5}$|[/\\]$|\*/.test(start.text);
    if (ends && begins && /[/\\]?[\w-]+\.\w{1,6}$/.test(token.text)) return { raw, length: at + 1 };
    if (token.tail !== "") return undefined;
  }
  return undefined;
}

function asksForAll(tokens: readonly Token[]): boolean {
  const words = tokens
    .slice(0, 9)
    .map((token) => token.lower)
    .join(" ");
  return /^(everything|all|any|all files|any files?|anything|every file|all of it|as needed|whatever is needed|whatever you need|(all files in |everything in |any file in )?(the |this )?(whole |entire )?(repo|repository|codebase|code base|project|source tree))( (needed|necessary|you need|required))?$/.test(
    words,
  );
}

/** A row of a Markdown table: the first cell that begins with a path; the others are its comment. */
function readRow(item: Item, kindOf: KindOf, result: FileItem): FileItem {
  if (/^[\s|:-]+$/.test(item.text)) return result;
  const cells = item.text
    .replace(/^\|/, "")
    .split("|")
    .map((cell) => cell.trim());
  for (const [index, cell] of cells.entries()) {
    const inner = readFileItem({ ...item, text: cell, starts: item.starts.slice(0, 1) }, kindOf);
    if (inner.paths.length === 0) continue;
    for (const other of cells.filter((_, at) => at !== index))
      readComment(tokenize(other), item, kindOf, inner);
    return inner;
  }
  return result;
}
