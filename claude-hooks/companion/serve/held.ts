import { HandrailError } from "../../../shared/errors.ts";
import type { Held } from "../../../shared/serve/turn.ts";
import { readFileScope } from "../../../shared/task/file-scope.ts";
import { kindOfIn } from "../../../shared/task/load.ts";
import { locateTask } from "../../../shared/task/locate.ts";
import { findPromptTask } from "../../../shared/task/prompt.ts";
import { requireOk, requireTask } from "../../../shared/task/require.ts";
import type { TaskSpec } from "../../../shared/task/spec.ts";

export interface HeldWish {
  /** Real path of the working tree's top level. */
  root: string;
  cwd: string;
  prompt: string;
  /** `--task` */
  task?: string | undefined;
  readOnly?: boolean | undefined;
  unscoped?: boolean | undefined;
}

export interface HeldFor {
  held: Held;
  /** The same for a person. */
  why: string;
  /** Neither flags nor prompt say anything of it. */
  silent?: boolean;
}

/**
 * What a prompt may write: what its flags say, else the file scope block in it, else the task that it is or
 * contains. A task that is only named in it is something to read about: the narrower reading.
 * @throws HandrailError `invalid-task`, `bad-usage`, and what locating a task file throws
 */
export function heldBy(wish: HeldWish): HeldFor {
  const { root, prompt } = wish;
  const flags = [wish.task !== undefined, wish.readOnly, wish.unscoped].filter(Boolean).length;
  if (flags > 1) {
    throw new HandrailError("bad-usage", "--task, --read-only and --unscoped exclude each other", {
      fix: "give one of them",
    });
  }
  if (wish.unscoped) return { held: { kind: "unscoped" }, why: "unscoped: Handrail does not hold it" };
  if (wish.readOnly) return { held: { kind: "read-only" }, why: "read-only, as asked" };
  if (wish.task !== undefined) return fromFile(locateTask(wish.task, root, wish.cwd), root);
  const block = readFileScope(prompt, { root, kindOf: kindOfIn(root) });
  if (block.kind === "read-only")
    return { held: { kind: "read-only" }, why: "read-only, as its file scope says" };
  if (block.kind === "scope") {
    if (onlyInspects(block.spec, block.line)) {
      return { held: { kind: "read-only" }, why: "read-only: its file scope names no file to modify" };
    }
    requireOk(block.spec, "the prompt's file scope", "see handrail session new --help");
    return { held: { kind: "task", spec: block.spec }, why: `held to its file scope (${block.spec.slug})` };
  }
  const named = findPromptTask(prompt, root);
  if (named.kind === "is" || named.kind === "contains") return fromFile(named.file, root);
  return { held: { kind: "read-only" }, why: NOTHING_SAID, silent: true };
}

const NOTHING_SAID =
  "read-only: the prompt has no file scope and no --task was given, so no file will be written";

function fromFile(file: string, root: string): HeldFor {
  const spec = requireTask(file, root);
  return { held: { kind: "task", spec, taskFile: file }, why: `held to task ${spec.slug} (${file})` };
}

/** Lists to read, and none to modify: the scope of a reviewer. All that is wrong is that the block, by its first line, allows nothing. */
function onlyInspects({ scope, errors }: TaskSpec, line: number): boolean {
  const only = errors.every((error) => error.line === undefined || error.line === line);
  return scope.allow.length === 0 && scope.inspect.length > 0 && only;
}
