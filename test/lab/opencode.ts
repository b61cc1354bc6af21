import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Finished, installed, runProgram, stopGroup, until } from "./process.ts";
import type { Sandbox } from "./sandbox.ts";
import { isRecord } from "./script.ts";

export interface OpencodeOptions {
  sandbox: Sandbox;
  /** The scripted server's `url`. */
  modelUrl: string;
  /** An id with `gpt-` in it gets `apply_patch` instead of `edit` and `write`. */
  modelId?: string;
  /** Plugins of the user's config: a path, or `[path, options]`. */
  plugins?: (string | [string, Record<string, unknown>])[];
  permission?: Record<string, unknown>;
  /** More keys of the user's config. */
  config?: Record<string, unknown>;
  env?: NodeJS.ProcessEnv;
  /** The model's window, in tokens. */
  limit?: { context: number; output: number };
}

export interface Opencode {
  /** The whole environment the program gets; give it to whatever starts `opencode` itself. */
  env: NodeJS.ProcessEnv;
  /** `opencode <args>` in `directory`. With `--format json`, `events` are its lines. */
  run(directory: string, args: string[], options?: OpencodeRunOptions): Promise<OpencodeRun>;
  /**
   * `opencode serve` for `directory`, on a free port and with a password (an empty one in `env` means none);
   * ready when this returns.
   */
  serve(directory: string, env?: NodeJS.ProcessEnv): Promise<OpencodeServer>;
}

export interface OpencodeRunOptions {
  stdin?: string;
  env?: NodeJS.ProcessEnv;
  signal?: AbortSignal;
  /** Milliseconds. */
  timeout?: number;
}

export interface OpencodeRun extends Finished {
  events: Record<string, unknown>[];
}

export interface OpencodeServer {
  url: string;
  password: string;
  pid: number;
  /** `authorization` for requests to it. */
  headers: { authorization: string };
  close(): Promise<void>;
}

/** Sets up the real `opencode` in a sandbox, with a scripted model and nothing else. */
export function setUpOpencode(options: OpencodeOptions): Opencode {
  const { sandbox } = options;
  const folder = join(sandbox.home, ".config", "opencode");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "opencode.json"), JSON.stringify(userConfig(options), null, 2));
  const env: NodeJS.ProcessEnv = {
    ...sandbox.env,
    OPENCODE_DISABLE_MODELS_FETCH: "1",
    OPENCODE_DISABLE_AUTOUPDATE: "1",
    OPENCODE_DISABLE_SHARE: "1",
    OPENCODE_DISABLE_DEFAULT_PLUGINS: "1",
    OPENCODE_DISABLE_LSP_DOWNLOAD: "1",
    OPENCODE_DISABLE_CLAUDE_CODE: "1",
    ...options.env,
  };
  const program = installed("opencode");
  return {
    env,
    async run(directory, args, run = {}) {
      const finished = await runProgram(program, args, {
        cwd: directory,
        env: { ...env, PWD: directory, ...run.env },
        ...(run.stdin === undefined ? {} : { stdin: run.stdin }),
        ...(run.signal ? { signal: run.signal } : {}),
        timeout: run.timeout ?? 90_000,
      });
      return { ...finished, events: args.includes("json") ? jsonLines(finished.stdout) : [] };
    },
    serve: (directory, extra) => serve(program, directory, { ...env, PWD: directory, ...extra }),
  };
}

/** Lines that are JSON objects; others are left out. */
export function jsonLines(output: string): Record<string, unknown>[] {
  return output.split("\n").flatMap((line) => {
    if (!line.startsWith("{")) return [];
    const value: unknown = JSON.parse(line);
    return isRecord(value) ? [value] : [];
  });
}

/** The configuration of a person who has the scripted model, and what else the options say. */
export function userConfig(options: OpencodeOptions): Record<string, unknown> {
  const modelId = options.modelId ?? "lab-1";
  return {
    $schema: "https://opencode.ai/config.json",
    autoupdate: false,
    share: "disabled",
    enabled_providers: ["lab"],
    model: `lab/${modelId}`,
    small_model: `lab/${modelId}`,
    provider: {
      lab: {
        name: "Lab",
        npm: "@ai-sdk/openai-compatible",
        options: { baseURL: `${options.modelUrl}/v1`, apiKey: "lab" },
        models: {
          [modelId]: {
            name: modelId,
            tool_call: true,
            limit: options.limit ?? { context: 128_000, output: 8_000 },
            cost: { input: 1, output: 2 },
          },
        },
      },
    },
    ...(options.plugins ? { plugin: options.plugins } : {}),
    ...(options.permission ? { permission: options.permission } : {}),
    ...options.config,
  };
}

async function serve(program: string, directory: string, env: NodeJS.ProcessEnv): Promise<OpencodeServer> {
  const password = env.OPENCODE_SERVER_PASSWORD ?? "lab-password";
  const child = spawn(program, ["serve", "--hostname", "127.0.0.1", "--port", "0"], {
    cwd: directory,
    env: { ...env, OPENCODE_SERVER_PASSWORD: password },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
    });
  }
  const headers = { authorization: `Basic ${Buffer.from(`opencode:${password}`).toString("base64")}` };
  try {
    const url = await until("opencode serve to name its address", () => {
      if (child.exitCode !== null) throw new Error(`opencode serve ended with ${child.exitCode}: ${output}`);
      return output.match(/http:\/\/127\.0\.0\.1:\d+/)?.[0];
    });
    // A request sent while it starts can hang: short tries instead of one long wait.
    await until("opencode serve to be healthy", async () => {
      try {
        const answer = await fetch(`${url}/global/health`, { headers, signal: AbortSignal.timeout(1000) });
        return answer.ok;
      } catch {
        return false;
      }
    });
    return { url, password, pid: child.pid ?? 0, headers, close: () => stopGroup(child) };
  } catch (error) {
    await stopGroup(child);
    throw error;
  }
}
