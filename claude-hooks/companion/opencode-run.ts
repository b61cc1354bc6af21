import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import * as z from "zod/mini";
import { parseJson } from "../../shared/state/files.ts";

/** The lines of `opencode run --format json` (1.18.33, measured) that progress is made of. */
const lineSchema = z.looseObject({
  type: z.string(),
  sessionID: z.optional(z.string()),
  part: z.optional(
    z.looseObject({
      tool: z.optional(z.string()),
      state: z.optional(
        z.looseObject({
          status: z.optional(z.string()),
          title: z.optional(z.string()),
          error: z.optional(z.string()),
          metadata: z.optional(z.looseObject({ exit: z.optional(z.nullable(z.number())) })),
        }),
      ),
      tokens: z.optional(z.looseObject({ total: z.optional(z.number()) })),
    }),
  ),
  error: z.optional(
    z.looseObject({
      name: z.optional(z.string()),
      data: z.optional(z.looseObject({ message: z.optional(z.string()) })),
    }),
  ),
});
export type RunLine = z.infer<typeof lineSchema>;

export interface OpencodeRun {
  program: string;
  args: string[];
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** Sent on stdin: a message on the command line is quoted by OpenCode and bounded by the system. */
  prompt: string;
  onLine: (line: RunLine) => void;
  onStart: (child: ChildProcess) => void;
}

export interface OpencodeEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** The last lines of stderr, at most 2,000 characters. */
  stderr: string;
}

/** Runs `opencode run` in the foreground. @returns how it ended; rejects when it cannot be started */
export function runOpencode(run: OpencodeRun): Promise<OpencodeEnd> {
  return new Promise((resolve, reject) => {
    // A group of its own: Ctrl-C is the companion's to answer, and a kill reaches every child.
    const child = spawn(run.program, run.args, {
      cwd: run.cwd,
      env: run.env,
      detached: true,
      stdio: ["pipe", "pipe", "pipe"],
    });
    let stderr = "";
    child.on("error", reject);
    child.stdin.on("error", () => undefined); // it ended before it read its prompt: `close` tells how
    child.stdin.end(run.prompt);
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      stderr = (stderr + chunk).slice(-2000);
    });
    createInterface({ input: child.stdout }).on("line", (text) => {
      const line = parseJson(text, lineSchema);
      if (line.ok) run.onLine(line.value);
    });
    child.on("close", (code, signal) => resolve({ code, signal, stderr }));
    run.onStart(child);
  });
}
