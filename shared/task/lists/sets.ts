import { type KindOf, pathOf } from "../text/names.ts";
import type { Token } from "../text/tokens.ts";
import { patternsOfLanguage } from "../text/words.ts";

/** Several files named by one phrase: "all `.ts` files under src/", "the src/foo folder". */

/** "the src/foo folder", "folder src/foo": the path of a folder ends with a slash. */
export function folderOf(tokens: readonly Token[], at: number, raw: string | undefined): string | undefined {
  const isFolder = [tokens[at - 1], tokens[at + 1]].some((token) =>
    /^(folders?|director(y|ies)|dir)$/.test(token?.lower ?? ""),
  );
  if (raw === undefined || !isFolder || /[/\\*]$|\.\w{1,5}$/.test(raw)) return raw;
  return `${raw}/`;
}

/** "all `.ts` files under src/", "every Markdown file in docs/". */
export function fileSet(
  tokens: readonly Token[],
  first: number,
  kindOf: KindOf,
  depth?: "**/",
): { patterns: string[]; end: number } | undefined {
  const token = tokens[first];
  const noun = tokens[first + 1]?.lower ?? "";
  if (!token || !/^(files?|sources?|tests?)$/.test(noun)) return undefined;
  const patterns = setPatterns(token);
  if (!patterns) return undefined;
  const place = tokens[first + 2]?.lower ?? "";
  const folder = tokens[first + 3];
  const raw =
    folder && /^(in|under|below|inside|within|beneath)$/.test(place)
      ? pathOf(folder, "list", kindOf)
      : undefined;
  if (raw === undefined) return { patterns: [...patterns], end: first + 2 };
  const deep = depth ?? (place === "in" ? "" : "**/");
  return { patterns: patterns.map((one) => `${raw.replace(/[/\\]+$/, "")}/${deep}${one}`), end: first + 4 };
}

/** The patterns of `.ts`, `*.ts` or "Markdown" before the word "files". */
export function setPatterns(token: Token): readonly string[] | undefined {
  const ending = /^\*?(\.[a-z0-9]+(?:\.[a-z0-9]+)*)$/.exec(token.text)?.[1];
  if (ending) return [`*${ending}`];
  return patternsOfLanguage(token.lower);
}
