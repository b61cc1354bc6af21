import { type Dirent, readdirSync } from "node:fs";

/** How far a folder is looked into, and how many entries, for pipes that services read their orders from. */
const DEEPEST = 3;
const MOST_ENTRIES = 4_000;

/**
 * The named pipes below a folder (`/run/initctl`): whoever may write to one reaches its reader through a
 * read-only mount, too.
 */
export function pipesIn(folder: string): string[] {
  const found: string[] = [];
  let left = MOST_ENTRIES;
  const walk = (at: string, depth: number) => {
    for (const entry of entriesOf(at)) {
      if (left-- <= 0) return;
      const path = `${at}/${entry.name}`;
      if (entry.isFIFO()) found.push(path);
      else if (entry.isDirectory() && depth < DEEPEST) walk(path, depth + 1);
    }
  };
  walk(folder, 1);
  return found;
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return []; // gone, or not ours to look into
  }
}
