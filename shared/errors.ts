/** Exit codes of the command-line contract (design, section 6). */
export const EXIT = { done: 0, failed: 1, usage: 2, violated: 3, timeout: 4, missing: 5 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/**
 * Every failure that a person or a program is told about. `code` is stable; `message` names the
 * file and line where there is one; `fix` is the next step, as a command where possible.
 */
const exitByCode = {
  "bad-usage": EXIT.usage,
  "bad-input": EXIT.usage,
  "invalid-task": EXIT.usage,
  "invalid-config": EXIT.usage,
  "not-a-repository": EXIT.usage,
  "no-commit": EXIT.usage,
  "bare-repository": EXIT.usage,
  "no-baseline": EXIT.usage,
  "not-found": EXIT.usage,
  "not-registered": EXIT.usage,
  "ambiguous-path": EXIT.usage,
  routing: EXIT.usage,
  // What Handrail cannot work without.
  "state-unreadable": EXIT.missing,
  "not-writable": EXIT.missing,
  "git-failed": EXIT.failed,
  internal: EXIT.failed,
  "run-failed": EXIT.failed,
  // By Ctrl-C or SIGTERM, before there was anything to be asked to stop.
  interrupted: EXIT.failed,
  "confinement-failed": EXIT.failed,
  "scope-violated": EXIT.violated,
  "timed-out": EXIT.timeout,
  "opencode-missing": EXIT.missing,
  "claude-missing": EXIT.missing,
  "git-missing": EXIT.missing,
  "plugin-not-loaded": EXIT.missing,
  "server-failed": EXIT.missing,
  "session-lost": EXIT.missing,
  "wrong-directory": EXIT.usage,
  busy: EXIT.missing,
} as const satisfies Record<string, ExitCode>;
export type ErrorCode = keyof typeof exitByCode;

/** For a code that another process of Handrail's has printed. */
export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(exitByCode, text);
}

export class HandrailError extends Error {
  readonly code: ErrorCode;
  readonly fix: string | undefined;

  constructor(code: ErrorCode, message: string, options: { fix?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "HandrailError";
    this.code = code;
    this.fix = options.fix;
  }

  get exitCode(): ExitCode {
    return exitByCode[this.code];
  }
}
