import { isAbsolute, resolve, sep } from "node:path";
import type { Action, FileChange } from "./action.ts";
import type { Decision, Refusal, RefusalCode } from "./decision.ts";
import type { Change, Matcher } from "./matcher.ts";
import { type Place, type Resolved, resolvePath } from "./paths.ts";

/** Why a session may not write at all. */
export interface ReadOnly {
  code: RefusalCode;
  detail?: string;
}

/** What a session may do, and where. */
export interface DecisionContext extends Place {
  /** The scope of the run; undefined for a session that is only read-only. */
  matcher?: Matcher | undefined;
  readOnly?: ReadOnly | undefined;
  /**
   * Real paths of folders that no tool reads: with what is in them (a server's password, a callback's token)
   * a command could get past all this.
   */
  hidden?: readonly string[];
  /** How a shell command will be held. */
  confinement: "overlay" | "none";
  /** Patterns of scratch, for the shell's sake (`handrail.config.json`). */
  scratch?: readonly string[] | undefined;
  /** Finds what a command is certain to do against the scope (shared/shell/judge.ts). */
  judgeShell?: ShellJudge | undefined;
}

type ShellJudge = (
  command: string,
  cwd: string,
  matcher: Matcher,
  place: Place & Pick<DecisionContext, "scratch">,
) => Refusal | undefined;

const allow: Decision = { decision: "allow" };

/**
 * Decides what happens to a tool call. Looks at the file system, changes nothing, and throws nothing: what
 * goes wrong inside is a refusal with code `guard-failed`.
 */
export function decide(action: Action, context: DecisionContext): Decision {
  try {
    return decideKind(action, context);
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return { decision: "refuse", code: "guard-failed", detail };
  }
}

function decideKind(action: Action, context: DecisionContext): Decision {
  switch (action.kind) {
    case "harmless":
      return allow;
    case "delegate":
      return firstRefusal(action.paths ?? [], (path) => decideRead(path, context, false));
    case "network":
      return context.matcher?.scope.rules.includes("no-network")
        ? { decision: "refuse", code: "rule", rule: "no-network", path: action.tool }
        : allow;
    case "read":
      return firstRefusal(action.paths, (path) => decideRead(path, context, SEARCHES.has(action.tool)));
    case "write":
      if (action.changes.length === 0) return badArguments(action.tool, "it names no file");
      return firstRefusal(action.changes, (change) => decideChange(change, context));
    case "shell":
      return decideShell(action.command, action.cwd, context);
    case "unknown":
      return action.problem === undefined
        ? { decision: "refuse", code: "unknown-tool", detail: action.tool }
        : badArguments(action.tool, action.problem);
  }
}

function decideShell(command: string, cwd: string | undefined, context: DecisionContext): Decision {
  const { matcher, readOnly, judgeShell } = context;
  if (readOnly) {
    // Confined, whatever it writes is dropped; not confined, it would land.
    return context.confinement === "overlay" ? { decision: "confine" } : refuseReadOnly(readOnly);
  }
  if (!matcher) return refuseReadOnly(undefined);
  const start = resolve(context.directory, cwd ?? "");
  return judgeShell?.(command, start, matcher, context) ?? { decision: "confine" };
}

/** Tools that go through all of a folder. */
const SEARCHES = new Set(["glob", "grep"]);

function decideRead(given: string, context: DecisionContext, deep: boolean): Decision {
  const { matcher, hidden = [] } = context;
  const noRead = matcher !== undefined && matcher.scope.noRead.length > 0;
  if (!noRead && hidden.length === 0) return allow;
  const resolved = resolvePath(given, context);
  // What cannot be read in one way may be read in another: only where something is kept from reading that matters.
  if ("decision" in resolved) return noRead || mayReach(given) ? resolved : allow;
  const reached = [resolve(context.directory, given), resolved.target];
  for (const folder of hidden) {
    const within = reached.some((path) => isBelow(path, folder));
    if (within || (deep && reached.some((path) => isBelow(folder, path))))
      return { decision: "refuse", code: "private", path: given };
  }
  if (!noRead) return allow;
  return firstRefusal([resolved.lexical, resolved.real], (path) =>
    path === undefined ? allow : matcher.classifyRead(path),
  );
}

