import type { CommandArgument, Word, WordPart } from "unbash";

/** A word of a command after expansion, as far as it can be known without running anything. */
export interface Resolved {
  text: string;
  /** Part of it comes from a command, an unknown variable or a glob: `text` is not all of it. */
  dynamic: boolean;
  /** The source it came from, including that of the variables in it. */
  source: string;
}

export type Variables = Map<string, Resolved[]>;

/** Expands one word; an unquoted variable or an array may give several, or none. */
export function resolveWord(word: Word, variables: Variables): Resolved[] {
  const parts = word.parts;
  if (!parts) return [{ text: word.value, dynamic: false, source: word.text }];
  const only = parts.length === 1 ? parts[0] : undefined;
  const list = only && splitting(only, variables);
  if (list) return list;
  return [join(parts, variables, word.text)];
}

export function resolveArguments(words: readonly CommandArgument[], variables: Variables): Resolved[] {
  return words.flatMap((word) => (word.type === "Word" ? resolveWord(word, variables) : []));
}

/** `$CMD` splits at white space; `"${CMD[@]}"` gives the array's elements. */
function splitting(part: WordPart, variables: Variables): Resolved[] | undefined {
  const name = variableName(part);
  if (name !== undefined) {
    return variables
      .get(name)
      ?.flatMap((value) =>
        value.dynamic ? [value] : (value.text.match(/\S+/g) ?? []).map((text) => ({ ...value, text })),
      );
  }
  if (part.type !== "DoubleQuoted" || part.parts.length !== 1) return undefined;
  const inner = part.parts[0];
  if (inner?.type !== "ParameterExpansion" || inner.index?.value !== "@") return undefined;
  return variables.get(inner.parameter);
}

function join(parts: readonly WordPart[], variables: Variables, source: string): Resolved {
  const whole: Resolved = { text: "", dynamic: false, source };
  for (const part of parts) {
    const piece = resolvePart(part, variables);
    whole.text += piece.text;
    whole.dynamic ||= piece.dynamic;
    whole.source += ` ${piece.source}`;
  }
  return whole;
}

function resolvePart(part: WordPart, variables: Variables): Resolved {
  switch (part.type) {
    case "Literal":
    case "SingleQuoted":
    case "AnsiCQuoted":
      return { text: part.value, dynamic: false, source: "" };
    case "DoubleQuoted":
    case "LocaleString":
      return join(part.parts, variables, part.text);
    default: {
      const name = variableName(part);
      const known = name === undefined ? undefined : variables.get(name);
      if (known?.length === 1 && known[0]) return known[0];
      if (part.type === "ParameterExpansion" && part.operation?.type === "Default") {
        const { operand } = part.operation;
        return operand.parts
          ? join(operand.parts, variables, part.text)
          : { text: operand.value, dynamic: false, source: part.text };
      }
      return { text: "", dynamic: true, source: `${part.text} ${known?.map((one) => one.source) ?? ""}` };
    }
  }
}

function variableName(part: WordPart): string | undefined {
  if (part.type === "SimpleExpansion") return part.text.slice(1);
  if (part.type === "ParameterExpansion" && !part.operation && !part.index && !part.prefix) {
    return part.parameter;
  }
  return undefined;
}
