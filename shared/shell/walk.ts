import {
  type AndOr,
  type Command,
  type CommandNode,
  type For,
  type Pipeline,
  parse,
  type Redirection,
  type Statement,
  type Word,
} from "unbash";
import { builtins } from "./builtins.ts";
import { MOST_DEPTH, type Reader, run } from "./command.ts";
import type { Frame } from "./frame.ts";
import { hereText, literalOutput, redirect } from "./streams.ts";
import { expandWord } from "./words.ts";

const MOST_ROUNDS = 16;
const declares = new Set(["export", "declare", "typeset", "local", "readonly"]);
const reader: Reader = { script: readScript, node: walkNode };

/**
 * Reads a script and records what it is certain to do.
 * @param tail whether the script's last command decides how the whole command ends
 */
export function readScript(source: string, frame: Frame, tail: boolean): void {
  if (frame.depth > MOST_DEPTH || source.length > 100_000) return;
  const script = parse(source);
  // The shell may refuse all of it, or run the part before the error.
  if (script.errors?.length) frame.doubtful(() => walkList(script.commands, frame, false));
  else walkList(script.commands, frame, tail);
}

function walkList(statements: readonly Statement[], frame: Frame, tail: boolean): boolean {
  let sure = true;
  for (const [index, { command, background }] of statements.entries()) {
    if (frame.left) return false;
    const shell = background ? frame.subshell() : frame;
    const last = tail && !background && index === statements.length - 1;
    if (command.type === "AndOr") sure = walkAndOr(command, shell, last);
    else sure = walkPipelineNode(command, shell, last);
  }
  return sure;
}

/**
 * `a && b || c`. The first always runs. Of the others those after the last `||` run whenever the whole
 * succeeds, and those behind commands that cannot fail. @returns whether it is sure to succeed
 */
function walkAndOr({ commands, operators }: AndOr, frame: Frame, tail: boolean): boolean {
  const lastOr = operators.lastIndexOf("||") + 1;
  let sure = true;
  for (const [index, command] of commands.entries()) {
    if (frame.left) return false;
    const last = tail && index === commands.length - 1;
    const behindAnd = index > 0 && operators[index - 1] === "&&";
    if (index === 0 || (behindAnd && (sure || (tail && index > lastOr)))) {
      const well = walkPipelineNode(command, frame, last);
      sure = (index === 0 || sure) && well;
    } else if (!(operators[index - 1] === "||" && sure)) {
      frame.doubtful(() => walkPipelineNode(command, frame, false));
      sure = false;
    }
  }
  return sure;
}

function walkPipelineNode(node: CommandNode | Pipeline, frame: Frame, tail: boolean): boolean {
  if (node.type !== "Pipeline") return walkNode(node, frame, tail);
  const [first] = node.commands;
  const negated = node.prefixes.some((prefix) => prefix.type === "Negation");
  if (node.commands.length === 1 && first) return walkNode(first, frame, tail && !negated) && !negated;
  const last = node.commands.length - 1;
  const reads = node.commands.map((command, index) => () => {
    const before = node.commands[index - 1];
    const stdin = before && literalOutput(before, frame.lookup);
    walkNode(command, frame.subshell(), tail && !negated && index === last, stdin);
  });
  frame.notes.ledger.together(reads);
  return false;
}

function walkNode(node: CommandNode, frame: Frame, tail: boolean, stdin?: string): boolean {
  switch (node.type) {
    case "Command":
      return walkCommand(node, frame, tail, stdin);
    case "Redirected":
      walkRedirects(node.redirects, frame, false);
      return walkNode(node.command, frame, tail, stdin) && node.redirects.every(cannotFail);
    case "Subshell":
      return walkList(node.body.commands, frame.subshell(), tail);
    case "BraceGroup":
      return walkList(node.body.commands, frame, tail);
    case "Coproc":
      if (node.body.type !== "CompoundList") walkNode(node.body, frame.subshell(), false);
      return false;
    case "Function":
      frame.functions.set(node.name.value, frame.certain ? node : undefined);
      return true;
    case "If":
      walkList(node.clause.commands, frame, false);
      for (const list of [node.then, ...node.elif.flatMap((one) => [one.clause, one.then]), node.else]) {
        if (list) frame.doubtful(() => walkList(list.commands, frame, false));
      }
      return false;
    case "While":
      walkList(node.clause.commands, frame, false);
      frame.within("loop", () => frame.doubtful(() => walkList(node.body.commands, frame, false)));
      return false;
    case "For":
      return walkFor(node, frame);
    case "Case":
      walkSubstitutions(node.word, frame);
      for (const item of node.items) frame.doubtful(() => walkList(item.body.commands, frame, false));
      return false;
    case "Select":
    case "ArithmeticFor":
      frame.within("loop", () => frame.doubtful(() => walkList(node.body.commands, frame, false)));
      return false;
    default:
      return false;
  }
}

