import type { Frame } from "./frame.ts";
import { git } from "./git.ts";
import { has, readOptions } from "./options.ts";
import type { Arg } from "./words.ts";

/** Programs that matter for the rules of a task: git, readers, the network, package managers. */

/** Programs that read every operand, and how many operands come before the files. */
const readers: Readonly<Record<string, number>> = Object.fromEntries([
  ..."cat tac head tail less more nl wc od xxd hexdump strings base64 sort cut diff cmp bat view cp file md5sum sha256sum"
    .split(" ")
    .map((name) => [name, 0] as const),
  ..."grep egrep fgrep rg sed awk jq".split(" ").map((name) => [name, 1] as const),
]);

/** What adds a package to a manifest: the verbs of each package manager. */
const installers: Readonly<Record<string, readonly string[]>> = {
  npm: ["install", "i", "add", "in", "ins", "isntall"],
  yarn: ["add"],
  pnpm: ["add", "install", "i"],
  bun: ["add", "install", "i"],
  deno: ["add"],
  cargo: ["add"],
  poetry: ["add"],
  uv: ["add"],
  pdm: ["add"],
  pipenv: ["install"],
  composer: ["require"],
  bundle: ["add"],
  go: ["get"],
  mix: ["igniter.install"],
  flutter: ["pub"],
};

/** Records what a program means for the rules. */
export function programs(
  name: string,
  args: readonly Arg[],
  frame: Frame,
  variables: readonly string[],
): boolean {
  if (name === "git") {
    git(args, frame, variables);
    if (reachesRemote(args)) frame.rule("network", "git", "/");
    return false;
  }
  const reader = Object.hasOwn(readers, name);
  if (reader) reads(name, args, readers[name] ?? 0, frame);
  if (Object.hasOwn(installers, name)) installs(name, args, installers[name] ?? [], frame);
  if (usesNetwork(name, args)) frame.rule("network", name, "/");
  if (name === "find" && args.some((arg) => /^-(delete|exec|execdir|ok|okdir)$/.test(arg.start))) {
    frame.notes.ledger.doubtAll();
  }
  return reader || onlyTells.has(name);
}

/** Programs that change no file. */
const onlyTells = new Set(
  "[ test false wait ls which type basename dirname seq expr uname whoami id nproc stat du df tree".split(
    " ",
  ),
);

function reads(name: string, args: readonly Arg[], skip: number, frame: Frame): void {
  const options = readOptions(args, { short: name === "grep" ? "emABCf" : "ncefFkdtv" });
  if (!options.sure) return;
  const from = has(options, "e", "f") ? 0 : skip;
  // The last operand of cp is where it writes.
  const files = name === "cp" ? options.operands.slice(0, -1) : options.operands.slice(from);
  for (const { text } of files) {
    const path = text === undefined ? undefined : frame.resolve(text);
    if (path !== undefined) frame.rule("read", name, path);
  }
}

function installs(name: string, args: readonly Arg[], verbs: readonly string[], frame: Frame): void {
  const options = readOptions(args, {
    short: "C",
    long: ["prefix", "workspace", "filter", "cwd", "dir", "registry"],
  });
  const [verb, ...packages] = options.operands;
  if (!options.sure || packages.length === 0 || verb?.text === undefined || !verbs.includes(verb.text))
    return;
  if (has(options, "g", "global", "no-save", "dry-run", "help", "h", "prefix", "cwd", "dir", "C")) return;
  frame.rule("dependency", `${name} ${verb.text}`);
}

const remoteUrl = /^(https?|ftps?|sftp|ssh|git|wss?):\/\/(?!localhost|127\.|\[?::1|0\.0\.0\.0)/i;

function usesNetwork(name: string, args: readonly Arg[]): boolean {
  if (name === "curl" || name === "wget") {
    return args.some(
      ({ text, start }) =>
        remoteUrl.test(text ?? start) ||
        (text !== undefined && /^(www\.|[\w-]+\.(com|org|net|io|dev)(\/|$))/.test(text)),
    );
  }
  if (["ssh", "scp", "sftp", "telnet", "ftp", "ping"].includes(name)) {
    return args.length > 0 && !args.some((arg) => /localhost|127\.0\.0\.1/.test(arg.start));
  }
  return name === "rsync" && args.some((arg) => /^[\w.@-]+:|^rsync:/.test(arg.start));
}

/** git with an address of a server; whether a named remote is one, only its config knows. */
function reachesRemote(args: readonly Arg[]): boolean {
  const verb = args.find((arg) => ["clone", "fetch", "pull", "push", "ls-remote"].includes(arg.text ?? ""));
  return (
    verb !== undefined && args.some(({ start }) => remoteUrl.test(start) || /^[\w.-]+@[\w.-]+:/.test(start))
  );
}
