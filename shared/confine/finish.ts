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
  const text = readOrEmpty(workPlacesIn(policy.work).busy).trim();
  // bubblewrap writes what it started as JSON, without a start time.
  const bubble = /"child-pid": (\d+)/.exec(text)?.[1];
  const [pid, started] = bubble === undefined ? text.split(" ") : [bubble, startOf(bubble)];
  const end = Date.now() + LONGEST_DYING;
  // Cut off so early that its first process had not said its name.
  if (text === "starting") await sleep(200);
  while (pid !== undefined && started !== undefined && startOf(pid) === started && Date.now() < end) {
    // Its number may be somebody else's by now where only the number is known.
    if (bubble === undefined && Date.now() > end - LONGEST_DYING / 2) kill(Number(pid));
    await sleep(10);
  }
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
