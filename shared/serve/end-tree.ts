import { spawnSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";

/** How long a process may take to end by itself, in milliseconds. */
const GRACE_MS = 3000;

/**
 * Ends a process with everything it has started: SIGTERM first, SIGKILL for what is left after three seconds.
 * OpenCode gives each shell command a process group of its own (1.18.33, measured), so that ending OpenCode's
 * group alone would leave its command running, and whoever closes the run waiting for it.
 * @param pid a process that leads its own group
 * @param others of the same group, whose descendants are ended, too: a launcher may be gone before what it started
 */
export async function endTree(pid: number, others: readonly number[] = []): Promise<void> {
  const groups = groupsBelow(pid, others);
  for (const group of groups) signal(group, "SIGTERM");
  const end = Date.now() + GRACE_MS;
  while (Date.now() < end && groups.some((group) => signal(group, 0))) await sleep(50);
  for (const group of groups) signal(group, "SIGKILL");
}

/** Process groups of a process and all its descendants, its own first. */
function groupsBelow(pid: number, others: readonly number[]): number[] {
  const processes = allProcesses();
  const groups = new Set([pid]);
  const family = new Set([pid, ...others]);
  for (let before = 0; before < family.size; ) {
    before = family.size;
    for (const one of processes) {
      if (!family.has(one.parent)) continue;
      family.add(one.pid);
      groups.add(one.group);
    }
  }
  return [...groups];
}

function allProcesses(): { pid: number; parent: number; group: number }[] {
  const args = ["-A", "-o", "pid=,ppid=,pgid="];
  // Several times: it is in the terminal's foreground group, so that a second Ctrl-C ends it.
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const { status, stdout } = spawnSync("ps", args, { encoding: "utf8", timeout: 5000 });
    if (status === 0) return stdout.split("\n").flatMap(processIn);
  }
  return []; // no `ps` here: the group of the process itself is all that is known
}

function processIn(line: string): { pid: number; parent: number; group: number }[] {
  const [pid, parent, group] = line.trim().split(/\s+/).map(Number);
  return pid && parent && group ? [{ pid, parent, group }] : [];
}

/** @returns whether there was anybody to signal */
function signal(group: number, name: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-group, name);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ESRCH" || code === "EPERM") return false;
    throw error;
  }
}
