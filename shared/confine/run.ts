import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { EXIT } from "../errors.ts";
import { loadedOutside } from "../tree/outside.ts";
import { type CommandRecord, readCommands } from "./commands.ts";
import { openWorkFolders, rootWasChanged } from "./layers.ts";
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
  /** Collects the output, or the end of it, instead of passing it through. */
  buffer?: boolean;
  /** Nobody is there: no input, no signals passed on; ended after a time, output cut to its end. */
  unattended?: { timeoutMs: number; outputBytes: number };
}

export interface HeldResult extends CommandRecord {
  /** What the shell ended with: the command's own code, or 3 where that was 0 and something was left out. */
  code: number;
  exitCode: number;
  stdout: string;
  stderr: string;
  /** Ended because its time was up. */
  timedOut?: boolean;
  /** Confinement, command and applying together, in milliseconds. */
  durationMs: number;
}

/** What is collected of each output; a string of much more would end this process. */
const MOST_COLLECTED = 64 * 1024 ** 2;

const FORWARDED = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Runs one command in a prepared shell, as OpenCode would, and reads the shell's word for it. */
export async function runConfined(held: HeldCommand): Promise<HeldResult> {
  const callID = `exec-${randomBytes(6).toString("hex")}`;
  const started = performance.now();
  const stop = held.policy ? watchLayer(held.policy) : () => undefined;
  const { code, stdout, stderr, timedOut } = await call(held, callID).finally(stop);
  const durationMs = performance.now() - started;
  if (held.policy) openWorkFolders(held.policy);
  const found = readCommands(placesIn(held.runDir).commands).find((one) => one.callID === callID);
  const record = found ?? { callID, applied: [], refused: [], conflicts: [], scratch: [] };
  const said = { code, stdout, stderr, ...(timedOut && { timedOut }) };
  const result = { ...record, ...said, exitCode: found?.exitCode ?? code, durationMs };
  return held.policy && rootWasChanged(held.policy) ? withRefusedRoot(result, held.buffer) : result;
}

function withRefusedRoot(result: HeldResult, buffer: boolean | undefined): HeldResult {
  const words = "handrail: the mode of the repository's own folder stays as it is\n";
  if (!buffer) process.stderr.write(words);
  return {
    ...result,
    stderr: result.stderr + (buffer ? words : ""),
    refused: [...result.refused, { path: "./", code: "out-of-scope", quarantined: null }],
    code: result.code === 0 ? EXIT.violated : result.code,
  };
}

interface Called {
  code: number;
  stdout: string;
  stderr: string;
  timedOut: boolean;
}

function call(held: HeldCommand, callID: string): Promise<Called> {
  // The command ends when this process is killed.
  const last = held.policy ? [held.policy.tools.setpriv, "--pdeathsig", "TERM"] : [];
  const [program = "", ...words] = [...last, held.shellPath, "-c", held.command];
  const env = held.env ?? process.env;
  const outside = held.policy && loadedOutside(held.policy.root, env);
  const output = held.buffer ? "pipe" : "inherit";
  return new Promise((resolve, reject) => {
    // In a session of its own: a command cannot type into the terminal that Handrail runs in.
    const child = spawn(program, words, {
      cwd: held.cwd,
      env: { ...env, ...outside, HANDRAIL_CALL_ID: callID, PWD: held.cwd },
      stdio: [held.unattended ? "ignore" : "inherit", output, output],
      detached: true,
    });
    const most = held.unattended?.outputBytes ?? MOST_COLLECTED;
    const said = { stdout: new Tail(most), stderr: new Tail(most) };
    child.stdout?.on("data", (chunk: Buffer) => said.stdout.add(chunk));
    child.stderr?.on("data", (chunk: Buffer) => said.stderr.add(chunk));
    const forward = (signal: NodeJS.Signals) => {
      if (child.pid !== undefined) process.kill(-child.pid, signal);
    };
    const signals = held.unattended ? [] : FORWARDED;
    for (const signal of signals) process.on(signal, forward);
    const timer = held.unattended && timeLimit(child, held.unattended.timeoutMs);
    const stop = () => {
      timer?.stop();
      for (const signal of signals) process.off(signal, forward);
    };
    child.on("error", (error) => {
      stop();
      reject(error);
    });
    child.on("close", (code) => {
      stop();
      const { stdout, stderr } = said;
      const timedOut = timer?.over() ?? false;
      const cut = !held.unattended && (stdout.cut || stderr.cut) ? CUT : "";
      resolve({ code: code ?? 137, stdout: stdout.text(), stderr: stderr.text() + cut, timedOut });
    });
  });
}

const CUT = "handrail: the output was long; of stdout and stderr the last 64 MiB are here\n";

/** How long a command may take to end once its time is up. */
const GRACE_MS = 3_000;

/** Ends a command with all of its group when its time is up. */
function timeLimit(child: ChildProcess, ms: number): { over: () => boolean; stop: () => void } {
  let over = false;
  let killer: NodeJS.Timeout | undefined;
  const signal = (name: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  };
  const timer = setTimeout(() => {
    over = true;
    signal("SIGTERM");
    killer = setTimeout(signal, GRACE_MS, "SIGKILL");
  }, ms);
  return {
    over: () => over,
    stop: () => {
      clearTimeout(timer);
      clearTimeout(killer);
    },
  };
}

/** The end of an output. */
class Tail {
  readonly #most: number;
  #chunks: Buffer[] = [];
  #size = 0;
  cut = false;

  constructor(most: number) {
    this.#most = most;
  }

  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    while (this.#size - (this.#chunks[0]?.length ?? 0) >= this.#most) {
      this.#size -= this.#chunks.shift()?.length ?? 0;
      this.cut = true;
    }
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString("utf8");
  }
}
