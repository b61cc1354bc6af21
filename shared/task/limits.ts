import { within } from "./boundary.ts";
import { normalizePattern } from "./pattern.ts";
import { asItIs, type Place } from "./place.ts";

/** "Nothing but these": what narrows the allow list of a task. */
export interface Limit {
  /** "anything except a.ts", as against "anything outside src/". */
  names: boolean;
  paths: string[];
  text: string;
  line: number;
}

/** The patterns of a limit; what cannot be read as one limits nothing. */
export function limitPatterns(paths: readonly string[], names: boolean, place: Place): string[] {
  return paths.flatMap((raw) => {
    const result = normalizePattern(raw, place.root);
    if (!result.ok) return [];
    // "outside src/api" speaks of a folder, whether it is there or not.
    const isFolder = !names && !/\.\w{1,5}$|[/*]$/.test(result.pattern);
    return [isFolder ? `${result.pattern}/` : asItIs(result.pattern, place)];
  });
}

/** What a limit leaves of an allowed pattern. */
export function withinLimit(pattern: string, limit: Limit): string[] {
  return limit.paths.flatMap((path) => within(pattern, path));
}
