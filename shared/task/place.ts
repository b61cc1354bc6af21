import { isLiteral } from "./pattern.ts";
import type { KindOf } from "./text/names.ts";

/** What surrounds a task: where the repository lies and what is in it. */
export interface Place {
  /** Absolute path of the repository root; empty when there is none. */
  root: string;
  kindOf: KindOf;
}

/** A name that is a folder now is its tree; `README` is `README.md` where only that exists. */
export function asItIs(pattern: string, place: Place): string {
  if (pattern.endsWith("/") || !isLiteral(pattern)) return pattern;
  const kind = place.kindOf(pattern);
  if (kind === "directory") return `${pattern}/`;
  if (
    kind === undefined &&
    /(^|\/)(README|CHANGELOG|LICENSE|CONTRIBUTING)$/.test(pattern) &&
    place.kindOf(`${pattern}.md`) === "file"
  )
    return `${pattern}.md`;
  return pattern;
}
