/**
 * What a tool call would do, normalised. Paths are as the tool was given them: relative to the
 * directory of the OpenCode instance, or absolute; resolving them is the decision's work.
 */
export type Action =
  | { kind: "read"; tool: string; paths: string[] }
  | { kind: "write"; tool: string; changes: FileChange[] }
  | { kind: "shell"; tool: string; command: string; cwd?: string }
  /** `session`: goes on with one that exists. `paths`: what OpenCode reads into the prompt. */
  | { kind: "delegate"; tool: string; session?: string; paths?: string[] }
  | { kind: "network"; tool: string }
  | { kind: "harmless"; tool: string }
  /** A tool nobody declared, or one whose arguments do not fit; never allowed to write. */
  | { kind: "unknown"; tool: string; problem?: string };

/** `write` creates or replaces; `modify` needs an existing file; `move` writes `path` (deleted) and `to`. */
export type FileChange =
  | { op: "write" | "create" | "modify" | "delete"; path: string }
  | { op: "move"; path: string; to: string };
