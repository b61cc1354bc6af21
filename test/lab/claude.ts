import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { jsonLines } from "./opencode.ts";
import { type Finished, installed, runProgram, stopGroup, until } from "./process.ts";
import type { Sandbox } from "./sandbox.ts";
import { contentText, isRecord, records } from "./script.ts";

export interface ClaudeOptions {
  sandbox: Sandbox;
  /** The scripted server's `url`. */
  modelUrl: string;
  /** Folders for `--plugin-dir`. */
  plugins?: string[];
  /** More arguments for every start. */
  args?: string[];
  env?: NodeJS.ProcessEnv;
}

export interface Claude {
  env: NodeJS.ProcessEnv;
  /** The start of every command line: the program, then what was asked for in the options. */
  command: string[];
  /** One prompt, `claude -p`. */
  prompt(directory: string, text: string, options?: ClaudeRunOptions): Promise<ClaudeRun>;
  /** A session that takes several prompts on stdin (`--input-format stream-json`). */
  stream(directory: string, options?: ClaudeRunOptions): ClaudeStream;
}

export interface ClaudeRunOptions {
  args?: string[];
  env?: NodeJS.ProcessEnv;
  /** Milliseconds. */
  timeout?: number;
}

export interface ClaudeRun extends Finished {
  messages: Record<string, unknown>[];
  sessionId: string;
  /** Text of the final result. */
  result: string;
}

export interface ClaudeStream {
  messages: Record<string, unknown>[];
  sessionId(): string;
  /** Sends a prompt and waits for the result of its turn. */
  send(text: string, timeout?: number): Promise<string>;
  /** Waits for one more result than there are: a turn that nobody typed. */
  nextResult(timeout?: number): Promise<string>;
  close(): Promise<void>;
}

/** Sets up the real `claude` in a sandbox against a scripted API, with permissions bypassed. */
export function setUpClaude(options: ClaudeOptions): Claude {
  const { sandbox } = options;
  const config = join(sandbox.home, ".claude");
  mkdirSync(config, { recursive: true });
  const key = "sk-ant-lab-0123456789abcdefghij";
  const seed = {
    hasCompletedOnboarding: true,
    bypassPermissionsModeAccepted: true,
    customApiKeyResponses: { approved: [key.slice(-20)] },
  };
  writeFileSync(join(config, ".claude.json"), JSON.stringify(seed));
  const env: NodeJS.ProcessEnv = {
    ...sandbox.env,
    CLAUDE_CONFIG_DIR: config,
    ANTHROPIC_BASE_URL: options.modelUrl,
    ANTHROPIC_API_KEY: key,
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    CLAUDE_CODE_TMPDIR: join(sandbox.dir, "tmp"),
    DISABLE_TELEMETRY: "1",
    DISABLE_AUTOUPDATER: "1",
    DISABLE_ERROR_REPORTING: "1",
    // Root may bypass permissions only where this says it is contained.
    IS_SANDBOX: "1",
    ...options.env,
  };
  const plugins = (options.plugins ?? []).flatMap((dir) => ["--plugin-dir", dir]);
  const command = [
    installed("claude"),
    "--dangerously-skip-permissions",
    ...plugins,
    ...(options.args ?? []),
  ];
  const [program = "", ...args] = command;
  const jsonOutput = ["--output-format", "stream-json", "--verbose"];
  return {
    env,
    command,
    async prompt(directory, text, run = {}) {
      const all = [...args, "-p", ...jsonOutput, ...(run.args ?? []), text];
      const finished = await runProgram(program, all, {
        cwd: directory,
        env: { ...env, PWD: directory, ...run.env },
        timeout: run.timeout ?? 90_000,
      });
      const messages = jsonLines(finished.stdout);
      return {
        ...finished,
        messages,
        sessionId: sessionOf(messages),
        result: results(messages).at(-1) ?? "",
      };
    },
    stream(directory, run = {}) {
      const all = [...args, "-p", "--input-format", "stream-json", ...jsonOutput, ...(run.args ?? [])];
      return stream(program, all, directory, { ...env, PWD: directory, ...run.env });
    },
  };
}

/** Texts of the tool results in a run's messages, in order. */
export function toolResults(messages: Record<string, unknown>[]): string[] {
  return messages
    .filter((message) => message.type === "user" && isRecord(message.message))
    .flatMap((message) => (isRecord(message.message) ? records(message.message.content) : []))
    .filter((part) => part.type === "tool_result")
    .map((part) => contentText(part.content));
}

function stream(program: string, args: string[], cwd: string, env: NodeJS.ProcessEnv): ClaudeStream {
  const child = spawn(program, args, { cwd, env, detached: true, stdio: ["pipe", "pipe", "pipe"] });
  const messages: Record<string, unknown>[] = [];
  let rest = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    messages.push(...jsonLines(lines.join("\n")));
  });
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    errors += chunk;
  });
  child.stdin.on("error", () => child.stdin.destroy());
  const waitForResult = (count: number, timeout: number) =>
    until(
      `result ${count} of claude`,
      () => {
        const found = results(messages)[count - 1];
        if (found === undefined && child.exitCode !== null) throw new Error(`claude ended: ${errors}`);
        return found;
      },
      timeout,
    );
  return {
    messages,
    sessionId: () => sessionOf(messages),
    send(text, timeout = 60_000) {
      const next = results(messages).length + 1;
      child.stdin.write(`${JSON.stringify({ type: "user", message: { role: "user", content: text } })}\n`);
      return waitForResult(next, timeout);
    },
    nextResult: (timeout = 30_000) => waitForResult(results(messages).length + 1, timeout),
    close: () => stopGroup(child),
  };
}

function sessionOf(messages: Record<string, unknown>[]): string {
  const named = messages.findLast((message) => typeof message.session_id === "string");
  return named ? String(named.session_id) : "";
}

function results(messages: Record<string, unknown>[]): string[] {
  return messages
    .filter((message) => message.type === "result")
    .map((message) => String(message.result ?? ""));
}
