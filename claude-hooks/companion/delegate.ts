import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../../shared/config/config.ts";
import { failClosedEnv } from "../../shared/config/failclosed.ts";
import { HandrailError } from "../../shared/errors.ts";
import type { TurnEnd } from "../../shared/run/close.ts";
import { closeOnce } from "../../shared/run/close-once.ts";
import { createRun, originFromEnv } from "../../shared/run/create.ts";
import { identify } from "../../shared/run/process.ts";
import { reap } from "../../shared/run/reap.ts";
import { isOver, type RunRecord } from "../../shared/run/record.ts";
import { requireRun, saveRun } from "../../shared/run/store.ts";
import { endTree } from "../../shared/serve/end-tree.ts";
import { withPlugin } from "../../shared/serve/plugin-file.ts";
import { requireOpencode } from "../../shared/serve/program.ts";
import { lineage } from "../../shared/task/lineage.ts";
import { locateTask } from "../../shared/task/locate.ts";
import { requireTask } from "../../shared/task/require.ts";
import { captureBaseline } from "../../shared/tree/baseline.ts";
import { followRun, onFirstSign } from "./follow-run.ts";
import { resolveWish } from "./handoff/resolve.ts";
import { openHere } from "./here.ts";
import { firstLine } from "./install/program.ts";
import { requireFree, waitForLease } from "./lease.ts";
import { mayStart } from "./may-start.ts";
import { type OpencodeEnd, runOpencode } from "./opencode-run.ts";
import type { Progress } from "./progress.ts";
import { ownJob } from "./serve/worker.ts";

export interface Delegation {
  /** As typed: from the repository root, or from `cwd`. */
  file: string;
  cwd: string;
  model?: string | undefined;
  agent?: string | undefined;
  timeoutMs?: number | undefined;
  /** Runs the validation commands of a task file, too. */
  validate?: boolean | undefined;
  /** How long to wait for a lease that is in the way. */
  waitMinutes?: number | undefined;
  /** The run that failed before, and whose task is tried again. */
  retryOf?: string | undefined;
  progress: Progress;
}

/**
 * Delegates a task through one `opencode run` (lane `cli`) and waits for it. The run is on record before
 * anything starts; what the plugin could not close itself is closed here.
 * @returns the run as it ended
 * @throws HandrailError `invalid-task`, `opencode-missing`, `plugin-not-loaded`, `timed-out` and what
 *   opening the repository throws
 */
export async function delegate(wanted: Delegation): Promise<RunRecord> {
  const { progress } = wanted;
  const repo = await openHere(wanted.cwd);
  const config = loadConfig(repo.root);
  const file = locateTask(wanted.file, repo.root, wanted.cwd);
  const spec = requireTask(file, repo.root);
  const opencode = requireOpencode(repo.root);
  // Before the run is on record: what cannot be started leaves nothing behind.
  const env = withPlugin({ ...process.env, ...failClosedEnv(process.env) });
  await reap(repo.root);
  if (!wanted.waitMinutes) requireFree(repo.root, spec, config);
  if (wanted.agent !== undefined || wanted.model !== undefined) {
    const { agent, model } = wanted;
    const found = await resolveWish({ program: opencode, root: repo.root, env, agent, model });
    if (found.model !== undefined) progress.say(`model ${found.model} (${found.because})`);
  }
  const baseline = await captureBaseline(repo, { slug: lineage(spec, repo.root), allow: spec.scope.allow });
  progress.say(`baseline ${baseline.baseline.slice(0, 12)}${baseline.created ? "" : " (kept from before)"}`);
  let record = createRun({
    root: repo.root,
    spec,
    taskFile: file,
    lane: "cli",
    origin: originFromEnv(process.env),
    model: wanted.model,
    agent: wanted.agent,
    keeper: identify(),
    validate: wanted.validate,
    retryOf: wanted.retryOf,
  });
  ownJob()?.note({ run_id: record.run_id });
  await waitForLease(record, config, wanted.waitMinutes ?? 0, progress);
  const started = await mayStart(record);
  progress.say(`run ${record.run_id}: OpenCode starts`);
  const end = await watch(wanted, record, {
    program: opencode,
    args: [
      "run",
      "--format",
      "json",
      "--dir",
      repo.root,
      ...option("--model", wanted.model),
      ...option("--agent", wanted.agent),
    ],
    cwd: repo.root,
    env: { ...env, HANDRAIL_RUN_ID: record.run_id, HANDRAIL_COMPANION: "1" },
    prompt: readFileSync(join(repo.root, file), "utf8"),
    onStart: (child) => {
      if (child.pid) saveRun({ ...record, executor: identify(child.pid) });
      onFirstSign(child, record, started);
    },
  }).finally(started);
  record = requireRun(repo.root, record.run_id);
  if (!isOver(record) && record.turn > 0) record = await close(record, endOf(end));
  if (end.timedOut) {
    throw new HandrailError(
      "timed-out",
      `the time was up before run ${record.run_id} ended; OpenCode was ended`,
      {
        fix: `handrail show ${record.run_id}`,
      },
    );
  }
  if (isOver(record)) return record;
  const closed = await close(record, {
    outcome: "error",
    error: {
      code: "plugin-not-loaded",
      message: "OpenCode ended without a sign of Handrail's plugin; nothing was written",
    },
  });
  throw new HandrailError("plugin-not-loaded", notLoaded(end), {
    fix: "handrail doctor",
    cause: closed.error,
  });
}

