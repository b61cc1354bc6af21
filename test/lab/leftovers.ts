import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "./process.ts";

/** How long what a test has started may take to go, in milliseconds. */
const GRACE_MS = 10_000;

/**
 * Set up once for all tests: they get a temporary folder of their own, below which everything that they make and
 * start lies. When they are over nothing may be left of it: no process, and so no port, and no file.
 * @returns what checks that, and fails the whole run otherwise
 */
export default function setUpSuite(): () => Promise<void> {
  const before = process.env.TMPDIR;
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "hr-")));
  // What tests start as another user has to pass through.
  chmodSync(folder, 0o711);
  process.env.TMPDIR = folder;
  return async () => {
    const processes = await processesLeft(folder);
    const files = readdirSync(folder);
    for (const { pid } of processes) end(pid);
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
    const left = [
      ...processes.map(({ pid, words }) => `process ${pid}: ${words}`),
      ...files.map((name) => `temporary file: ${name}`),
    ];
    if (left.length === 0) return;
    process.exitCode = 1; // vitest only prints what a teardown throws
    throw new Error(`left behind by the tests:\n${left.join("\n")}`);
  };
}

interface Left {
  pid: number;
  words: string;
}

async function processesLeft(folder: string): Promise<Left[]> {
  try {
    await until("the tests' processes to end", () => processesOf(folder).length === 0, GRACE_MS);
    return [];
  } catch {
    return processesOf(folder);
  }
}

/** Processes that were started below a folder, work in it, or were told of it; without vitest's own. */
function processesOf(folder: string): Left[] {
  if (!existsSync("/proc/self/environ")) return [];
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const at = (name: string) => readFileSync(`/proc/${pid}/${name}`, "utf8");
        const words = at("cmdline").replaceAll("\0", " ").trim();
        const parent = Number(at("stat").replace(/^.*\) \S (\d+) .*$/s, "$1"));
        const own = parent === process.pid || words === ""; // a worker that is just ending
        const knows = [at("environ"), words, readlinkSync(`/proc/${pid}/cwd`)].some((one) =>
          one.includes(folder),
        );
        return knows && !own ? [{ pid: Number(pid), words }] : [];
      } catch (error) {
        // Ended while we looked, or another user's.
        if (["ENOENT", "ESRCH", "EACCES", "EPERM"].includes((error as NodeJS.ErrnoException).code ?? ""))
          return [];
        throw error;
      }
    });
}

function end(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
