import { allBut, canExcept } from "./boundary.ts";
import { normalizePattern, quote } from "./pattern.ts";
import type { Place } from "./place.ts";

/**
 * A path of a prohibition as a pattern.
 * @returns neither for what lies outside of the repository: nothing is written there anyway
 */
export function forbiddenPattern(raw: string, place: Place): { pattern?: string; problem?: string } {
  let result = normalizePattern(raw.replace(/^!/, ""), place.root);
  // "/src/legacy" may mean the repository's own folder: the wider reading.
  if (!result.ok && result.reason === "outside" && /^[/\\]/.test(raw))
    result = normalizePattern(raw.replace(/^[/\\]+/, ""), place.root);
  if (result.ok) return { pattern: result.pattern };
  if (result.reason === "everything")
    return { problem: `${quote(raw)} forbids the whole repository; name what is not to be changed` };
  return result.reason === "invalid" ? { problem: result.message } : {};
}

/**
 * A forbidden folder without its exceptions.
 * @returns undefined where they cannot be taken out
 */
export function forbiddenBut(path: string, except: readonly string[], place: Place): string[] | undefined {
  if (except.length === 0) return [path];
  const name = path.split("/").at(-1) ?? "";
  const isFile = name.includes(".") && place.kindOf(path) !== "directory";
  const folder = path.endsWith("/**") ? path.slice(0, -2) : path.endsWith("/") ? path : `${path}/`;
  const inside = except.flatMap((raw) => {
    const result = normalizePattern(raw, place.root);
    if (!result.ok) return [];
    return [
      result.pattern.startsWith(folder) || !/^[\w.-]+$/.test(result.pattern)
        ? result.pattern
        : `${folder}${result.pattern}`,
    ];
  });
  const fits = !isFile && inside.length === except.length && inside.every((one) => canExcept(folder, one));
  return fits ? allBut(folder, inside) : undefined;
}
