import { readFileSync } from "node:fs";
import { join } from "node:path";
import { startFlusher } from "../../../shared/callback/start.ts";
import { loadConfig } from "../../../shared/config/config.ts";
import { HandrailError } from "../../../shared/errors.ts";
import { createRun, originFromEnv } from "../../../shared/run/create.ts";
import { identify } from "../../../shared/run/process.ts";
import { reap } from "../../../shared/run/reap.ts";
import { isOver, type RunRecord } from "../../../shared/run/record.ts";
import { readRun, requireRun, saveRun } from "../../../shared/run/store.ts";
import { ensureServer } from "../../../shared/serve/ensure.ts";
import { startTurn } from "../../../shared/serve/turn.ts";
import { lineage } from "../../../shared/task/lineage.ts";
import { printable } from "../../../shared/text/printable.ts";
import { captureBaseline } from "../../../shared/tree/baseline.ts";
import type { Delegation } from "../delegate.ts";
import { openHere } from "../here.ts";
import { interruptible } from "../interruption.ts";
import { endWaiting, waitUntilFree } from "../lease.ts";
import { endAfterTask } from "./end-server.ts";
import { heldBy } from "./held.ts";
import { awaitTurn } from "./perform.ts";
import { attachCommand, type SessionResult } from "./result.ts";
import { ownJob } from "./worker.ts";

/** A run may take this long unless it is told, in milliseconds. */
const PATIENCE_MS = 24 * 60 * 60_000;

export interface ServeDelegation extends Delegation {
  /** Why a server that is started for this task stays when it is over; without it, it ends with the task. */
  keepServer?: string | undefined;
}

/**
 * Delegates a task to a session on the project's server (lane `serve`) and waits for it.
 * @returns the run as it ended
 * @throws HandrailError `invalid-task`, `timed-out` and `busy` (the run goes on), and what starting a server
 *   or a turn throws
 */
export async function delegateOnServer(wanted: ServeDelegation): Promise<RunRecord> {
  const { progress, model, agent } = wanted;
  const repo = await openHere(wanted.cwd);
  const { root } = repo;
  const config = loadConfig(root);
  const { held, why } = heldBy({ root, cwd: wanted.cwd, prompt: "", task: wanted.file });
  progress.say(why);
  if (held.kind !== "task" || held.taskFile === undefined) throw new HandrailError("internal", why);
  await reap(root);
  const { spec, taskFile } = held;
  const waitMinutes = wanted.waitMinutes ?? 0;
  const busy = await waitUntilFree(root, spec, config, waitMinutes, progress);
  if (busy !== undefined) {
    const origin = originFromEnv(process.env);
    const run = createRun({ root, spec, taskFile, lane: "serve", origin, model, agent, keeper: identify() });
    throw await endWaiting(run, busy, waitMinutes);
  }
  await captureBaseline(repo, { slug: lineage(spec, root), allow: spec.scope.allow });
  return interruptible(async (interruption) => {
    const server = await ensureServer({
      root,
      reason: wanted.keepServer ?? `only for task ${spec.slug}`,
      forTask: wanted.keepServer === undefined,
      join: true,
      signal: interruption.stop,
      say: (text) => progress.say(text),
    });
    let runId: string | undefined;
    try {
      const { session, run } = await startTurn(server, {
        prompt: readFileSync(join(root, taskFile), "utf8"),
        held,
        origin: originFromEnv(process.env),
        model,
        agent,
        validate: wanted.validate,
        retryOf: wanted.retryOf,
        onSession: ({ session_id }, created) => {
          runId = created?.run_id;
          progress.session(session_id, runId);
          ownJob()?.note({ session_id, ...(created ? { run_id: created.run_id } : {}) });
        },
      });
      const timeoutMs = wanted.timeoutMs ?? PATIENCE_MS;
      const attention = { prompted: true, timeoutMs, progress, interruption };
      endedRun(root, run?.run_id ?? "", await awaitTurn(server, session, run?.run_id, attention));
    } finally {
      const inUse = await endAfterTask(server).catch(notEnded);
      const stays = wanted.keepServer ?? inUse;
      if (stays !== undefined) progress.say(`the server stays: ${stays}`);
      if (runId !== undefined) noteServer(root, runId, stays);
      // The server does not have the caller's token: it belongs to one caller, and a server has many.
      startFlusher(root, process.env);
    }
    return requireRun(root, runId ?? "");
  });
}

/** A server that cannot be ended is no reason to lose what the run came to; it has to be said, though. */
function notEnded(error: unknown): string {
  return `it could not be ended (${error instanceof Error ? error.message : String(error)}); handrail serve stop`;
}

/** Puts on record what became of the server: part of what has to be reported. */
function noteServer(root: string, runId: string, stays: string | undefined): void {
  const run = readRun(root, runId);
  if (!run || !isOver(run)) return;
  const server_after =
    stays === undefined ? { state: "stopped" as const } : { state: "running" as const, reason: stays };
  saveRun({ ...run, server_after });
}

/** @throws HandrailError for a run that is not over */
function endedRun(root: string, runId: string, result: SessionResult): void {
  const run = requireRun(root, runId);
  if (isOver(run)) return;
  const fix = attachCommand(result.session_id, root);
  const [pending] = result.pending ?? [];
  if (pending) {
    const asked = `${pending.kind}: ${printable(pending.text, 200)}`;
    throw new HandrailError("busy", `run ${runId} waits for a person's answer (${asked})`, {
      fix: pending.reply,
    });
  }
  throw new HandrailError("timed-out", `run ${runId} is not over; it may go on`, { fix });
}
