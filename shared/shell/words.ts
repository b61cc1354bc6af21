import type { DoubleQuotedChild, Word, WordPart } from "unbash";
import { expandBraces } from "../scope/braces.ts";

/** A word of a command after expansion. */
export interface Arg {
  /** What it is for certain; undefined where it depends on what only the shell knows. */
  text: string | undefined;
  /** What it begins with for certain. */
  start: string;
  /** Whether it may become no field or several. */
  many: boolean;
}

/** What expansion needs to know: the value of a variable where it is certain, else undefined. */
export type Lookup = (name: string) => string | undefined;

export function literal(text: string): Arg {
  return { text, start: text, many: false };
}

/** The files that a glob stands for where that is certain, else undefined. Literal parts are escaped by `\`. */
export type Glob = (pattern: string) => string[] | undefined;

/** Expands a word as far as it is certain. @returns its fields; none for an empty unquoted variable */
export function expandWord(word: Word, lookup: Lookup, glob?: Glob): Arg[] {
  const fields = bracesOf(word) ?? (glob && globOf(word, lookup, glob));
  if (fields) return fields.map(literal);
  const tilde = /^~(?=\/|$)/.test(word.text) ? lookup("HOME") : undefined;
  if (word.text.startsWith("~") && tilde === undefined) return [unknown("")];
  const parts = word.parts;
  if (!parts) return [literal(tilde === undefined ? word.value : tilde + word.value.slice(1))];
  const joined = join(parts, lookup, tilde);
  return joined ? [joined] : [];
}

function unknown(start: string, many = true): Arg {
  return { text: undefined, start, many };
}

function join(parts: readonly WordPart[], lookup: Lookup, tilde: string | undefined): Arg | undefined {
  let text = "";
  let quoted = false;
  for (const [index, part] of parts.entries()) {
    const value =
      index === 0 && tilde !== undefined && part.type === "Literal"
        ? tilde + part.value.slice(1)
        : partValue(part, lookup);
    if (value === undefined) return unknown(text + beginningOf(part, lookup), !isSingle(part));
    quoted ||= part.type !== "SimpleExpansion" && part.type !== "ParameterExpansion";
    // Unquoted, a value is split at blanks and globbed.
    if (isExpansion(part) && /[\s*?[\]\\]/.test(value)) return unknown(text);
    text += value;
  }
  return text === "" && !quoted ? undefined : literal(text);
}

function partValue(part: WordPart | DoubleQuotedChild, lookup: Lookup): string | undefined {
  switch (part.type) {
    case "Literal":
    case "SingleQuoted":
    case "AnsiCQuoted":
      return part.value;
    case "DoubleQuoted":
    case "LocaleString": {
      const values = part.parts.map((child) => partValue(child, lookup));
      return values.includes(undefined) ? undefined : values.join("");
    }
    case "SimpleExpansion":
      return lookup(part.text.slice(1));
    case "ParameterExpansion":
      return part.operation || part.prefix || part.index ? undefined : lookup(part.parameter);
    default:
      return undefined;
  }
}

/** What a part in double quotes begins with, where the rest is unknown. */
function beginningOf(part: WordPart, lookup: Lookup): string {
  if (part.type !== "DoubleQuoted") return "";
  const values = part.parts.map((child) => partValue(child, lookup));
  return values.slice(0, values.indexOf(undefined)).join("");
}

function isExpansion(part: WordPart): boolean {
  return part.type === "SimpleExpansion" || part.type === "ParameterExpansion";
}

function isSingle(part: WordPart): boolean {
  return part.type === "DoubleQuoted" && !/\$(\{[^}]*)?@/.test(part.text);
}

function globOf(word: Word, lookup: Lookup, glob: Glob): string[] | undefined {
  if (!word.parts?.some((part) => part.type === "Glob") || word.text.startsWith("~")) return undefined;
  let pattern = "";
  for (const part of word.parts) {
    const value = part.type === "Glob" ? part.text : partValue(part, lookup);
    if (value === undefined || (isExpansion(part) && /[\s*?[\]\\]/.test(value))) return undefined;
    if (part.type === "Glob" && /['"\\$]/.test(value)) return undefined;
    pattern += part.type === "Glob" ? value : value.replace(/[^\w/.-]/g, "\\$&");
  }
  const found = glob(pattern);
  // Without a match bash passes the pattern itself.
  return found?.length ? found : undefined;
}

/** The fields of a word that is nothing but plain text and brace lists: `src/{a,b}.ts`. */
function bracesOf(word: Word): string[] | undefined {
  const parts = word.parts;
  if (!parts?.some((part) => part.type === "BraceExpansion")) return undefined;
  const plain = parts.every((part) => part.type === "BraceExpansion" || part.type === "Literal");
  if (!plain || !/^[\w./,{}@+-]*$/.test(word.text)) return undefined;
  const fields = expandBraces(word.text);
  return fields.some((field) => /[{}]/.test(field)) ? undefined : fields;
}
