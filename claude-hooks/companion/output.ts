import { EXIT, type ExitCode, HandrailError } from "../../shared/errors.ts";
import { ownJob } from "./serve/worker.ts";

/** `--json`, or `--events`, given before `--`; asked from argv so that usage errors honour it too. */
export function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  const given = end < 0 ? argv : argv.slice(0, end);
  return given.includes("--json") || given.includes("--events");
}

/**
 * A reader that went away (`handrail runs | head -0`) is no failure: what was asked for is done all the same.
 * Anything else that keeps the answer from being written is one, and makes the exit code 1.
 */
export function toleratePipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") return;
      process.exitCode = EXIT.failed;
      if (stream === process.stdout) process.stderr.write(`handrail: cannot print (${error.code})\n`);
    });
  }
}

/** Prints a verb's result: the JSON value with `--json`, else the text. Sets the exit code. */
export function emit(
  options: { json?: boolean | undefined },
  value: unknown,
  text: () => string,
  exitCode: ExitCode | number = EXIT.done,
): void {
  process.stdout.write(options.json ? `${JSON.stringify(value, null, 2)}\n` : ensureNewline(text()));
  process.exitCode = exitCode;
  ownJob()?.end(value, exitCode);
}

/** Reports a failure: `{error: {code, message, fix?}}` on stdout with `--json`, else plain words on stderr. */
export function emitError(error: unknown, json: boolean): void {
  const known = asKnown(error);
  if (json) {
    const { code, message, fix } = known;
    process.stdout.write(
      `${JSON.stringify({ error: { code, message, ...(fix ? { fix } : {}) } }, null, 2)}\n`,
    );
  } else {
    process.stderr.write(`handrail: ${known.message}\n${known.fix ? `  fix: ${known.fix}\n` : ""}`);
    if (known.code === "internal" && process.env.HANDRAIL_DEBUG && error instanceof Error) {
      process.stderr.write(`${error.stack}\n`);
    }
  }
  process.exitCode = known.exitCode;
  ownJob()?.end({ error: { code: known.code, message: known.message, fix: known.fix } }, known.exitCode);
}

/** Any error as one that a person or a program can be told about. */
export function asKnown(error: unknown): HandrailError {
  if (error instanceof HandrailError) return error;
  const { syscall } = error instanceof Error ? (error as NodeJS.ErrnoException) : {};
  if (syscall === "uv_cwd") {
    return new HandrailError("not-found", "the current folder does not exist any more", {
      fix: "cd to the project",
      cause: error,
    });
  }
  return new HandrailError("internal", error instanceof Error ? error.message : String(error), {
    fix: "set HANDRAIL_DEBUG=1 to see where it comes from",
    cause: error,
  });
}

/** Colour only on a terminal, and never with NO_COLOR (no-color.org). */
export function paint(code: number, text: string, stream: NodeJS.WriteStream = process.stdout): string {
  return stream.isTTY && !process.env.NO_COLOR ? `\u001b[${code}m${text}\u001b[0m` : text;
}

function ensureNewline(text: string): string {
  return text === "" || text.endsWith("\n") ? text : `${text}\n`;
}
