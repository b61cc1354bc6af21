import type { PluginInput } from "@opencode-ai/plugin";
import { type Config, loadConfig } from "../shared/config/config.ts";
import { HandrailError } from "../shared/errors.ts";
import { keepLease } from "../shared/lock/hold.ts";
import { LeaseGuard } from "../shared/lock/permit.ts";
import { leasesDir } from "../shared/lock/store.ts";
import { createRun, originFromEnv } from "../shared/run/create.ts";
import { takeLease } from "../shared/run/lease.ts";
import { identify } from "../shared/run/process.ts";
import { reap } from "../shared/run/reap.ts";
import { isOver, type RunRecord } from "../shared/run/record.ts";
import { readRegistration, registerSession } from "../shared/run/registry.ts";
import { settleLease } from "../shared/run/settle.ts";
import { readRun } from "../shared/run/store.ts";
import type { RefusalCode } from "../shared/scope/decision.ts";
import { lineage } from "../shared/task/lineage.ts";
import { loadTask } from "../shared/task/load.ts";
import { findPromptTask } from "../shared/task/prompt.ts";
import { firstProblem } from "../shared/task/require.ts";
import { earlierPrompts } from "./earlier-prompts.ts";

/** What a session is held to. `free`: a person's own session, which Handrail leaves alone. */
export type Binding =
  /** `release` gives the lease back, where closing the run has not done it already. */
  | { kind: "run"; record: RunRecord; config: Config; leases: LeaseGuard; release: () => Promise<void> }
  | { kind: "read-only"; code: RefusalCode; detail: string; record?: RunRecord }
  | { kind: "free" };

export interface BindingContext {
  client: PluginInput["client"];
  /** Real path of the working tree's top level. */
  root: string;
  env: NodeJS.ProcessEnv;
  lane: "cli" | "serve";
  /** The process's. Set until a session has taken it: `HANDRAIL_RUN_ID` names one run, not every later prompt's. */
  preset: { runId: string | undefined };
  /** The end of a run's turn that is just being closed in this process; undefined for any other run. */
  ending: (runId: string) => Promise<void> | undefined;
  /** Whether OpenCode runs formatters after a write: code of the repository, unconfined. */
  formatters: boolean;
  /** Whether OpenCode starts language servers, which are code of the repository, too, and stay. */
  languageServers: boolean;
}

/** What a prompt is found to be for; nothing has been made or taken up for it yet. */
export type Found =
  | { kind: "record"; record: RunRecord; preset: boolean }
  | { kind: "task"; file: string }
  | Extract<Binding, { kind: "read-only" | "free" }>;

/**
 * Finds what a root session works for, when a prompt arrives. In this order: the run named in the
 * environment; what the session is registered for by whoever drives it; a task that the prompt is, contains or names; the task named in the environment; the run
 * the session is registered for; a task in the session's earlier messages (forks, and sessions older than the registration).
 * @param prompts the text of the message, then of those before it that nothing has been made of; none where
 *   there is no prompt (`/session/:id/shell`)
 */
export async function find(
  context: BindingContext,
  sessionID: string,
  prompts: readonly string[],
): Promise<Found> {
  try {
    const config = loadConfig(context.root);
    await reap(context.root, context.env);
    return (await findRun(context, sessionID, prompts)) ?? unbound(context.env, config);
  } catch (error) {
    return cannot(error);
  }
}

/** Binds a session to what was found for it: makes the run where there is none, and takes it up. */
export async function bind(context: BindingContext, sessionID: string, found: Found): Promise<Binding> {
  if (found.kind === "read-only" || found.kind === "free") return found;
  try {
    const config = loadConfig(context.root);
    const record = found.kind === "record" ? asItIs(found.record) : newRun(context, found.file);
    return await take(context, sessionID, record, config);
  } catch (error) {
    return cannot(error);
  }
}

/** A turn of it may have ended since it was found. */
function asItIs(record: RunRecord): RunRecord {
  return readRun(record.root, record.run_id) ?? record;
}

function cannot(error: unknown): Extract<Binding, { kind: "read-only" }> {
  const code =
    error instanceof HandrailError && error.code === "invalid-config" ? error.code : "guard-failed";
  return readOnly(code, error instanceof Error ? error.message : String(error));
}

async function findRun(
  context: BindingContext,
  sessionID: string,
  prompts: readonly string[],
): Promise<Found | undefined> {
  const preset = context.preset.runId;
  if (preset !== undefined) {
    const record = readRun(context.root, preset);
    if (!record)
      return readOnly("unbound", `HANDRAIL_RUN_ID names ${preset}, which is no run of this project`);
    context.preset.runId = undefined;
    return { kind: "record", record, preset: true };
  }
  const registered = readRegistration(context.root, sessionID);
  if (registered?.fixed) return fixedRun(context, registered.run_id);
  for (const prompt of prompts) {
    const task = taskOf(context, prompt);
    if (task) return task;
  }
  if (context.env.HANDRAIL_TASK) return { kind: "task", file: context.env.HANDRAIL_TASK };
  const record = registered?.run_id === undefined ? undefined : readRun(context.root, registered.run_id);
  if (record) return { kind: "record", record, preset: false };
  for (const earlier of await earlierPrompts(context.client, sessionID)) {
    const task = taskOf(context, earlier);
    if (task) return task;
  }
  return undefined;
}

