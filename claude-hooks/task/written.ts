import { statSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { TASK_DIR } from "../../shared/task/prompt.ts";

export interface ToolCall {
  cwd: string;
  tool_name: string;
  tool_input: { file_path?: string | undefined; command?: string | undefined };
  duration_ms?: number | undefined;
}

const MOST_FILES = 4;
/** Clocks of file systems are coarse. */
const SLACK_MS = 2000;

/**
 * The task files that a tool call has written. For Write and Edit that is the file they name; a shell command
 * is taken at its word only where the file has really changed while it ran.
 * @returns absolute paths, at most a few
 */
export function taskFilesWritten(call: ToolCall, now: number = Date.now()): string[] {
  const { file_path: path, command } = call.tool_input;
  if (path !== undefined) {
    const file = resolve(call.cwd, path);
    return isTaskFile(file) ? [file] : [];
  }
  const since = now - (call.duration_ms ?? 0) - SLACK_MS;
  const named = (command ?? "").match(/[^\s"'`<>|;&()=]*opencode_tasks\/[^\s"'`<>|;&()\\]+/g) ?? [];
  const files = new Set(named.map((word) => resolve(call.cwd, word)));
  return [...files].filter((file) => isTaskFile(file) && changedAt(file) >= since).slice(0, MOST_FILES);
}

function isTaskFile(file: string): boolean {
  const name = basename(file);
  return /\.(txt|md|json)$/i.test(name) && name !== "baseline.txt" && basename(dirname(file)) === TASK_DIR;
}

/** Milliseconds since the epoch; long ago for what is not there. */
function changedAt(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
