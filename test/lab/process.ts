import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** Top folder of this project. `npm`, vitest and the built demo all start there. */
export const projectRoot = process.cwd();

/** A program of the development dependencies, e.g. `opencode`. */
export function installed(name: string): string {
  const path = `${projectRoot}/node_modules/.bin/${name}`;
  if (!existsSync(path)) throw new Error(`${path} is missing: run npm ci in the project's folder`);
  return path;
}

export interface Finished {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  timedOut: boolean;
}

export interface RunOptions {
  cwd: string;
  env: NodeJS.ProcessEnv;
  stdin?: string;
  /** After this many milliseconds the process and its group are killed. */
  timeout?: number;
  /** Aborting it sends SIGTERM to the process alone. */
  signal?: AbortSignal;
}

/** Runs a program to its end, in a process group of its own, which is gone afterwards unless it left it. */
export async function runProgram(file: string, args: string[], options: RunOptions): Promise<Finished> {
  const child = spawn(file, args, { cwd: options.cwd, env: options.env, detached: true, stdio: "pipe" });
  const output = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    output.stdout += chunk;
  });
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    output.stderr += chunk;
  });
  child.stdin.on("error", () => child.stdin.destroy());
  child.stdin.end(options.stdin ?? "");
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    killGroup(child, "SIGKILL");
  }, options.timeout ?? 90_000);
  const abort = () => child.kill("SIGTERM");
  options.signal?.addEventListener("abort", abort, { once: true });
  try {
    return await new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code, signal) => resolve({ code, signal, ...output, timedOut }));
    });
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", abort);
  }
}

/** Signals a detached child's whole group; a group that is gone is fine. */
export function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Asks a detached child to end, and makes it after two seconds. */
export async function stopGroup(child: ChildProcess): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once("exit", () => resolve());
  });
  killGroup(child, "SIGTERM");
  await Promise.race([ended, sleep(2000, undefined, { ref: false })]);
  killGroup(child, "SIGKILL");
  await ended;
}

/** Waits until `probe` gives something; fails with `what` after `timeout` milliseconds. */
export async function until<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  timeout = 30_000,
): Promise<T> {
  const end = Date.now() + timeout;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > end) throw new Error(`waited ${timeout} ms for ${what}`);
    await sleep(50);
  }
}

/**
 * Processes whose environment mentions `marker` (a fixture's own folder): what a test left running.
 * @returns `pid command line`, or undefined where there is no /proc
 */
export function processesMentioning(marker: string): string[] | undefined {
  if (!existsSync("/proc/self/environ")) return undefined;
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        if (!readFileSync(`/proc/${pid}/environ`, "utf8").includes(marker)) return [];
        return [`${pid} ${readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")}`];
      } catch (error) {
        // Ended while we looked, or another user's.
        if (["ENOENT", "ESRCH", "EACCES", "EPERM"].includes((error as NodeJS.ErrnoException).code ?? ""))
          return [];
        throw error;
      }
    });
}
