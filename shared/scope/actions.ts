import { homedir } from "node:os";
import { join } from "node:path";
import * as z from "zod/mini";
import type { Action } from "./action.ts";
import { readPatch } from "./patch.ts";

/** What a project declares about tools that Handrail does not know (`handrail.config.json`). */
export interface DeclaredTools {
  /** Names of tools that change nothing; `name*` stands for every name that starts so. */
  readOnlyTools: readonly string[];
  /** For tools that write: the argument that holds the path, or the list of paths. */
  pathArguments: Readonly<Record<string, string>>;
}

/** For sessions that no configuration speaks of. */
export const NOTHING_DECLARED: DeclaredTools = { readOnlyTools: [], pathArguments: {} };

const text = z.string();
const optionalText = z.optional(z.string());

/** One tool of OpenCode: the arguments that matter here, and what a call of it would do. */
function tool<S extends z.ZodMiniType>(schema: S, act: (args: z.infer<S>, name: string) => Action) {
  return (name: string, args: unknown): Action => {
    const parsed = schema.safeParse(args);
    if (parsed.success) return act(parsed.data, name);
    const issue = parsed.error.issues[0];
    return unknown(name, problemOf(issue, args));
  };
}

/** "filePath must be a string": what is wrong with the first argument that does not fit. */
function problemOf(issue: z.core.$ZodIssue | undefined, args: unknown): string {
  const name = issue?.path.join(".") || "arguments";
  const expected = issue?.code === "invalid_type" ? issue.expected : undefined;
  const isMissing =
    typeof args === "object" && args !== null && !Array.isArray(args) && !Object.hasOwn(args, name);
  if (issue?.path.length === 1 && isMissing) return `${name} is missing`;
  return expected === undefined
    ? `${name} do not fit`
    : `${name} must be ${/^[aeiou]/.test(expected) ? "an" : "a"} ${expected}`;
}

const harmless = tool(z.unknown(), (_, name) => ({ kind: "harmless", tool: name }));
const network = tool(z.unknown(), (_, name) => ({ kind: "network", tool: name }));

/** The tools of OpenCode 1.18.33 (its registry, and the schemas of their arguments in the binary). */
const tools: Record<string, (name: string, args: unknown) => Action> = {
  write: tool(z.object({ filePath: text, content: text }), ({ filePath }, name) => ({
    kind: "write",
    tool: name,
    changes: [{ op: "write", path: filePath }],
  })),
  // An empty oldString makes a new file; anything else needs the file.
  edit: tool(
    z.object({ filePath: text, oldString: text, newString: text }),
    ({ filePath, oldString }, name) => ({
      kind: "write",
      tool: name,
      changes: [{ op: oldString === "" ? "create" : "modify", path: filePath }],
    }),
  ),
  apply_patch: tool(z.object({ patchText: text }), ({ patchText }, name) => {
    const patch = readPatch(patchText);
    return patch.ok ? { kind: "write", tool: name, changes: patch.changes } : unknown(name, patch.problem);
  }),
  bash: tool(z.object({ command: text, workdir: optionalText }), ({ command, workdir }, name) => ({
    kind: "shell",
    tool: name,
    command,
    ...(workdir ? { cwd: workdir } : {}),
  })),
  read: tool(z.object({ filePath: text }), ({ filePath }, name) => reads(name, filePath)),
  lsp: tool(z.object({ filePath: text }), ({ filePath }, name) => reads(name, filePath)),
  glob: tool(z.object({ pattern: text, path: optionalText }), ({ pattern, path }, name) =>
    reads(name, path || ".", fixedPart(pattern)),
  ),
  grep: tool(
    z.object({ pattern: text, path: optionalText, include: optionalText }),
    ({ path, include }, name) =>
      reads(name, path || ".", include && !/[*?[{!]/.test(include) ? include : undefined),
  ),
  task: tool(z.object({ task_id: optionalText, prompt: optionalText }), ({ task_id, prompt }, name) => ({
    kind: "delegate",
    tool: name,
    paths: mentioned(prompt ?? ""),
    ...(task_id ? { session: task_id } : {}),
  })),
  webfetch: network,
  websearch: network,
  codesearch: network,
  todowrite: harmless,
  todoread: harmless,
  skill: harmless,
  question: harmless,
  plan_enter: harmless,
  plan_exit: harmless,
  // Code mode interprets data only; each tool it calls comes by here on its own.
  execute: harmless,
  list_mcp_resources: harmless,
  list_mcp_resource_templates: harmless,
  read_mcp_resource: harmless,
  // Where OpenCode sends a call of no tool, or one whose JSON does not parse; it only answers.
  invalid: harmless,
};

/**
 * What a tool call of OpenCode would do.
 * @param args as the hook gets them: not validated, paths as the model wrote them
 * @returns kind `unknown` for a tool nobody knows or declared, with a `problem` where the arguments do not fit
 */
export function actionOf(name: string, args: unknown, declared: DeclaredTools): Action {
  const known = Object.hasOwn(tools, name) ? tools[name] : undefined;
  if (known) return known(name, args);
  const argument = Object.hasOwn(declared.pathArguments, name) ? declared.pathArguments[name] : undefined;
  if (argument !== undefined) return writesDeclared(name, argument, args);
  return isReadOnly(name, declared.readOnlyTools)
    ? { kind: "harmless", tool: name }
    : { kind: "unknown", tool: name };
}

const declaredPaths = z.union([z.string(), z.array(z.string()).check(z.minLength(1))]);

function writesDeclared(name: string, argument: string, args: unknown): Action {
  const value = z.record(z.string(), z.unknown()).safeParse(args);
  const paths = declaredPaths.safeParse(value.success ? value.data[argument] : undefined);
  if (!paths.success) return unknown(name, `${argument}: expected a path or a list of paths`);
  const list = typeof paths.data === "string" ? [paths.data] : paths.data;
  return { kind: "write", tool: name, changes: list.map((path) => ({ op: "write", path })) };
}

function isReadOnly(name: string, declared: readonly string[]): boolean {
  return declared.some((one) => (/.\*$/.test(one) ? name.startsWith(one.slice(0, -1)) : one === name));
}

/** The files that OpenCode 1.18 attaches for an `@` in a prompt (its code in the binary, `ConfigMarkdown.files`). */
function mentioned(prompt: string): string[] {
  const names = [...prompt.matchAll(/(?<![\w`])@(\.?[^\s`,.]*(?:\.[^\s`,.]+)*)/g)].map(
    (found) => found[1] ?? "",
  );
  return names.filter((name) => name !== "").map((name) => name.replace(/^~\//, `${homedir()}/`));
}

function reads(name: string, path: string, inner?: string): Action {
  return {
    kind: "read",
    tool: name,
    paths: inner ? [path, inner.startsWith("/") ? inner : join(path, inner)] : [path],
  };
}

/** The beginning of a glob before its first wildcard, where it is a whole path. */
function fixedPart(pattern: string): string | undefined {
  const wild = pattern.search(/[*?[{]/);
  if (wild < 0) return pattern;
  const folder = pattern.slice(0, pattern.lastIndexOf("/", wild));
  return pattern.lastIndexOf("/", wild) > 0 ? folder : undefined;
}

function unknown(name: string, problem: string): Action {
  return { kind: "unknown", tool: name, problem };
}
