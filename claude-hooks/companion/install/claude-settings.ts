import { findNodeAtLocation, type Node, type ParseError, parseTree } from "jsonc-parser";
import { HandrailError } from "../../../shared/errors.ts";
import { MARKETPLACE, PLUGIN_ID } from "./claude-cli.ts";
import { removeItem } from "./list-edit.ts";
import { readUserFile, writeUserFile } from "./user-file.ts";

/** What `claude plugin` writes into a settings file (2.1.329, measured): property of the file, name in it. */
const OURS = [
  ["enabledPlugins", PLUGIN_ID],
  ["extraKnownMarketplaces", MARKETPLACE],
] as const;

/**
 * Claude Code writes its settings only where they are plain JSON: asked before anything is changed.
 * @throws HandrailError `invalid-config` naming the line
 */
export function requireJsonObject(file: string, bytes: Buffer): void {
  const text = bytes.toString("utf8").replace(/^\uFEFF/, "");
  if (text.trim() === "") return;
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { disallowComments: true });
  const first = errors[0];
  if (!first && root?.type === "object") return;
  const line = text.slice(0, first?.offset ?? 0).split("\n").length;
  throw new HandrailError(
    "invalid-config",
    `${file}:${line} is not plain JSON: Claude Code cannot change it`,
    {
      fix: "mend the file and run this again; nothing was changed",
    },
  );
}

/** Whether the settings file declares the marketplace. */
export function declaresMarketplace(file: string): boolean {
  const root = parseTree(readUserFile(file)?.toString("utf8") ?? "");
  return (
    root !== undefined && findNodeAtLocation(root, ["extraKnownMarketplaces", MARKETPLACE]) !== undefined
  );
}

/** A settings file's bytes without Handrail's lines; the rest stays as it is. */
export function withoutOurs(bytes: Buffer): Buffer {
  let text = bytes.toString("utf8");
  for (const [property, name] of OURS) {
    const list = objectAt(text, property);
    const index = (list?.children ?? []).findIndex((child) => child.children?.[0]?.value === name);
    if (list && index >= 0) text = removeItem(text, list, index);
  }
  return Buffer.from(text);
}

/** Takes Handrail's lines out of a settings file that is not ours to restore. */
export function dropOurs(file: string): void {
  const bytes = readUserFile(file);
  const rest = bytes && withoutOurs(bytes);
  if (bytes && rest && !rest.equals(bytes)) writeUserFile(file, rest);
}

function objectAt(text: string, property: string): Node | undefined {
  const root = parseTree(text);
  return root && findNodeAtLocation(root, [property]);
}
