import { readImperatives } from "../imperatives/read.ts";
import { type Item, itemsOf } from "../text/items.ts";
import type { KindOf } from "../text/names.ts";
import type { Section } from "../text/sections.ts";
import { readFileItem } from "./item.ts";
import type { FileItem, NamedPath } from "./named.ts";

/** What a section that lists files says. */
export interface FileList {
  paths: NamedPath[];
  /** With the folder the exception was made from, where there is one. */
  except: (NamedPath & { from: string | undefined })[];
  exceptWords: { text: string; line: number }[];
  inspect: NamedPath[];
  forbid: NamedPath[];
  everything: NamedPath[];
  /** Paths that stand in the section and are not in the list. */
  mentions: NamedPath[];
  /** Placeholders such as `<path of a file>`. */
  placeholders: NamedPath[];
  /** Items that name no file at their beginning: sentences may say what to change. */
  prose: Item[];
}

interface Open {
  indent: number;
  listed: boolean;
  /** The one folder that the item names; undefined for files and several paths. */
  folder: string | undefined;
  /** Where in `paths` the folder stands, until something below it replaces it. */
  at: number | undefined;
}

/** Reads a section that lists files. Details below an item are not in the list; files below a folder are. */
export function readFileList(section: Section, kindOf: KindOf): FileList {
  const list: FileList = {
    paths: [],
    except: [],
    exceptWords: [],
    inspect: [],
    forbid: [],
    everything: [],
    mentions: [],
    placeholders: [],
    prose: [],
  };
  const stack: Open[] = [];
  const dropped = new Set<NamedPath>();
  const items = itemsOf(section);
  let bulleted: boolean | undefined;
  for (const item of items) {
    if (item.fence !== undefined && !isListFence(item, items)) continue;
    const text = item.text.trim();
    if (/^<[^<>]{1,80}>/.test(text.replace(/^`+/, "")) || /^(\.\.\.|…|tbd|todo|path\/to\/\S*)$/i.test(text)) {
      list.placeholders.push({ raw: text, line: item.starts[0]?.line ?? section.line });
      continue;
    }
    if (bulleted && !item.listed && item.gap && isSentence(text)) {
      // Below the list stands a remark on it.
      list.prose.push(item);
      continue;
    }
    const read = readFileItem(item, kindOf);
    // "Add a section to docs/guide.md".
    if (read.paths.length === 0 && item.listed) read.paths.push(...readImperatives(item, kindOf).paths);
    while (stack.length > 0 && !isBelow(item, stack.at(-1), bulleted)) stack.pop();
    const parent = stack.at(-1);
    if (parent && parent.folder === undefined) {
      addExceptions(list, read, undefined);
      continue;
    }
    if (read.paths.length === 0) {
      note(list, read, item, section, parent?.folder);
      continue;
    }
    const composed = read.paths.map((path) => ({ ...path, raw: below(parent?.folder, path.raw) }));
    const own = composed.length === 1 ? composed[0] : undefined;
    const folder = own && isFolder(own.raw, kindOf) ? own.raw : undefined;
    bulleted ??= item.listed;
    stack.push({ indent: item.indent, listed: item.listed, folder, at: undefined });
    addExceptions(list, read, folder);
    if (read.keep) {
      (read.keep === "inspect" ? list.inspect : list.forbid).push(...composed);
      continue;
    }
    if (parent?.at !== undefined) {
      const replaced = list.paths[parent.at];
      if (replaced) dropped.add(replaced);
    }
    const opened = stack.at(-1);
    if (opened && folder !== undefined) opened.at = list.paths.length;
    const only =
      folder === undefined ? [] : read.only.map((path) => ({ ...path, raw: below(folder, path.raw) }));
    list.paths.push(...(only.length > 0 ? only : composed));
  }
  list.paths = list.paths.filter((path) => !dropped.has(path));
  return list;
}

function isSentence(text: string): boolean {
  return /[.!?]$/.test(text) && text.split(/\s+/).length > 3;
}

const speaksOfLimits =
  /\b(do not|don['’]?t|never|no|not|only|except|avoid|leave|keep|without|off[- ]limits|unchanged|read[- ]only)\b/i;

/** Notes an item without paths of its own: all there is, an exception, or a sentence. */
function note(
  list: FileList,
  read: FileItem,
  item: Item,
  section: Section,
  folder: string | undefined,
): void {
  addExceptions(list, read, folder);
  if (read.everything) list.everything.push({ raw: item.text, line: item.starts[0]?.line ?? section.line });
  if (!speaksOfLimits.test(item.text)) {
    list.mentions.push(...read.mentions);
    // One word alone may be a name, but "src" is rather a folder than a file.
    if (
      item.listed &&
      /^[\w.@-]+$/.test(item.text) &&
      !/^(none|tbd|todo|n\/a|any|all|everything)$/i.test(item.text)
    )
      list.mentions.push({ raw: item.text, line: item.starts[0]?.line ?? section.line });
  }
  list.prose.push(item);
}

function addExceptions(list: FileList, read: FileItem, from: string | undefined): void {
  list.except.push(...read.except.map((path) => ({ ...path, from: from ?? read.paths[0]?.raw })));
  const line = read.paths[0]?.line ?? 1;
  list.exceptWords.push(...read.exceptWords.map((text) => ({ text, line })));
}

/** Whether an item is a detail of the open one: deeper, or a bullet below a bare line in a list of bare lines. */
function isBelow(item: Item, open: Open | undefined, bulleted: boolean | undefined): boolean {
  if (!open) return false;
  if (item.indent >= open.indent + 2) return true;
  return item.listed && !open.listed && !bulleted && item.indent >= open.indent;
}

/** A fence holds the list where nothing else does; one with a language holds a sample. */
function isListFence(item: Item, items: readonly Item[]): boolean {
  if (!/^(|text|txt|plain|plaintext|files|paths|list|tree)$/.test(item.fence ?? "")) return false;
  return !items.some(
    (one) =>
      one.fence === undefined &&
      one.starts[0] &&
      item.starts[0] &&
      one.listed &&
      one.starts[0].line < item.starts[0].line,
  );
}

function isFolder(raw: string, kindOf: KindOf): boolean {
  if (/[/\\]$|[/\\]\*\*$/.test(raw)) return true;
  return kindOf(raw.replace(/\\/g, "/").replace(/^\.\//, "")) === "directory";
}

/** A name below a folder of the list, unless it is written out from the root already. */
function below(folder: string | undefined, raw: string): string {
  if (folder === undefined) return raw;
  const base = folder.replace(/\*\*$/, "").replace(/\\/g, "/").replace(/\/*$/, "/");
  const name = raw.replace(/\\/g, "/").replace(/^\.\//, "");
  return name.startsWith(base.replace(/^\.\//, "")) || name.startsWith("/") ? raw : `${base}${name}`;
}
