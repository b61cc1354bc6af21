import type { Resolved } from "./words.ts";

/** Commands that run another command in the same environment: the other one is looked for among their words. */
const WRAPPERS = new Set(
  (
    "builtin caffeinate chrt chronic command coproc eatmydata exec expect find flock gtimeout ionice ltrace " +
    "nice nohup parallel perf prlimit script setarch setsid stdbuf strace taskset time timeout tsp " +
    "unbuffer valgrind watch xargs " +
    "bun bunx corepack devbox direnv mise npm npx nix nvm pnpm pnpx rtx task volta yarn"
  ).split(" "),
);

/** Commands that run another command in an environment of its own, where nothing would hold OpenCode. */
const LEAVERS = new Set(
  "at batch docker doas launchctl nerdctl nsenter podman runuser screen su sudo systemd-run tmux unshare".split(
    " ",
  ),
);

const SHELLS = new Set("sh bash zsh dash ash ksh mksh fish busybox".split(" "));
const INTERPRETERS = new Set("node deno python python2 python3 perl ruby php tclsh osascript".split(" "));

export type Role = "opencode" | "shell" | "eval" | "env" | "wrapper" | "leaver" | "interpreter" | "other";

/** What a word does in the place of a command's name. */
export function roleOf(word: Resolved): Role {
  if (isOpencode(word)) return "opencode";
  if (word.dynamic) return "other";
  const name = baseName(word.text);
  if (SHELLS.has(name)) return "shell";
  if (name === "eval") return "eval";
  if (name === "env") return "env";
  if (WRAPPERS.has(name)) return "wrapper";
  if (LEAVERS.has(name)) return "leaver";
  return INTERPRETERS.has(name) ? "interpreter" : "other";
}

/** `opencode`, a path to it, or the package that has it, with a version. */
function isOpencode(word: Resolved): boolean {
  if (word.dynamic) return mentionsOpencode(word.source);
  return /^opencode(-ai)?(\.exe|\.cmd)?(@[^/]*)?$/i.test(baseName(word.text));
}

/** Whether a text speaks of the program; `opencode_tasks` and `opencode.json` are no program. */
export function mentionsOpencode(text: string): boolean {
  // In what printf prints, `\\n` stands before a command's name.
  return /(?<![\w.]|\w-)opencode(-ai)?(?![\w-]|\.jsonc?\b)/i.test(text.replace(/\\[nt]/g, "\n"));
}

/** What OpenCode is asked to do. `tui` is what it does without a verb. */
export interface OpencodeCall {
  verb: string;
  /** Its words from the verb on. */
  args: Resolved[];
  delegates: boolean;
}

const VALUE_OPTIONS = new Set(
  "--log-level --port --hostname --mdns-domain --cors -m --model -s --session --prompt --agent --replay-limit".split(
    " ",
  ),
);
/** Verbs of OpenCode 1.18.33 (`opencode --help`) that let no model work on the project. */
const HARMLESS = new Set(
  "completion mcp debug providers auth upgrade uninstall models stats export import session plugin plug db".split(
    " ",
  ),
);
const DELEGATING = new Set("run serve web acp attach pr".split(" "));

/**
 * Reads OpenCode's own words.
 * @param certain whether the program's name stands where a command's name stands: without it only a verb
 *   that is named outright counts, so that `timeout 5 grep opencode notes` is no delegation
 */
export function readOpencodeCall(words: readonly Resolved[], certain: boolean): OpencodeCall {
  let index = 0;
  for (; index < words.length; index++) {
    const { text, dynamic } = words[index] ?? { text: "", dynamic: false };
    if (!dynamic && text === "--") continue;
    if (dynamic || !text.startsWith("-")) break;
    if (["-h", "--help", "-v", "--version"].includes(text))
      return { verb: "help", args: [], delegates: false };
    if (VALUE_OPTIONS.has(text)) index++;
  }
  const args = words.slice(index);
  const [first, second] = args;
  if (!first) return { verb: "tui", args, delegates: certain };
  if (first.dynamic) return { verb: "unknown", args, delegates: true };
  const verb = first.text;
  const helps = args.some((word) => word.text === "--help" || word.text === "-h");
  if (DELEGATING.has(verb)) return { verb, args, delegates: !helps };
  if (verb === "github") return { verb, args, delegates: second?.text === "run" };
  if (verb === "agent") return { verb, args, delegates: second?.text === "create" && !helps };
  return { verb: HARMLESS.has(verb) ? verb : "tui", args, delegates: certain && !HARMLESS.has(verb) };
}

export function baseName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
}

/** Whether a text that is no shell command, or cannot be read as one, seems to run OpenCode. */
export function looksLikeCall(text: string): boolean {
  return (
    mentionsOpencode(text) && /opencode(-ai)?[\s\S]{0,200}?\b(run|serve|web|acp|attach|pr)\b/i.test(text)
  );
}
