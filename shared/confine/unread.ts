import { lstatSync, readdirSync } from "node:fs";
import type { Matcher } from "../scope/matcher.ts";
import { below, textOf } from "../tree/bytes.ts";

/** Looking further for what a glob names would cost more than it is worth: git still shows its content. */
const MOST_ENTRIES = 200_000;

/**
 * Finds what of the working tree must not be read (`noRead`): commands find it closed.
 * @returns the outermost files and folders that the patterns cover, relative to the root
 */
export function unreadPaths(root: string, matcher: Matcher): { path: string; folder: boolean }[] {
  const { noRead } = matcher.scope;
  if (noRead.length === 0) return [];
  const found: { path: string; folder: boolean }[] = [];
  let left = MOST_ENTRIES;
  const walk = (folder: string) => {
    for (const entry of readdirSync(below(root, folder), { encoding: "buffer", withFileTypes: true })) {
      const path = folder ? `${folder}/${textOf(entry.name)}` : textOf(entry.name);
      if (path === ".git" || left-- <= 0) continue;
      if (matcher.classifyRead(path).decision === "refuse") {
        if (!lstatSync(below(root, path)).isSymbolicLink()) found.push({ path, folder: entry.isDirectory() });
      } else if (entry.isDirectory()) walk(path);
    }
  };
  walk("");
  return found;
}
