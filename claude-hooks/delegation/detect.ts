import { type Command, forEachChild, type Pipeline, parse, type SyntaxNode } from "unbash";
import { type Findings, isHolding, type Place, type Problem } from "./findings.ts";
import { readWords } from "./invocation.ts";
import { looksLikeCall, mentionsOpencode, roleOf } from "./programs.ts";
import { type Resolved, resolveArguments, resolveWord } from "./words.ts";

export interface Delegation {
  /** OpenCode's verbs in it: `run`, `serve`, ...; `unknown` where only that it is called can be told. */
  verbs: string[];
  problems: Problem[];
  /** Where it works, as the command says (`cd DIR &&`, `--dir DIR`), relative to where the command starts. */
  place?: Place;
}

const MAX_COMMAND = 256 * 1024;
const MAX_DEPTH = 8;

/**
 * Finds out whether a shell command delegates to OpenCode, in any spelling: through `env`, `timeout`,
 * `npx`, a path, `bash -c`, `eval`, a pipe into a shell, `$(...)`, loops, functions and variables of its own.
 * Only what can be seen in the text counts: a script that runs OpenCode is held by the environment alone.
 * @returns undefined for a command that does not (`opencode models`, `grep opencode`, `cat opencode_tasks/x`)
 */
export function detectDelegation(command: string): Delegation | undefined {
  if (!mentionsOpencode(command)) return undefined;
  const found: Findings = { verbs: [], problems: new Set(), variables: new Map(), script: () => undefined };
  let depth = 0;
  found.script = (source) => {
    if (!mentionsOpencode(source)) return;
    if (depth >= MAX_DEPTH || source.length > MAX_COMMAND) found.verbs.push("unknown");
    else {
      depth++;
      readScript(source, found);
      depth--;
    }
  };
  found.script(command);
  if (found.verbs.length === 0) return undefined;
  return {
    verbs: [...new Set(found.verbs)],
    problems: [...found.problems],
    ...(found.place === undefined ? {} : { place: found.place }),
  };
}

function readScript(source: string, found: Findings): void {
  const script = parse(source);
  const before = found.verbs.length;
  visit(script, found);
  // What does not parse as bash may still be another shell's: look for the bare words.
  if (script.errors?.length && found.verbs.length === before && looksLikeCall(source)) {
    found.verbs.push("unknown");
  }
}

function visit(node: SyntaxNode, found: Findings): void {
  if (node.type === "Command") readCommand(node, found);
  if (node.type === "Pipeline") readPipeline(node, found);
  forEachChild(node, (child) => visit(child, found));
}

type Assignment = Extract<Command["args"][number], { type: "Assignment" }>;

function readCommand(command: Command, found: Findings): void {
  const own = command.prefix.filter((entry): entry is Assignment => entry.type === "Assignment");
  const declared = command.args.filter((entry): entry is Assignment => entry.type === "Assignment");
  for (const entry of [...own, ...declared]) assign(entry, found);
  // On its own (`X=1; ...`) or after export a value lasts; before a command it is that command's alone.
  const lasting = command.name ? declared : own;
  if (lasting.some((entry) => isHolding(entry.name))) found.problems.add("sets-config");
  if (!command.name) return;
  const words = [
    ...resolveWord(command.name, found.variables),
    ...resolveArguments(command.args, found.variables),
  ];
  const before = found.verbs.length;
  readWords(words, inputOf(command, found), found);
  const sets = command.name && own.some((entry) => isHolding(entry.name));
  if (sets && found.verbs.length > before) found.problems.add("sets-config");
}

function assign(entry: Assignment, found: Findings): void {
  const { value } = entry;
  const words =
    value.type === "ArrayValue"
      ? value.elements.flatMap((element) => resolveWord(element, found.variables))
      : [oneWord(resolveWord(value, found.variables), value.text)];
  found.variables.set(entry.name, words);
}

/** An assignment takes its value whole, with the blanks in it. */
function oneWord(words: Resolved[], source: string): Resolved {
  return {
    text: words.map((word) => word.text).join(" "),
    dynamic: words.some((word) => word.dynamic),
    source: [source, ...words.map((word) => word.source)].join(" "),
  };
}

function inputOf(command: Command, found: Findings): string {
  const inputs = command.redirects.map((redirect) => {
    if (redirect.type === "HereDoc") return redirect.body.text;
    if (redirect.type !== "HereString" || !redirect.target) return "";
    return oneWord(resolveWord(redirect.target, found.variables), "").text;
  });
  return inputs.join("\n");
}

/** `echo "opencode run x" | sh`: what is printed is run. */
function readPipeline(pipeline: Pipeline, found: Findings): void {
  for (const [index, command] of pipeline.commands.entries()) {
    const source = pipeline.commands[index - 1];
    if (command.type !== "Command" || source?.type !== "Command" || !command.name) continue;
    const [name] = resolveWord(command.name, found.variables);
    if (!name || roleOf(name) !== "shell" || command.args.some((arg) => !arg.text.startsWith("-"))) continue;
    const printed = oneWord(resolveArguments(source.args, found.variables), "").text;
    found.script(`${printed.replaceAll("\\n", "\n")}\n${inputOf(source, found)}`);
  }
}
