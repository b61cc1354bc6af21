import type { Node } from "jsonc-parser";

// Not jsonc-parser's `modify`: it moves a comment behind the last element to the new one, and lays out
// anew what stands around it.

/**
 * Adds an item to the end of a JSONC array or object and changes nothing else: every comment stays with
 * the line it is on, and the new item is laid out like the one before it.
 * @param text the whole document
 * @param list its array or object node
 * @param item JSON text: a value, or `"name": value`
 */
export function insertItem(text: string, list: Node, item: string): string {
  const last = list.children?.at(-1);
  if (!last) return insertFirst(text, list, item);
  const end = last.offset + last.length;
  const { comma, lineBreak } = behind(text, end);
  const indent = ownLine(text, last.offset);
  if (lineBreak && indent !== undefined && (comma === undefined || comma < lineBreak.offset)) {
    const line = `${lineBreak.text}${indent}${item}${comma === undefined ? "" : ","}`;
    const withLine = splice(text, lineBreak.offset, lineBreak.offset, line);
    return comma === undefined ? splice(withLine, end, end, ",") : withLine;
  }
  return comma === undefined
    ? splice(text, end, end, `, ${item}`)
    : splice(text, comma + 1, comma + 1, ` ${item},`);
}

/** Takes an item out again: what `insertItem` added to a list with items, to the byte. */
export function removeItem(text: string, list: Node, index: number): string {
  const children = list.children ?? [];
  const child = children[index];
  if (!child) return text;
  const end = child.offset + child.length;
  const { comma, lineBreak } = behind(text, end);
  const previous = children[index - 1];
  // The comma before the item goes when none follows; a list's own trailing comma stays.
  const spare =
    previous && comma === undefined ? behind(text, previous.offset + previous.length).comma : undefined;
  const dropSpare = (rest: string) => (spare === undefined ? rest : splice(rest, spare, spare + 1, ""));
  const stop = comma === undefined ? end : comma + 1;
  const indent = ownLine(text, child.offset);
  if (indent !== undefined && lineBreak && isBlank(text.slice(stop, lineBreak.offset))) {
    const from = child.offset - indent.length;
    return dropSpare(splice(text, from, lineBreak.offset + lineBreak.text.length, ""));
  }
  const blanksBefore = /[ \t]*$/.exec(text.slice(0, child.offset))?.[0].length ?? 0;
  const isLast = index === children.length - 1;
  if (isLast && indent === undefined) return dropSpare(splice(text, child.offset - blanksBefore, stop, ""));
  const blanksAfter = /^[ \t]*/.exec(text.slice(stop))?.[0].length ?? 0;
  return dropSpare(splice(text, child.offset, stop + (indent === undefined ? blanksAfter : 0), ""));
}

function insertFirst(text: string, list: Node, item: string): string {
  const open = list.offset + 1;
  const inner = text.slice(open, list.offset + list.length - 1);
  const eol = /\r\n|\n|\r/.exec(inner)?.[0];
  if (eol === undefined && list.type === "array") {
    return splice(text, open, open, isBlank(inner) ? `${inner}${item}` : item);
  }
  const indent = `${lineIndent(text, list.offset)}${indentUnit(text)}`;
  if (eol !== undefined) return splice(text, open, open, `${eol}${indent}${item}`);
  const anyEol = /\r\n|\n|\r/.exec(text)?.[0] ?? "\n";
  return splice(text, open, open, `${anyEol}${indent}${item}${anyEol}`);
}

/** A line break, a comma, or what JSONC passes over between two tokens. */
const BETWEEN = /(\r\n|\n|\r)|(,)|[^\S\r\n]+|\/\/[^\r\n]*|\/\*[\s\S]*?\*\//y;

interface Behind {
  /** Offset of the comma that belongs to what ended. */
  comma?: number;
  /** The end of its line, if nothing else comes first. */
  lineBreak?: { offset: number; text: string };
}

/** What follows the item that ends at `from`, up to the next token. */
function behind(text: string, from: number): Behind {
  const found: Behind = {};
  let offset = from;
  for (;;) {
    BETWEEN.lastIndex = offset;
    const match = BETWEEN.exec(text);
    if (!match) return found;
    if (match[1] !== undefined) {
      found.lineBreak ??= { offset, text: match[1] };
      if (found.comma !== undefined) return found;
    } else if (match[2] !== undefined) {
      if (found.comma !== undefined) return found;
      found.comma = offset;
    }
    offset = BETWEEN.lastIndex;
  }
}

/** The indentation before `offset`, if nothing else stands before it on its line. */
function ownLine(text: string, offset: number): string | undefined {
  return /(?:^|[\r\n])([ \t]*)$/.exec(text.slice(0, offset))?.[1];
}

function lineIndent(text: string, offset: number): string {
  return /(?:^|[\r\n])([ \t]*)[^\r\n]*$/.exec(text.slice(0, offset))?.[1] ?? "";
}

/** One step of indentation, as the document's first indented line has it. */
function indentUnit(text: string): string {
  return /[\r\n]([ \t]+)\S/.exec(text)?.[1] ?? "  ";
}

function isBlank(text: string): boolean {
  return /^[ \t]*$/.test(text);
}

function splice(text: string, from: number, to: number, replacement: string): string {
  return text.slice(0, from) + replacement + text.slice(to);
}
