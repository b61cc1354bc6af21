import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { type Delegation, type DelegationOptions, projectState, setUpDelegation } from "./delegation.ts";
import { type Finished, projectRoot, runProgram } from "./process.ts";
import type { Script } from "./script.ts";

export const HANDRAIL = join(projectRoot, "claude-hooks/bin/handrail");

export interface ServeLab extends Delegation {
  env: NodeJS.ProcessEnv;
  handrail(
    args: string[],
    options?: { cwd?: string; env?: NodeJS.ProcessEnv; stdin?: string },
  ): Promise<Finished>;
  /** As `handrail`, with `--json`; the exit code and what it printed. */
  json(args: string[], options?: { cwd?: string; env?: NodeJS.ProcessEnv }): Promise<Answer>;
  /** The project's `serve.json`. */
  entry(): ServerFile;
  /** A file by its absolute path. */
  read(file: string): string;
}

export interface Answer {
  code: number | null;
  // biome-ignore lint/suspicious/noExplicitAny: what a program printed; the tests say what it has to be
  value: any;
  stderr: string;
}

interface ServerFile {
  url: string;
  password: string;
  leader: { pid: number };
  process: { pid: number };
  [key: string]: unknown;
}

/** A repository and the real opencode, with nothing installed: `handrail` brings the plugin along. Its servers are stopped when the test ends. */
export async function setUpServe(script: Script, options: DelegationOptions = {}): Promise<ServeLab> {
  const lab = await setUpDelegation(script, { plugins: [], ...options });
  const env = { ...lab.opencode.env, ...lab.sandbox.env, ...options.env };
  const handrail: ServeLab["handrail"] = (args, more = {}) =>
    runProgram(HANDRAIL, args, {
      cwd: more.cwd ?? lab.repo.root,
      env: { ...env, ...more.env },
      timeout: 400_000,
      ...(more.stdin === undefined ? {} : { stdin: more.stdin }),
    });
  onTestFinished(async () => {
    const stopped = await handrail(["serve", "stop", "--force"]);
    if (stopped.code !== 0) throw new Error(`the server could not be stopped: ${stopped.stderr}`);
  });
  return {
    ...lab,
    env,
    handrail,
    async json(args, more) {
      const at = args.indexOf("--");
      const words = at < 0 ? [...args, "--json"] : [...args.slice(0, at), "--json", ...args.slice(at)];
      const { code, stdout, stderr } = await handrail(words, more);
      try {
        return { code, value: JSON.parse(stdout), stderr };
      } catch {
        throw new Error(`no JSON from handrail ${words.join(" ")}:\n${stdout}\n${stderr}`);
      }
    },
    read: (file) => readFileSync(file, "utf8"),
    entry: () => JSON.parse(readFileSync(join(projectState(lab.sandbox), "serve.json"), "utf8")),
  };
}

/** Whether a process is there, and not only its exit status. */
export function processRuns(pid: number): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return false;
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2)[0] !== "Z";
}
