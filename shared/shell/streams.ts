import type { CommandNode, Redirect, Redirection } from "unbash";
import type { Frame } from "./frame.ts";
import { expandWord, type Lookup } from "./words.ts";
import { writes } from "./writers.ts";

const writing = new Set([">", ">>", ">|", "&>", "&>>", ">&"]);

/**
 * Records what a redirection does to the file it names.
 * @param silent whether the command prints nothing, so that `>>` changes nothing
 */
export function redirect(one: Redirect, frame: Frame, silent: boolean): void {
  if (!one.target) return;
  const fields = expandWord(one.target, frame.lookup);
  const target = fields.length === 1 ? fields[0]?.text : undefined;
  if (target === undefined) return;
  if (one.operator === "<") {
    const path = frame.resolve(target);
    if (path !== undefined) frame.rule("read", "<", path);
  }
  if (!writing.has(one.operator)) return;
  // `>&2`, `>&-`, `2>&1-`: a descriptor, no file.
  if (one.operator === ">&" && /^\d*-?$/.test(target)) return;
  writes(
    frame,
    target === "-" ? "./-" : target,
    "redirection",
    silent && one.operator.endsWith(">>") ? "create" : "write",
  );
}

/** What a here-document or here-string gives to the command, where it is certain. */
export function hereText(redirects: readonly Redirection[], lookup: Lookup): string | undefined {
  const last = redirects.findLast((one) => one.type !== "Redirect" || one.operator === "<");
  if (last?.type === "HereDoc") {
    return last.delimiter?.quoted || !last.body.parts ? last.body.text : undefined;
  }
  if (last?.type !== "HereString" || !last.target) return undefined;
  const fields = expandWord(last.target, lookup);
  return fields.length === 1 && fields[0]?.text !== undefined ? `${fields[0].text}\n` : undefined;
}

/** What a literal `echo` or `printf` prints; undefined for everything else. */
export function literalOutput(node: CommandNode, lookup: Lookup): string | undefined {
  if (node.type !== "Command" || node.redirects.length > 0) return undefined;
  const words = [node.name, ...node.args].filter((item) => item?.type === "Word");
  const texts = words.flatMap((word) => expandWord(word, lookup)).map((arg) => arg.text);
  if (words.length !== node.args.length + 1 || texts.includes(undefined)) return undefined;
  const [name, ...args] = texts.map((text) => text ?? "");
  if (name === "echo") {
    const shown = args[0] === "-n" ? args.slice(1) : args;
    return shown.some((arg) => arg.startsWith("-") || arg.includes("\\"))
      ? undefined
      : `${shown.join(" ")}\n`;
  }
  if (name !== "printf") return undefined;
  const [format, ...values] = args;
  if (format === "%s\\n" || format === "%s") return values.join("\n");
  return format && values.length === 0 && !/%|\\(?!n$)/.test(format)
    ? format.replace(/\\n$/, "\n")
    : undefined;
}