/** What OpenCode's own end means for a turn that its plugin has not closed. */
function endOf(end: WatchedEnd): TurnEnd {
  if (end.timedOut) {
    return {
      outcome: "aborted",
      error: { code: "timed-out", message: "the time was up; OpenCode was ended" },
    };
  }
  return { outcome: end.stopped ? "aborted" : "lost" };
}

/** @returns the run as it ended, whoever closed it */
async function close(record: RunRecord, end: TurnEnd): Promise<RunRecord> {
  return (await closeOnce(record, end)) ?? requireRun(record.root, record.run_id);
}

interface WatchedEnd extends OpencodeEnd {
  timedOut: boolean;
  /** By Ctrl-C or SIGTERM. */
  stopped: boolean;
}

interface Watched {
  program: string;
  args: string[];
  cwd: string;
  env: NodeJS.ProcessEnv;
  prompt: string;
  onStart: (child: ChildProcess) => void;
}

/** Runs OpenCode; Ctrl-C, SIGTERM and the timeout end it with all it has started. */
async function watch(wanted: Delegation, record: RunRecord, run: Watched): Promise<WatchedEnd> {
  let child: ChildProcess | undefined;
  let session: string | undefined;
  let stopping: Promise<void> | undefined;
  const stop = () => {
    if (child?.pid) stopping ??= endTree(child.pid);
  };
  const interrupted = () => {
    if (!stopping) wanted.progress.say("stopping OpenCode; what it did so far is kept");
    stop();
  };
  process.on("SIGINT", interrupted);
  process.on("SIGTERM", interrupted);
  let timedOut = false;
  const timer =
    wanted.timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true;
          stop();
        }, wanted.timeoutMs);
  const unfollow = followRun(record, wanted.progress);
  try {
    const end = await runOpencode({
      ...run,
      onLine: (line) => {
        if (line.sessionID && !session) ownJob()?.note({ session_id: line.sessionID });
        session ??= line.sessionID;
        wanted.progress.line(line);
      },
      onStart: (started) => {
        child = started;
        run.onStart(started);
      },
    });
    await stopping;
    return { ...end, timedOut, stopped: stopping !== undefined && !timedOut };
  } catch (error) {
    await close(record, {
      outcome: "error",
      error: { code: "run-failed", message: "OpenCode could not be started" },
    });
    throw new HandrailError(
      "run-failed",
      `OpenCode could not be started: ${error instanceof Error ? error.message : ""}`,
      {
        fix: "handrail doctor",
        cause: error,
      },
    );
  } finally {
    unfollow();
    clearTimeout(timer);
    process.off("SIGINT", interrupted);
    process.off("SIGTERM", interrupted);
  }
}

function notLoaded(end: OpencodeEnd): string {
  const how = end.signal ? `was ended by ${end.signal}` : `ended with ${end.code}`;
  const said = firstLine(end.stderr).slice(0, 200);
  return `Handrail's plugin is not loaded: OpenCode ${how} before the guard was up, so nothing was written${said && `; it said: ${said}`}`;
}

function option(name: string, value: string | undefined): string[] {
  return value === undefined ? [] : [name, value];
}
