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
    // Not `withFileTypes`: with buffers, Bun gives entries without a name (1.3.14, tried).
    for (const bytes of readdirSync(below(root, folder), { encoding: "buffer" })) {
      const name = textOf(bytes);
      const path = folder ? `${folder}/${name}` : name;
      if (path === ".git" || left-- <= 0) continue;
      const stat = lstatSync(below(root, path), { throwIfNoEntry: false });
      if (!stat) continue; // gone in between
      if (matcher.classifyRead(path).decision === "refuse") {
        if (!stat.isSymbolicLink()) found.push({ path, folder: stat.isDirectory() });
      } else if (stat.isDirectory()) walk(path);
    }
  };
  walk("");
  return found;
}
