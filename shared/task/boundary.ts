import { coversPattern, isLiteral } from "./pattern.ts";

/**
 * The part of an allow pattern that lies within a limit ("nothing outside src/", "only a.ts").
 * Where that cannot be said as patterns, less is kept, never more.
 */
export function within(pattern: string, limit: string): string[] {
  // "outside src/api" may mean a folder that is written without a slash.
  if (coversPattern(limit, pattern) || coversPattern(`${limit.replace(/\/$/, "")}/`, pattern))
    return [pattern];
  if (coversPattern(pattern, limit)) return [limit];
  const spread = /^(.*?)\*\*\/([^/]+)$/.exec(pattern);
  if (spread && isLiteral(limit) && limit.endsWith("/") && limit.startsWith(spread[1] ?? ""))
    return [`${limit}**/${spread[2]}`];
  const kept = /^\*\*\/([^/]+)$/.exec(limit) ?? /^(\*\.[^/]+)$/.exec(limit);
  if (!kept?.[1] || !isLiteral(pattern)) return [];
  if (pattern.endsWith("/")) return [`${pattern}**/${kept[1]}`];
  return kept[1].startsWith("*.") && pattern.endsWith(kept[1].slice(1)) ? [pattern] : [];
}

/**
 * Patterns for everything below a folder but the exceptions in it.
 * @param folder with a slash at its end
 * @param exceptions files or folders (slash at the end) below it, no globs
 */
export function allBut(folder: string, exceptions: readonly string[]): string[] {
  const children = new Map<string, string[]>();
  for (const exception of exceptions) {
    const [child = "", ...rest] = exception.slice(folder.length).replace(/\/$/, "").split("/");
    const deeper = children.get(child) ?? [];
    children.set(child, deeper);
    deeper.push(rest.join("/"));
  }
  const names = [...children.keys()];
  // The matcher's negation also leaves out names that merely begin alike: `name?*` takes them back.
  const patterns = [`${folder}!(${names.join("|")})`, ...names.map((name) => `${folder}${name}?*`)];
  for (const [name, deeper] of children) {
    if (deeper.includes("")) continue;
    patterns.push(
      ...allBut(
        `${folder}${name}/`,
        deeper.map((one) => `${folder}${name}/${one}`),
      ),
    );
  }
  return patterns;
}

/** Whether an exception can be taken out of a folder by `allBut`. */
export function canExcept(folder: string, exception: string): boolean {
  return (
    folder.endsWith("/") &&
    isLiteral(folder) &&
    exception.startsWith(folder) &&
    /^[\w./@ -]+$/.test(exception) &&
    exception.length > folder.length
  );
}
