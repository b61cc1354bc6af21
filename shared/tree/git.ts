import { type ChildProcess, spawn } from "node:child_process";
import { HandrailError } from "../errors.ts";
import { findGit, type GitBinary } from "./git-binary.ts";

// Not simple-git: it gives git no stdin (`update-index --stdin`, `cat-file --batch`), decodes every
// output as UTF-8 text (blobs and file names are bytes), and its `unsafe` checks refuse the very options
// that harden a call here.

/** Where a call works. Without `gitDir` git looks for the repository from `directory` upwards. */
export interface GitPlace {
  /** Absolute; the working directory of the process. git itself is never taken from the repository around it. */
  directory: string;
  gitDir?: string;
  workTree?: string;
  indexFile?: string;
  /** Where new objects go, when not into `gitDir`. */
  objectDir?: string;
  /** Another object directory to read from. */
  alternate?: string;
}

export interface GitCall {
  /** Another index than the place's. */
  indexFile?: string;
  input?: string | Buffer;
  /** Exit codes that are an answer, not a failure; default only 0. */
  okCodes?: readonly number[];
  timeoutMs?: number;
  /** Cap on stdout, in bytes. */
  maxBytes?: number;
}

export interface GitOutput {
  code: number;
  stdout: Buffer;
  /** stdout as UTF-8 without its last newline. */
  text: string;
}

/**
 * Runs one git command.
 * @throws HandrailError `git-missing`; `git-failed` with git's own first words when it exits with another
 *   code than `okCodes`, takes longer than `timeoutMs` (default 5 minutes) or prints more than `maxBytes`
 *   (default 512 MiB)
 */
export type Git = (args: readonly string[], call?: GitCall) => Promise<GitOutput>;

/** Turned off for every call: each of these runs a program that a configuration names, or goes elsewhere. */
const HARDENED = [
  "--no-pager",
  "--no-replace-objects",
  ...[
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.untrackedCache=false",
    "core.splitIndex=false",
    "core.logAllRefUpdates=false",
    "core.safecrlf=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "credential.helper=",
    "protocol.allow=never",
  ].flatMap((setting) => ["-c", setting]),
];

/** With the user's configuration and filters. Only before the executor has started. */
export function captureGit(place: GitPlace): Git {
  const trusted = ["GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"];
  return runner(place, [], inherited(["HOME", "XDG_CONFIG_HOME", ...trusted]));
}

/**
 * Without any configuration but that of a private `gitDir` that Handrail made: nothing in the working tree
 * or in the repository's own `.git` can name a program to run.
 */
export function auditGit(place: GitPlace & { gitDir: string }): Git {
  const settings = ["core.attributesFile=/dev/null", "core.fileMode=true", "core.symlinks=true"];
  return runner(
    place,
    settings.flatMap((setting) => ["-c", setting]),
    {
      // git before 2.32 knows no GIT_CONFIG_GLOBAL: a home without configuration serves both.
      HOME: place.gitDir,
      XDG_CONFIG_HOME: place.gitDir,
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_CONFIG_SYSTEM: "/dev/null",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_ATTR_NOSYSTEM: "1",
    },
  );
}

function runner(place: GitPlace, settings: readonly string[], extra: Record<string, string>): Git {
  return (args, call = {}) => {
    const binary = findGit(place.directory);
    const index = call.indexFile === undefined ? {} : { GIT_INDEX_FILE: call.indexFile };
    const env = { ...environment(binary, place), ...extra, ...index };
    return run(binary.file, [...HARDENED, ...settings, ...args], place.directory, env, call, args);
  };
}

function environment(binary: GitBinary, place: GitPlace): Record<string, string> {
  return {
    ...inherited(["USER", "LOGNAME", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "COMSPEC", "USERPROFILE"]),
    PATH: binary.path,
    LC_ALL: "C",
    GIT_OPTIONAL_LOCKS: "0",
    GIT_TERMINAL_PROMPT: "0",
    GIT_NO_LAZY_FETCH: "1",
    // Beats any `protocol.<name>.allow` of the repository: a missing object is never fetched.
    GIT_ALLOW_PROTOCOL: "none",
    GIT_PAGER: "cat",
    GIT_EDITOR: "false",
    GIT_ASKPASS: "false",
    ...(place.gitDir === undefined ? {} : { GIT_DIR: place.gitDir }),
    ...(place.workTree === undefined ? {} : { GIT_WORK_TREE: place.workTree }),
    ...(place.indexFile === undefined ? {} : { GIT_INDEX_FILE: place.indexFile }),
    ...(place.alternate === undefined
      ? {}
      : { GIT_ALTERNATE_OBJECT_DIRECTORIES: JSON.stringify(place.alternate) }),
    ...(place.objectDir === undefined ? {} : { GIT_OBJECT_DIRECTORY: place.objectDir }),
  };
}

function inherited(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

function run(
  file: string,
  argv: readonly string[],
  cwd: string,
  env: Record<string, string>,
  call: GitCall,
  args: readonly string[],
): Promise<GitOutput> {
  const { okCodes = [0], timeoutMs = 300_000, maxBytes = 512 * 1024 * 1024 } = call;
  const name = `git ${args[0] ?? ""}`;
  return new Promise((resolve, reject) => {
    // A group of its own, without the terminal: a filter that hangs can be ended with git.
    const detached = process.platform !== "win32";
    const child = spawn(file, argv, {
      cwd,
      env,
      detached,
      stdio: ["pipe", "pipe", "pipe"],
      windowsHide: true,
    });
    const chunks: Buffer[] = [];
    let size = 0;
    let stderr = "";
    const fail = (message: string, cause?: unknown) => {
      clearTimeout(timer);
      endGroup(child);
      child.stdout.destroy();
      child.stderr.destroy();
      reject(new HandrailError("git-failed", message, { cause }));
    };
    const timer = setTimeout(
      () => fail(`${name} took longer than ${timeoutMs / 1000} s and was ended`),
      timeoutMs,
    );
    child.stdout.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxBytes) fail(`${name} printed more than ${maxBytes} bytes and was ended`);
      else chunks.push(chunk);
    });
    child.stderr.on("data", (chunk: Buffer) => {
      if (stderr.length < 8192) stderr += chunk.toString("utf8");
    });
    child.on("error", (error) => fail(`${name} could not be started in ${cwd}: ${error.message}`, error));
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (code !== null && okCodes.includes(code)) {
        const stdout = Buffer.concat(chunks);
        resolve({ code, stdout, text: stdout.toString("utf8").replace(/\r?\n$/, "") });
      } else {
        const words = stderr.trim().split("\n").slice(0, 4).join(" / ");
        reject(
          new HandrailError("git-failed", `${name} failed (${code ?? signal}): ${words || "no message"}`),
        );
      }
    });
    // git may end before it has read everything; its exit code tells what happened.
    child.stdin.on("error", () => undefined);
    child.stdin.end(call.input ?? "");
  });
}

function endGroup(child: ChildProcess): void {
  if (child.pid === undefined || process.platform === "win32") {
    child.kill("SIGKILL");
    return;
  }
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
