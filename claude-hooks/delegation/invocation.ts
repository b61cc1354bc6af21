import { type Findings, isHolding, type Place } from "./findings.ts";
import { baseName, looksLikeCall, readOpencodeCall, roleOf } from "./programs.ts";
import type { Resolved } from "./words.ts";

/**
 * Reads one command's words through everything that runs another command, down to OpenCode itself.
 * @param input what the command gets on stdin by a here-document or here-string
 * @param certain whether the first word stands where a command's name stands
 */
export function readWords(words: Resolved[], input: string, found: Findings, certain = true): void {
  const [head, ...rest] = words;
  if (!head) return;
  switch (roleOf(head)) {
    case "opencode":
      readOpencode(rest, certain, found);
      break;
    case "shell":
      readShell(rest, input, found);
      break;
    case "eval":
      found.script(texts(rest));
      break;
    case "env":
      readEnv(rest, input, found);
      break;
    case "interpreter":
      if (looksLikeCall(`${texts(rest)}\n${input}`)) found.verbs.push("unknown");
      break;
    case "wrapper":
      readWrapped(head, rest, input, found);
      break;
    case "leaver": {
      const before = found.verbs.length;
      readWrapped(head, rest, input, found);
      if (found.verbs.length > before) found.problems.add("leaves-environment");
      break;
    }
    default:
      readPlain(head, rest, found);
  }
}

/** The wrapped command starts at the first word that can be one; options and their values lie before it. */
function readWrapped(head: Resolved, rest: Resolved[], input: string, found: Findings): void {
  if (baseName(head.text) === "command" && rest.some((word) => /^-[pvV]*[vV]/.test(word.text))) return;
  const flag = rest.findIndex((word) => ["-c", "--call", "--command"].includes(word.text));
  const code = flag < 0 ? undefined : rest[flag + 1];
  if (code) found.script(code.text);
  for (const [index, word] of rest.entries()) {
    if (word === code) continue;
    if (roleOf(word) !== "other") {
      readWords(rest.slice(index), input, found, index === 0);
      return;
    }
    // tmux, screen and watch take a whole command line as one word.
    if (/\s/.test(word.text) && looksLikeCall(word.text)) found.script(word.text);
  }
}

function readOpencode(words: Resolved[], certain: boolean, found: Findings): void {
  const call = readOpencodeCall(words, certain);
  if (!call.delegates) return;
  found.verbs.push(call.verb);
  const says = (option: string) =>
    words.some((word) => word.text === option || word.text.startsWith(`${option}=`));
  if (says("--pure")) found.problems.add("pure");
  if (says("--attach") || call.verb === "attach") found.problems.add("attach");
  const place = optionPlace(words, "--dir") ?? found.cwd;
  if (place !== undefined) found.place ??= place;
}

function readShell(rest: Resolved[], input: string, found: Findings): void {
  const flag = rest.findIndex((word) => /^-[a-zA-Z]*c[a-zA-Z]*$/.test(word.text));
  const script = flag < 0 ? undefined : rest.slice(flag + 1).find((word) => !/^[-+]/.test(word.text));
  if (script?.dynamic && looksLikeCall(script.source)) found.verbs.push("unknown");
  else found.script(script ? script.text : input);
  // After a script come words of its own, which it may run: `bash -c '"$@"' _ opencode run x`.
  const own = script ? rest.slice(rest.indexOf(script) + 1) : rest;
  const start = own.findIndex((word) => roleOf(word) === "opencode");
  if (start >= 0) readOpencode(own.slice(start + 1), false, found);
}

/** Options of GNU env (coreutils 9): `-i`, `-u NAME`, `-C DIR`, `-S STRING`. */
function readEnv(rest: Resolved[], input: string, found: Findings): void {
  const before = found.verbs.length;
  let drops = false;
  let sets = false;
  let index = 0;
  for (; index < rest.length; index++) {
    const text = rest[index]?.text ?? "";
    const next = rest[index + 1]?.text ?? "";
    const assigned = /^([A-Za-z_]\w*)=/.exec(text)?.[1];
    if (assigned !== undefined) sets ||= isHolding(assigned);
    else if (!text.startsWith("-")) break;
    else if (text === "-" || text === "--ignore-environment" || /^-[0v]*i/.test(text)) drops = true;
    else if (text.startsWith("--unset=")) drops ||= isHolding(text.slice("--unset=".length));
    else if (["-u", "--unset", "-C", "--chdir", "-S", "--split-string"].includes(text)) {
      if (text === "-u" || text === "--unset") drops ||= isHolding(next);
      if (text === "-S" || text === "--split-string") found.script(next);
      index++;
    }
  }
  readWords(rest.slice(index), input, found);
  if (found.verbs.length === before) return;
  if (drops) found.problems.add("drops-environment");
  if (sets) found.problems.add("sets-config");
}

function readPlain(head: Resolved, rest: Resolved[], found: Findings): void {
  if (head.text === "cd" || head.text === "pushd") {
    const to = rest.find((word) => !word.text.startsWith("-"));
    found.cwd = placeOf(to);
  }
  if (head.text === "unset" && rest.some((word) => isHolding(word.text))) {
    found.problems.add("drops-environment");
  }
}

function optionPlace(words: Resolved[], name: string): Place | undefined {
  for (const [index, word] of words.entries()) {
    if (word.text === name) return placeOf(words[index + 1]);
    if (word.text.startsWith(`${name}=`)) return placeOf({ ...word, text: word.text.slice(name.length + 1) });
  }
  return undefined;
}

function placeOf(word: Resolved | undefined): Place {
  if (!word || word.dynamic || word.text === "" || /^~[^/]/.test(word.text)) return "unknown";
  return { directory: word.text };
}

function texts(words: readonly Resolved[]): string {
  return words.map((word) => word.text).join(" ");
}
