import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { type CommandRecord, readCommands } from "./commands.ts";
import { openWorkFolders } from "./layers.ts";
import { placesIn } from "./places.ts";
import type { Policy } from "./policy.ts";
import { watchLayer } from "./watch.ts";

export interface HeldCommand {
  shellPath: string;
  runDir: string;
  /** Undefined for a shell that holds nothing. */
  policy: Policy | undefined;
  /** What the shell is given after `-c`. */
  command: string;
  cwd: string;
  env?: NodeJS.ProcessEnv;
  /** Collects the output instead of passing it through. */
  buffer?: boolean;
}

export interface HeldResult extends CommandRecord {
  /** What the shell ended with: the command's own code, or 3 where that was 0 and something was left out. */
  code: number;
  exitCode: number;
  stdout: string;
  stderr: string;
  /** Confinement, command and applying together, in milliseconds. */
  durationMs: number;
}

const FORWARDED = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Runs one command in a prepared shell, as OpenCode would, and reads the shell's word for it. */
export async function runConfined(held: HeldCommand): Promise<HeldResult> {
  const callID = `exec-${randomBytes(6).toString("hex")}`;
  const started = performance.now();
  const stop = held.policy ? watchLayer(held.policy) : () => undefined;
  const { code, stdout, stderr } = await call(held, callID).finally(stop);
  if (held.policy) openWorkFolders(held.policy);
  const record = readCommands(placesIn(held.runDir).commands).find((one) => one.callID === callID);
  return {
    ...(record ?? { callID, applied: [], refused: [], conflicts: [], scratch: [] }),
    ...{ code, stdout, stderr, exitCode: record?.exitCode ?? code },
    durationMs: performance.now() - started,
  };
}

function call(held: HeldCommand, callID: string): Promise<{ code: number; stdout: string; stderr: string }> {
  // The command ends when this process is killed.
  const last = held.policy ? [held.policy.tools.setpriv, "--pdeathsig", "TERM"] : [];
  const [program = "", ...words] = [...last, held.shellPath, "-c", held.command];
  const output = held.buffer ? "pipe" : "inherit";
  return new Promise((resolve, reject) => {
    // In a session of its own: a command cannot type into the terminal that Handrail runs in.
    const child = spawn(program, words, {
      cwd: held.cwd,
      env: { ...(held.env ?? process.env), HANDRAIL_CALL_ID: callID, PWD: held.cwd },
      stdio: ["inherit", output, output],
      detached: true,
    });
    const said: Record<"stdout" | "stderr", Buffer[]> = { stdout: [], stderr: [] };
    child.stdout?.on("data", (chunk: Buffer) => said.stdout.push(chunk));
    child.stderr?.on("data", (chunk: Buffer) => said.stderr.push(chunk));
    const forward = (signal: NodeJS.Signals) => {
      if (child.pid !== undefined) process.kill(-child.pid, signal);
    };
    for (const signal of FORWARDED) process.on(signal, forward);
    const stop = () => {
      for (const signal of FORWARDED) process.off(signal, forward);
    };
    child.on("error", (error) => {
      stop();
      reject(error);
    });
    child.on("close", (code) => {
      stop();
      const text = (chunks: Buffer[]) => Buffer.concat(chunks).toString("utf8");
      resolve({ code: code ?? 137, stdout: text(said.stdout), stderr: text(said.stderr) });
    });
  });
}
