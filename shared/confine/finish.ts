import { readFileSync, statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { HandrailError } from "../errors.ts";
import { readJson } from "../state/files.ts";
import { type Applied, applyLayer } from "./apply.ts";
import { cutLayer, cutLayers } from "./layers.ts";
import { placesIn, workPlacesIn } from "./places.ts";
import { type Policy, policySchema } from "./policy.ts";

const LONGEST_DYING = 5_000;

/** @throws HandrailError `not-found` when no shell was prepared in this run folder */
export function readPolicy(runDir: string): Policy {
  const policy = readJson(placesIn(runDir).policy, policySchema);
  if (policy) return policy;
  throw new HandrailError("not-found", `no shell was prepared in ${runDir}`);
}

/**
 * Ends the command of a run that runs still although nobody waits for it any more: its OpenCode was killed.
 * What it wrote so far is its launcher's to apply.
 */
export async function endCommand(runDir: string): Promise<void> {
  const policy = readJson(placesIn(runDir).policy, policySchema);
  if (!policy) return;
  const running = await firstProcess(policy);
  if (running?.known && startOf(running.pid) === running.started) kill(Number(running.pid));
}

/** Applies the layer of the command that has just ended. The caller holds the lock. */
export async function applyEnded(policy: Policy, exitCode: number): Promise<Applied[]> {
  cutLayer(policy);
  return applyAll(policy, exitCode);
}

/** Applies what commands that were cut off have left, if anything. The caller holds the lock. */
export async function applyCutOff(policy: Policy): Promise<Applied[]> {
  const early = await applyAll(policy, null);
  await processesGone(policy);
  cutLayer(policy);
  return [...early, ...(await applyAll(policy, null))];
}

async function applyAll(policy: Policy, exitCode: number | null): Promise<Applied[]> {
  const done: Applied[] = [];
  for (const taken of cutLayers(policy)) done.push(await applyLayer(policy, taken, exitCode));
  return done;
}

/** A killed command's processes may be dying still; none may write while its layer is read. */
async function processesGone(policy: Policy): Promise<void> {
  const first = await firstProcess(policy);
  const end = Date.now() + LONGEST_DYING;
  while (first && startOf(first.pid) === first.started && Date.now() < end) {
    if (first.known && Date.now() > end - LONGEST_DYING / 2) kill(Number(first.pid));
    await sleep(10);
  }
}

/**
 * The process whose end ends all others of a command, as the command that ran last has named it.
 * `known`: by its start time, too; otherwise its number may be somebody else's by now, and it is not killed.
 */
async function firstProcess(
  policy: Policy,
): Promise<{ pid: string; started: string; known: boolean } | undefined> {
  const read = () => readOrEmpty(workPlacesIn(policy.work).busy).trim();
  // So early that it had not said its name.
  if (read() === "starting") await sleep(200);
  const text = read();
  // bubblewrap writes what it started as JSON, without a start time.
  const bubble = /"child-pid": (\d+)/.exec(text)?.[1];
  const [pid, started] = bubble === undefined ? text.split(" ") : [bubble, startOf(bubble)];
  return pid && started ? { pid, started, known: bubble === undefined } : undefined;
}

/** Start time in clock ticks since boot. Source: proc(5), `/proc/<pid>/stat` field 22. */
function startOf(pid: string): string | undefined {
  const stat = readOrEmpty(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ESRCH") return "";
    throw error;
  }
}

export function isOpen(policy: Policy): boolean {
  const busy = statSync(workPlacesIn(policy.work).busy, { throwIfNoEntry: false });
  return (busy?.size ?? 0) > 0 || cutLayers(policy).length > 0;
}
