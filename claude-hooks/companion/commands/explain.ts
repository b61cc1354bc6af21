import type { Command } from "commander";
import { type Config, loadConfig } from "../../../shared/config/config.ts";
import { EXIT, HandrailError } from "../../../shared/errors.ts";
import { LeaseGuard, pathsOf } from "../../../shared/lock/permit.ts";
import { leasesDir, readLeases } from "../../../shared/lock/store.ts";
import type { Action } from "../../../shared/scope/action.ts";
import { actionOf } from "../../../shared/scope/actions.ts";
import { decide } from "../../../shared/scope/decide.ts";
import type { Decision, Refusal } from "../../../shared/scope/decision.ts";
import { createMatcher } from "../../../shared/scope/matcher.ts";
import { refusalText } from "../../../shared/scope/refusal.ts";
import { surroundingsOf } from "../../../shared/scope/surroundings.ts";
import { judgeShell } from "../../../shared/shell/judge.ts";
import { privateFolders } from "../../../shared/state/private.ts";
import { lineage } from "../../../shared/task/lineage.ts";
import { loadTask } from "../../../shared/task/load.ts";
import { findRoot, locateTask } from "../../../shared/task/locate.ts";
import type { Scope, TaskSpec } from "../../../shared/task/spec.ts";
import { emit } from "../output.ts";

interface ExplainOptions {
  json?: boolean;
  task: string;
  tool: string;
  args: string;
}

/** `handrail explain`: what the guard would decide about one tool call of a session that works on the task. */
export function configure(command: Command): void {
  command
    .requiredOption("--task <file>", "task file or coding packet")
    .requiredOption("--tool <name>", "OpenCode's name of the tool: write, edit, apply_patch, bash, ...")
    .requiredOption("--args <json>", "the tool's arguments, as JSON")
    .addHelpText(
      "after",
      `\nExample:\n  handrail explain --task opencode_tasks/20261121-add-retry.txt --tool bash --args '{"command":"npm test"}'`,
    )
    .action(explain);
}

function explain(options: ExplainOptions): void {
  const { decision, scope } = answer(options, parseArgs(options.args));
  const message = messageOf(decision, scope);
  const { code, path, rule } = decision.decision === "refuse" ? decision : {};
  const value = { decision: decision.decision, code, path, rule, message };
  emit(options, value, () => `${decision.decision}: ${message}`, scope ? EXIT.done : EXIT.usage);
}

/** The decision; without a scope where the task or the configuration cannot be used. */
function answer(options: ExplainOptions, args: unknown): { decision: Decision; scope?: Scope } {
  const cwd = process.cwd();
  const root = findRoot(cwd);
  const spec = loadTask(locateTask(options.task, root, cwd), root);
  if (!spec.ok) return { decision: unusable(options.task, spec) };
  const config = configOf(root);
  if ("decision" in config) return { decision: config };
  const action = actionOf(options.tool, args, config);
  const decision = decide(action, {
    root,
    directory: root,
    matcher: createMatcher(spec.scope, surroundingsOf(root)),
    // What the machine can hold is `doctor`'s to say; a session with a task runs its commands either way.
    confinement: "overlay",
    hidden: privateFolders(),
    scratch: config.scratch,
    judgeShell,
  });
  return { decision: leasedNow(decision, action, spec, root) ?? decision, scope: spec.scope };
}

/** A write that the task allows, and that another run's lease forbids as things stand. */
function leasedNow(decision: Decision, action: Action, spec: TaskSpec, root: string): Refusal | undefined {
  if (decision.decision !== "allow" || action.kind !== "write") return undefined;
  const dir = leasesDir(root);
  const task = lineage(spec, root);
  const own = readLeases(dir).find((lease) => lease.task_id === task);
  return new LeaseGuard(dir, own?.run_id).foresee(pathsOf(action, { root, directory: root }));
}

/** @throws HandrailError `bad-input` */
function parseArgs(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new HandrailError("bad-input", "--args is not JSON", {
      fix: `--args '{"filePath":"src/a.ts","content":"x"}'`,
      cause: error,
    });
  }
}

function unusable(file: string, spec: TaskSpec): Refusal {
  const first = spec.errors[0];
  const where = first?.line === undefined ? file : `${file}:${first.line}`;
  return {
    decision: "refuse",
    code: "invalid-task",
    detail: `${where}: ${first?.message ?? "it has errors"}`,
  };
}

function configOf(root: string): Config | Refusal {
  try {
    return loadConfig(root);
  } catch (error) {
    if (!(error instanceof HandrailError) || error.code !== "invalid-config") throw error;
    return { decision: "refuse", code: "invalid-config", detail: error.message };
  }
}

function messageOf(decision: Decision, scope: Scope | undefined): string {
  switch (decision.decision) {
    case "allow":
      return "the call goes ahead";
    case "confine":
      return "the command runs confined: what it writes in scope lands, unless another run holds it; the rest goes to quarantine";
    case "refuse":
      return refusalText(decision, scope);
  }
}