/** Whether a path that could not be resolved could lead out of the repository. */
function mayReach(given: string): boolean {
  return given !== "" && (isAbsolute(given) || given.startsWith("~") || given.includes(".."));
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

function decideChange(change: FileChange, context: DecisionContext): Decision {
  if (context.readOnly) return refuseReadOnly(context.readOnly);
  const { matcher } = context;
  if (!matcher) return refuseReadOnly(undefined);
  if (change.op !== "move") return decidePath(change.path, change.op, matcher, context);
  if (matcher.scope.rules.includes("no-rename")) {
    return { decision: "refuse", code: "rule", rule: "no-rename", path: change.path };
  }
  const parts = [
    { path: change.path, op: "delete" as const },
    { path: change.to, op: "write" as const },
  ];
  return firstRefusal(parts, ({ path, op }) => decidePath(path, op, matcher, context));
}

type SingleOp = Exclude<FileChange["op"], "move">;

function decidePath(given: string, op: SingleOp, matcher: Matcher, context: DecisionContext): Decision {
  const resolved = resolvePath(given, context, op !== "delete");
  if ("decision" in resolved) return resolved;
  const { lexical, real } = resolved;
  if (lexical === undefined) return { decision: "refuse", code: "outside-repository", path: given };
  const change = changeOf(op, resolved);
  const byText = matcher.classify(lexical, change);
  if (byText.decision === "refuse" && byText.code === "out-of-scope" && resolved.stats?.isDirectory())
    return notAFile(given, "a folder; give the path of a file in it");
  if (byText.decision === "refuse") return lexical === "" ? notAFile(given, "the repository itself") : byText;
  if (real !== lexical) {
    const byTarget = real === undefined ? undefined : matcher.classify(real, change);
    if (byTarget?.decision !== "allow") {
      return {
        decision: "refuse",
        code: "link",
        path: lexical,
        detail: `it leads to ${real ?? resolved.target}`,
      };
    }
  }
  return checkTarget(given, lexical, op, resolved);
}

/** What the path is on disk decides, too: only plain files with one name are written. */
function checkTarget(given: string, lexical: string, op: SingleOp, { stats }: Resolved): Decision {
  if (/[/\\]\.{0,2}$/.test(given)) return notAFile(lexical, "a folder");
  if (!stats) return allow;
  if (stats.isDirectory()) return notAFile(lexical, "a folder");
  if (op === "delete") return allow;
  if (!stats.isFile()) return notAFile(lexical, "no plain file (a device, pipe or socket)");
  if (stats.nlink > 1) {
    const detail = "it is a hard link: the same bytes have another name, maybe outside the scope";
    return { decision: "refuse", code: "link", path: lexical, detail };
  }
  return allow;
}

function changeOf(op: SingleOp, { stats }: Resolved): Change {
  if (op === "delete" || op === "modify") return op;
  return stats ? "modify" : "create";
}

function notAFile(path: string, what: string): Refusal {
  return { decision: "refuse", code: "bad-arguments", path, detail: `it is ${what}` };
}

function badArguments(tool: string, problem: string): Refusal {
  return { decision: "refuse", code: "bad-arguments", detail: `${tool}: ${problem}` };
}

function refuseReadOnly(readOnly: ReadOnly | undefined): Refusal {
  if (!readOnly) return { decision: "refuse", code: "unbound" };
  const { code, detail } = readOnly;
  return { decision: "refuse", code, ...(detail === undefined ? {} : { detail }) };
}

/** The first refusal among the items, else allow. */
function firstRefusal<T>(items: readonly T[], decideOne: (item: T) => Decision): Decision {
  for (const item of items) {
    const decision = decideOne(item);
    if (decision.decision === "refuse") return decision;
  }
  return allow;
}