function walkFor(node: For, frame: Frame): boolean {
  for (const word of node.wordlist ?? []) walkSubstitutions(word, frame);
  const fields = node.wordlist?.flatMap((word) => expandWord(word, frame.lookup, frame.glob)) ?? [];
  const known = fields.every((field) => field.text !== undefined) && fields.length <= MOST_ROUNDS;
  const name = node.name.value;
  const body = () => walkList(node.body.commands, frame, false);
  frame.within("loop", () => {
    if (known && node.wordlist) {
      for (const field of fields) {
        if (frame.left) return;
        frame.assign(name, field.text);
        body();
        if (frame.left === "loop") frame.doubt = true;
      }
    } else {
      frame.variables.set(name, undefined);
      frame.doubtful(body);
    }
  });
  return false;
}

function walkCommand(node: Command, frame: Frame, tail: boolean, piped?: string): boolean {
  const variables: string[] = [];
  const texts = node.prefix.map((item) => (item.type === "Assignment" ? item.text : "")).join("");
  for (const item of node.prefix) {
    if (item.type !== "Assignment") continue;
    const plain = item.value.type === "Word" && !item.index && !item.append ? item.value : undefined;
    if (item.value.type === "Word") walkSubstitutions(item.value, frame);
    const value = plain && assigned(plain, frame);
    if (!node.name) frame.assign(item.name, value);
    else if (item.name !== "PATH" || !frame.keepsPrograms(value)) variables.push(item.name);
  }
  const words = [node.name, ...node.suffix].filter((item) => item?.type === "Word");
  for (const word of words) walkSubstitutions(word, frame);
  const args = words.flatMap((word) => expandWord(word, frame.lookup, frame.glob));
  const name = args[0]?.text;
  const silent = args.length === 0 || name === ":" || name === "true";
  walkRedirects(node.redirects, frame, silent);
  if (name !== undefined && declares.has(name)) {
    for (const item of node.suffix) {
      if (item.type !== "Assignment") continue;
      const plain = item.value.type === "Word" && !item.append && args.length === 1;
      frame.assign(item.name, plain && item.value.type === "Word" ? assigned(item.value, frame) : undefined);
    }
    if (name !== "export") builtins.read?.(args.slice(1), frame);
    return true;
  }
  const stdin = hereText(node.redirects, frame.lookup) ?? piped;
  // An assignment ends as the command in it does.
  const sure =
    args.length === 0 ? !/\$\(|`/.test(texts) : run(args, { frame, tail, stdin, variables }, reader);
  return sure && node.redirects.every(cannotFail);
}

/** A redirection to a device or a descriptor; any other may fail, and the command with it. */
function cannotFail(one: Redirection): boolean {
  return one.type !== "Redirect" || /^(\/dev\/(null|stdout|stderr)|&?\d)$/.test(one.target?.value ?? "");
}

function assigned(value: Word, frame: Frame): string | undefined {
  // No splitting and no globs in an assignment.
  const quoted = expandWord(value, frame.lookup);
  return quoted.length === 0 ? "" : quoted.length === 1 ? quoted[0]?.text : undefined;
}

function walkRedirects(redirects: readonly Redirection[], frame: Frame, silent: boolean): void {
  for (const one of redirects) {
    if (one.type === "HereDoc") for (const part of one.body.parts ?? []) walkPart(part, frame);
    else if (one.target) walkSubstitutions(one.target, frame);
    if (one.type === "Redirect") redirect(one, frame, silent);
  }
}

function walkSubstitutions(word: Word, frame: Frame): void {
  for (const part of word.parts ?? []) walkPart(part, frame);
}

/** Runs `$(...)` and `<(...)`; those inside `${x:-...}` may not run and are left out. */
function walkPart(part: NonNullable<Word["parts"]>[number], frame: Frame): void {
  if (part.type === "DoubleQuoted" || part.type === "LocaleString") {
    for (const child of part.parts) walkPart(child, frame);
  } else if (
    (part.type === "CommandExpansion" || part.type === "ProcessSubstitution") &&
    part.script &&
    !part.script.errors?.length
  ) {
    walkList(part.script.commands, frame.subshell(), false);
  }
}
