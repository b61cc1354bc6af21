import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { HandrailError } from "../errors.ts";
import { isOpen, readPolicy } from "./finish.ts";
import { placesIn } from "./places.ts";

/**
 * Finishes what a command of this run has left when it was cut off: its in-scope changes are applied.
 * Waits while a command of the working tree runs.
 * @param wait false: leaves it be when one runs
 * @returns whether nothing is open any more
 * @throws HandrailError `confinement-failed` when the layer cannot be applied; it is kept then
 */
export async function finishOpen(runDir: string, wait = true): Promise<boolean> {
  if (!existsSync(placesIn(runDir).policy)) return true;
  const policy = readPolicy(runDir);
  if (!isOpen(policy)) return true;
  const { command, environment } = policy.applier;
  const words = [...(wait ? [] : ["--nonblock", "--conflict-exit-code", "75"]), policy.lock, ...command];
  // Not in the repository: Bun runs what a `bunfig.toml` there names.
  const cwd = placesIn(runDir).dir;
  const { code, stderr } = await run(policy.tools.flock, [...words, "finish", runDir], cwd, environment);
  if (code === 75 && !wait) return false;
  if (code === 0) return true;
  throw new HandrailError("confinement-failed", `a command's changes could not be applied: ${stderr.trim()}`);
}

function run(
  program: string,
  words: readonly string[],
  cwd: string,
  environment: Record<string, string>,
): Promise<{ code: number | null; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, {
      cwd,
      env: { ...process.env, ...environment },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString("utf8");
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stderr }));
  });
}
