import { type Node, parseTree } from "jsonc-parser";
import { Draft } from "./draft.ts";
import { checkPacket } from "./packet-check.ts";
import { packetSchema } from "./packet-schema.ts";
import { quote } from "./pattern.ts";
import type { Place } from "./place.ts";
import { classify } from "./prohibitions/classify.ts";
import { findProhibitions } from "./prohibitions/find.ts";
import type { TaskSpec } from "./spec.ts";
import type { Item } from "./text/items.ts";

const known: Record<string, readonly string[]> = {
  "": [
    "packet_version",
    "task_id",
    "workstream",
    "owner_agent",
    "session_key",
    "objective",
    "scope",
    "conflict_policy",
    "acceptance",
    "validation",
    "checkpoint_plan",
    "retry_abort",
  ],
  scope: ["file_paths", "module_boundaries", "out_of_scope"],
  conflict_policy: ["mode", "parallel_allowed", "required_locks"],
  validation: ["commands", "must_include"],
  checkpoint_plan: ["interval", "required_events"],
  retry_abort: ["max_retries", "abort_on"],
};

const MAX_DEPTH = 32;

/** Whether a text is meant as a coding packet: JSON that has, or seems to have, `packet_version`. */
export function isPacket(text: string, fileName: string): boolean {
  if (!/^\s*\{/.test(text)) return /\.json$/i.test(fileName) && text.trim() !== "";
  return /"packet_version"/.test(text) || /\.json$/i.test(fileName) || isJson(text);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Reads a coding packet v1. Every error names its field, and the line where the field stands. */
export function readPacket(text: string, slug: string, place: Place): TaskSpec {
  const draft = new Draft(place);
  const done = (title: string, validation: string[], more: Partial<TaskSpec> = {}): TaskSpec => {
    const scope = draft.finish();
    const { errors, warnings, prohibitions } = draft;
    return {
      ok: errors.length === 0,
      source: "packet",
      slug,
      title: title || slug,
      scope,
      prohibitions,
      validation,
      errors,
      warnings,
      ...more,
    };
  };
  if (depthOf(text) > MAX_DEPTH) {
    draft.error(`the packet is nested more than ${MAX_DEPTH} levels deep`);
    return done("", []);
  }
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : "not JSON";
    draft.error(`the packet is not valid JSON: ${message.slice(0, 200)}`, lineOfProblem(text, message));
    return done("", []);
  }
  const root = parseTree(text);
  const parsed = packetSchema.safeParse(raw);
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      const field =
        issue.path
          .map((part, index) =>
            typeof part === "number" ? `[${part}]` : `${index > 0 ? "." : ""}${String(part)}`,
          )
          .join("") || "packet";
      draft.error(`${field}: ${messageOf(issue, valueAt(raw, issue.path))}`, lineOf(text, root, issue.path));
    }
    return done("", []);
  }
  const packet = parsed.data;
  warnUnknown(packet, draft, text, root);
  for (const twice of duplicates(root))
    draft.error(
      `${quote(twice.name)} stands twice in one object; keep one of them`,
      lineAt(text, twice.offset),
    );
  packet.scope.file_paths.forEach((path, index) => {
    draft.allow(
      { raw: path, line: lineOf(text, root, ["scope", "file_paths", index]) ?? 0 },
      `scope.file_paths[${index}]`,
    );
  });
  checkPacket(packet, draft, place.kindOf, (path) => lineOf(text, root, path));
  const facts = draft.facts();
  const prohibit = (said: string, path: (string | number)[], forbidding: boolean) => {
    const item: Item = {
      text: said,
      starts: [{ offset: 0, line: lineOf(text, root, path) ?? 0 }],
      indent: 0,
      listed: true,
      fence: undefined,
      gap: false,
    };
    const clauses = said.length > 4_000 ? [] : findProhibitions(item, forbidding, place.kindOf);
    if (said.length > 4_000)
      draft.error(`${path.join(".")}: longer than 4000 characters`, item.starts[0]?.line);
    for (const clause of clauses) draft.prohibit(clause.text, clause.line, classify(clause, item, facts));
  };
  packet.scope.out_of_scope?.forEach((said, index) => {
    prohibit(said, ["scope", "out_of_scope", index], true);
  });
  packet.acceptance?.forEach((said, index) => {
    prohibit(said, ["acceptance", index], false);
  });
  prohibit(packet.objective, ["objective"], false);
  return done(packet.objective.split("\n", 1)[0]?.slice(0, 200) ?? "", packet.validation?.commands ?? [], {
    packet,
  });
}

/** How deep JSON text is nested; more than readers that call themselves can take is refused before. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (const [mark] of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"|[[\]{}]/g)) {
    if (mark === "[" || mark === "{") deepest = Math.max(deepest, ++depth);
    else if (mark === "]" || mark === "}") depth--;
  }
  return deepest;
}

function valueAt(raw: unknown, path: readonly PropertyKey[]): unknown {
  let value = raw;
  for (const key of path)
    value = typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
  return value;
}

function messageOf(issue: { message: string; code?: string | undefined }, value: unknown): string {
  if (value === undefined) return "is missing; every coding packet has it";
  if (value === null) return "is null; give it a value or leave it out";
  const said = issue.message.replace(/^Invalid input: /, "");
  const shown =
    typeof value === "string" || typeof value === "number" || typeof value === "boolean"
      ? `${quote(String(value))} `
      : "";
  return `${shown}${said}`;
}

function warnUnknown(
  packet: Record<string, unknown>,
  draft: Draft,
  text: string,
  root: Node | undefined,
): void {
  for (const [parent, keys] of Object.entries(known)) {
    const value = parent === "" ? packet : packet[parent];
    if (typeof value !== "object" || value === null) continue;
    for (const key of Object.keys(value)) {
      if (keys.includes(key)) continue;
      const path = parent === "" ? [key] : [parent, key];
      draft.warn(
        `${path.join(".")} is no field of a coding packet v1; it is passed on and means nothing to Handrail`,
        lineOf(text, root, path),
      );
    }
  }
}

/** Keys that an object has twice: JSON.parse would silently keep the last. */
function duplicates(root: Node | undefined): { name: string; offset: number }[] {
  const found: { name: string; offset: number }[] = [];
  const nodes = root ? [root] : [];
  for (let node = nodes.pop(); node; node = nodes.pop()) {
    const names = new Set<unknown>();
    for (const child of node.children ?? []) {
      nodes.push(child);
      const name = child.type === "property" ? child.children?.[0]?.value : undefined;
      if (typeof name !== "string") continue;
      if (names.has(name)) found.push({ name, offset: child.offset });
      names.add(name);
    }
  }
  return found;
}

/** The line of a field; of the deepest ancestor that exists where it is missing. */
function lineOf(text: string, root: Node | undefined, path: readonly PropertyKey[]): number | undefined {
  let node = root;
  for (const key of path) {
    const next: Node | undefined =
      typeof key === "number"
        ? node?.children?.[key]
        : node?.children?.find((child) => child.children?.[0]?.value === key)?.children?.[1];
    if (!next) break;
    node = next;
  }
  return node ? lineAt(text, node.offset) : undefined;
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}

/** Where JSON.parse stopped: V8 says `position N` or `line N column M`. */
function lineOfProblem(text: string, message: string): number | undefined {
  const line = /line (\d+) column/.exec(message)?.[1];
  if (line !== undefined) return Number(line);
  const position = /position (\d+)/.exec(message)?.[1];
  return position === undefined ? undefined : lineAt(text, Number(position));
}