/** What whoever drives the session has said that it is for. */
function fixedRun(context: BindingContext, runId: string | undefined): Found {
  if (runId === undefined) return { kind: "free" };
  const record = readRun(context.root, runId);
  return record
    ? { kind: "record", record, preset: false }
    : readOnly("unbound", `the session is registered for ${runId}, which is no run of this project`);
}

/** The task in a prompt, a refusal for one that cannot be told, or undefined without any. */
function taskOf(context: BindingContext, prompt: string): Found | undefined {
  const found = findPromptTask(prompt, context.root);
  switch (found.kind) {
    case "none":
      return undefined;
    case "missing":
      return readOnly("unbound", `the prompt names ${found.file}, which does not exist`);
    case "ambiguous":
      return readOnly(
        "unbound",
        `the prompt names several task files: ${found.files.slice(0, 4).join(", ")}`,
      );
    default:
      return { kind: "task", file: found.file };
  }
}

function newRun(context: BindingContext, file: string): RunRecord {
  const spec = loadTask(file, context.root);
  return createRun({
    root: context.root,
    spec,
    taskFile: file,
    lane: context.lane,
    origin: originFromEnv(context.env),
    keeper: identify(),
  });
}

/** Takes a run up for a session: an invalid task, or another run's lease that is in the way, is read-only. */
async function take(
  context: BindingContext,
  sessionID: string,
  record: RunRecord,
  config: Config,
): Promise<Binding> {
  const registered = readRegistration(context.root, sessionID);
  const other = otherTask(record, registered?.run_id);
  if (other !== undefined) return { ...readOnly("unbound", other), record };
  if (registered?.run_id !== record.run_id) registerSession(context.root, sessionID, record.run_id);
  // Its record is the other process's to write; a turn of ours would tell of both.
  const { executor } = record;
  if (record.turn > 0 && !isOver(record) && executor?.pid !== process.pid) {
    return readOnly(
      "busy",
      `run ${record.run_id} is worked on by another OpenCode; wait for it (handrail runs)`,
    );
  }
  if (!record.spec.ok) {
    const problem = firstProblem(record.spec, record.task_file ?? record.task_id);
    return { ...readOnly("invalid-task", problem), record };
  }
  const taken = await leaseFor(record, config, context);
  if (!taken.ok) return { ...readOnly("busy", taken.reason), record };
  const dir = leasesDir(context.root);
  const stop = keepLease(dir, record.run_id);
  return {
    kind: "run",
    record,
    config,
    leases: new LeaseGuard(dir, record.run_id),
    release: () => {
      stop();
      return settleLease(asItIs(record), "failed");
    },
  };
}

/** The lease of a run; one that a turn of this process still has, which is just ending, is waited for. */
async function leaseFor(record: RunRecord, config: Config, context: BindingContext) {
  for (;;) {
    const taken = await takeLease(record, config, context.env);
    const ending = taken.ok ? undefined : context.ending(taken.by.run_id);
    if (!ending) return taken;
    await ending;
  }
}

/** A packet has a session of its own: one that has worked for another task is not reused for it. */
function otherTask(record: RunRecord, registered: string | undefined): string | undefined {
  const { root, spec } = record;
  if (spec.packet === undefined || registered === undefined || registered === record.run_id) return undefined;
  const earlier = readRun(root, registered);
  if (!earlier || lineage(earlier.spec, root) === lineage(spec, root)) return undefined;
  return `this session has worked for task ${earlier.task_id} (run ${earlier.run_id}), and a packet needs a session of its own`;
}

function unbound(env: NodeJS.ProcessEnv, config: Config): Extract<Binding, { kind: "read-only" | "free" }> {
  if (isDelegated(env))
    return readOnly("unbound", "this session was started by an agent, and no task file binds it");
  if (config.unbound === "read-only") return readOnly("unbound", "no task file binds this session");
  return { kind: "free" };
}

/** Whether an agent started this OpenCode, and not a person by hand. */
export function isDelegated(env: NodeJS.ProcessEnv): boolean {
  const signs = [env.CLAUDECODE, env.HANDRAIL_COMPANION, env.HANDRAIL_RUN_ID, env.HANDRAIL_TASK];
  const origin = [env.HANDRAIL_ORIGIN_SESSION_ID, env.HANDRAIL_ORIGIN_SESSION_KEY, env.HANDRAIL_INBOX];
  return [...signs, ...origin].some(Boolean);
}

function readOnly(code: RefusalCode, detail: string): Extract<Binding, { kind: "read-only" }> {
  return { kind: "read-only", code, detail };
}
