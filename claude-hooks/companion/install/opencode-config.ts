import { findNodeAtLocation, type Node, type ParseError, parseTree, printParseErrorCode } from "jsonc-parser";
import { HandrailError } from "../../../shared/errors.ts";
import { insertItem, removeItem } from "./list-edit.ts";

const BOM = "\uFEFF";
const SCHEMA_URL = "https://opencode.ai/config.json";

/** An OpenCode configuration file (JSONC), taken apart only so far that its `plugin` list can be edited. */
export interface OpencodeConfig {
  bom: string;
  text: string;
  /** Values of the `plugin` list, as OpenCode sees them. */
  plugins: unknown[];
  hasList: boolean;
}

/**
 * @param file for messages
 * @throws HandrailError `invalid-config` naming the line, for what OpenCode would refuse or read otherwise
 */
export function parseOpencodeConfig(file: string, bytes: Buffer): OpencodeConfig {
  let all: string;
  try {
    all = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw invalid(file, undefined, "it is not UTF-8 text", error);
  }
  const bom = all.startsWith(BOM) ? BOM : "";
  const text = all.slice(bom.length);
  if (text.trim() === "") return { bom, text, plugins: [], hasList: false };
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: true });
  const first = errors[0];
  if (first) throw invalid(file, lineOf(text, first.offset), printParseErrorCode(first.error));
  if (root?.type !== "object") throw invalid(file, 1, "it holds no JSON object");
  const named = (root.children ?? []).filter((child) => child.children?.[0]?.value === "plugin");
  const list = named[0]?.children?.[1];
  if (named[1]) throw invalid(file, lineOf(text, named[1].offset), '"plugin" is there twice');
  if (list && list.type !== "array") throw invalid(file, lineOf(text, list.offset), '"plugin" is no list');
  return { bom, text, plugins: (list?.children ?? []).map(entryOf), hasList: list !== undefined };
}

/** A new configuration file; with `$schema`, which OpenCode would add on its own otherwise. */
export function newConfigText(entry: string): string {
  return `${JSON.stringify({ $schema: SCHEMA_URL, plugin: [entry] }, null, 2)}\n`;
}

/** @returns the text with the entry at the end of the `plugin` list, which is made where there is none */
export function withEntry(config: OpencodeConfig, entry: string): string {
  if (config.text.trim() === "") return newConfigText(entry);
  const value = JSON.stringify(entry);
  const list = pluginList(config.text);
  return list
    ? insertItem(config.text, list, value)
    : insertItem(config.text, rootOf(config.text), `"plugin": [${value}]`);
}

/** @returns the text with another spec in the place of an entry's, whose options stay */
export function withSpec(config: OpencodeConfig, index: number, spec: string): string {
  const item = pluginList(config.text)?.children?.[index];
  const node = item?.type === "array" ? item.children?.[0] : item;
  if (!node) return config.text;
  const end = node.offset + node.length;
  return config.text.slice(0, node.offset) + JSON.stringify(spec) + config.text.slice(end);
}

/** @param indexes of the entries to go. @param dropList also remove a list that is empty then */
export function withoutEntries(
  config: OpencodeConfig,
  indexes: readonly number[],
  dropList: boolean,
): string {
  let text = config.text;
  for (const index of [...indexes].sort((a, b) => b - a)) {
    const list = pluginList(text);
    if (list) text = removeItem(text, list, index);
  }
  if (!dropList || pluginList(text)?.children?.length !== 0) return text;
  const root = rootOf(text);
  const at = (root.children ?? []).findIndex((child) => child.children?.[0]?.value === "plugin");
  return removeItem(text, root, at);
}

/**
 * What OpenCode 1.18.33 makes of a configuration when it reads it: one without `$schema` gets it after the
 * first brace, and a byte order mark goes (measured; a comment before the brace prevents it).
 * @param all the whole text, which parses
 */
export function schemaAdded(all: string): string {
  const start = /^\s*\{/.exec(all);
  const root = parseTree(all.replace(BOM, ""), [], { allowTrailingComma: true });
  if (!start || !root || findNodeAtLocation(root, ["$schema"])) return all;
  return `{\n  "$schema": "${SCHEMA_URL}",${all.slice(start[0].length)}`;
}

/** The line of an entry, counted from 1. */
export function entryLine(text: string, index: number): number {
  const node = pluginList(text)?.children?.[index];
  return node ? lineOf(text, node.offset) : 1;
}

function pluginList(text: string): Node | undefined {
  return findNodeAtLocation(rootOf(text), ["plugin"]);
}

function rootOf(text: string): Node {
  const root = parseTree(text, [], { allowTrailingComma: true });
  if (!root) throw new HandrailError("internal", "an edited configuration does not parse");
  return root;
}

/** Strings and lists of them are all that an entry can be; anything else is left alone as undefined. */
function entryOf(node: Node): unknown {
  if (node.type === "array") return (node.children ?? []).map(entryOf);
  return node.type === "string" ? node.value : undefined;
}

function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split(/\r\n|\n|\r/).length;
}

function invalid(file: string, line: number | undefined, problem: string, cause?: unknown): HandrailError {
  const where = line === undefined ? file : `${file}:${line}`;
  return new HandrailError("invalid-config", `${where} is not a valid configuration: ${problem}`, {
    fix: "mend the file and run this again; nothing was changed",
    cause,
  });
}
