import { readSync } from "node:fs";
import * as z from "zod/mini";
import { HandrailError } from "../shared/errors.ts";
import { parseJson } from "../shared/state/files.ts";

/** A Write brings the whole file; anything larger is no hook's input. */
const MAX_STDIN = 32 * 1024 * 1024;

/** What every hook gets on stdin (Claude Code 2.1.329; facts, claude-code.md). */
export const eventSchema = z.looseObject({
  session_id: z.string().check(z.regex(/^[A-Za-z0-9_-]{1,128}$/)),
  cwd: z.string(),
  hook_event_name: z.string(),
  /** The file that the conversation is written to. */
  transcript_path: z.optional(z.string()),
  /** Only inside a sub-agent. */
  agent_id: z.optional(z.string()),
});

/** @throws Error in plain words when stdin is not what the schema says */
export function readEvent<T extends z.ZodMiniType>(schema: T): z.infer<T> {
  const parsed = parseJson(readStdin(), schema);
  if (parsed.ok) return parsed.value;
  throw new Error(`the hook's input is not as expected (${parsed.problem})`);
}

/** Synchronously: `process.stdin` loads Node's network code first. */
function readStdin(): string {
  const chunks: Buffer[] = [];
  let size = 0;
  for (;;) {
    const chunk = Buffer.allocUnsafe(64 * 1024);
    const read = readSome(chunk);
    if (read === 0) return Buffer.concat(chunks).toString("utf8");
    size += read;
    if (size > MAX_STDIN) throw new Error(`the hook's input is larger than ${MAX_STDIN} bytes`);
    chunks.push(chunk.subarray(0, read));
  }
}

/** @returns bytes read; 0 at the end */
function readSome(into: Buffer): number {
  for (;;) {
    try {
      return readSync(0, into);
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (code === "EOF") return 0;
      if (code !== "EAGAIN") throw error;
      // A pipe that its writer made non-blocking: wait a little.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

/** Answers Claude Code; resolves when the answer has left this process. */
export function answer(hookEventName: string, output: Record<string, unknown>): Promise<void> {
  const text = JSON.stringify({ hookSpecificOutput: { hookEventName, ...output } });
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => (error ? reject(error) : resolve()));
  });
}

/** Runs a hook that only adds something: what fails is one line on stderr, and Claude goes on. */
export function runHook(name: string, hook: () => Promise<void>): void {
  hook().catch((error: unknown) => {
    process.stderr.write(`handrail ${name}: ${oneLine(error)}\n`);
    process.exitCode = 1;
  });
}

/** What went wrong and, where it is known, what to do about it. */
export function oneLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const fix = error instanceof HandrailError && error.fix !== undefined ? ` (fix: ${error.fix})` : "";
  return `${message}${fix}`.replace(/\s+/g, " ").slice(0, 400);
}
