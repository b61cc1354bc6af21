import { readFileSync } from "node:fs";
import { join } from "node:path";
import { startFlusher } from "../../../shared/callback/start.ts";
import { loadConfig } from "../../../shared/config/config.ts";
import { HandrailError } from "../../../shared/errors.ts";
import { originFromEnv } from "../../../shared/run/create.ts";
import { reap } from "../../../shared/run/reap.ts";
import { isOver, type RunRecord } from "../../../shared/run/record.ts";
import { requireRun } from "../../../shared/run/store.ts";
import { ensureServer } from "../../../shared/serve/ensure.ts";
import { startTurn } from "../../../shared/serve/turn.ts";
import { lineage } from "../../../shared/task/lineage.ts";
import { printable } from "../../../shared/text/printable.ts";
import { captureBaseline } from "../../../shared/tree/baseline.ts";
import type { Delegation } from "../delegate.ts";
import { openHere } from "../here.ts";
import { interruptible } from "../interruption.ts";
import { waitUntilFree } from "../lease.ts";
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
  await waitUntilFree(root, spec, config, wanted.waitMinutes ?? 0, progress);
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
          progress.session(session_id, created?.run_id);
          ownJob()?.note({ session_id, ...(created ? { run_id: created.run_id } : {}) });
        },
      });
      const timeoutMs = wanted.timeoutMs ?? PATIENCE_MS;
      const attention = { prompted: true, timeoutMs, progress, interruption };
      return endedRun(root, run?.run_id ?? "", await awaitTurn(server, session, run?.run_id, attention));
    } finally {
      const stays = await endAfterTask(server);
      if (stays !== undefined) progress.say(`the server stays: ${stays}`);
      // The server does not have the caller's token: it belongs to one caller, and a server has many.
      startFlusher(root, process.env);
    }
  });
}

function endedRun(root: string, runId: string, result: SessionResult): RunRecord {
  const run = requireRun(root, runId);
  if (isOver(run)) return run;
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
