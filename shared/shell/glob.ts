import picomatch from "picomatch";
import type { World } from "./world.ts";

const MOST_NAMES = 2000;
const MOST_FILES = 200;

/**
 * Expands a glob as bash does by default: no names that begin with a dot, `**` like `*`, sorted.
 * @param pattern what is no wildcard in it is escaped by `\`
 * @returns undefined where there would be too many
 */
export function expandGlob(pattern: string, cwd: string, world: World): string[] | undefined {
  const [first, ...rest] = pattern.split("/");
  let found = first === "" ? ["/"] : [""];
  for (const segment of first === "" ? rest : [first ?? "", ...rest]) {
    if (segment === "") continue;
    const next: string[] = [];
    for (const before of found) {
      const folder = before.startsWith("/") ? before : `${cwd}/${before}`;
      const names = namesFor(segment, folder, world);
      if (names.length > MOST_NAMES) return undefined;
      next.push(
        ...names.map((name) => (before === "" || before.endsWith("/") ? before + name : `${before}/${name}`)),
      );
    }
    if (next.length > MOST_FILES) return undefined;
    found = next;
  }
  return found.sort();
}

function namesFor(segment: string, folder: string, world: World): string[] {
  const plain = segment.replace(/\\(.)/g, "$1");
  if (!/[*?[]/.test(segment.replace(/\\./g, ""))) {
    return plain === "." || plain === ".." || world.kindOf(`${folder}/${plain}`) ? [plain] : [];
  }
  const options = { nonegate: true, nobrace: true, noextglob: true };
  const matches = picomatch(segment.replace(/\*{2,}/g, "*").replace(/\[!/g, "[^"), options);
  const names = world.list(folder);
  return names.length > MOST_NAMES ? names : names.filter((name) => matches(name));
}
