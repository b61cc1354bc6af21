import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { HandrailError } from "../../shared/errors.ts";
import type { RunRecord } from "../../shared/run/record.ts";
import { requireRun } from "../../shared/run/store.ts";
import { loadTask } from "../../shared/task/load.ts";
import { locateTask } from "../../shared/task/locate.ts";
import type { Delegation } from "./delegate.ts";
import { openHere } from "./here.ts";
import { performTurn } from "./serve/perform.ts";

/**
 * Delegates a task through the project's own server (lane `serve`) and waits for it. When the time is up the
 * session goes on: it can be attached.
 * @returns the run as it ended
 * @throws HandrailError `timed-out`, `busy` when only a person can get it on, and what `performTurn` throws
 */
export async function delegateOnServer(wanted: Delegation): Promise<RunRecord> {
  const { root } = await openHere(wanted.cwd);
  const file = locateTask(wanted.file, root, wanted.cwd);
  loadTask(file, root); // a file that is none is said to be so before it is sent
  const { cwd, model, agent, timeoutMs, progress } = wanted;
  const prompt = readFileSync(resolve(root, file), "utf8");
  const task = resolve(root, file);
  const result = await performTurn({ root, cwd, prompt, task, model, agent, timeoutMs, progress });
  const { state, attach, pending } = result;
  if (state === "timed_out" || state === "interrupted") {
    throw new HandrailError("timed-out", `session ${result.session_id} was still working; it goes on`, {
      fix: attach,
    });
  }
  if (pending) {
    const what = pending.map((one) => one.kind).join(", ");
    throw new HandrailError("busy", `session ${result.session_id} waits for a person's answer (${what})`, {
      fix: attach,
    });
  }
  return requireRun(root, result.run_id ?? "");
}
