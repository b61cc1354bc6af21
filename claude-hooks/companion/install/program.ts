import { spawn } from "node:child_process";
import { stripVTControlCharacters } from "node:util";
import { printable } from "../../../shared/text/printable.ts";

export interface Ended {
  /** null: ended by a signal, or not at all in time. */
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface Start {
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** Milliseconds, by default a minute; then the program and its children are killed. */
  timeout?: number;
}

/** Runs a program of a host to its end, without input. Rejects when it cannot be started. */
export function runProgram(file: string, args: readonly string[], start: Start): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd: start.cwd,
      env: start.env,
      // A group of its own, so that what it started ends with it.
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const ended: Ended = { code: null, signal: null, stdout: "", stderr: "" };
    const timer = setTimeout(() => {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    }, start.timeout ?? 60_000);
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      ended.stdout += chunk;
    });
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      ended.stderr += chunk;
    });
    child.on("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      resolve({ ...ended, code, signal });
    });
  });
}

/** The first line of what a program said, without colours: the rest may repeat a configuration with its keys. */
export function firstLine(text: string): string {
  const lines = stripVTControlCharacters(text).split(/\r?\n/);
  return printable((lines.find((line) => line.trim() !== "") ?? "").trim());
}
