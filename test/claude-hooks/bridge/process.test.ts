import { spawn } from "node:child_process";
import { expect, test } from "vitest";
import { runProgram, until } from "../../lab/process.ts";
import { bridge } from "./bridge.ts";

const setUp = bridge();

const hello = {
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "raw", version: "1" } },
};
const lines = (...messages: unknown[]) =>
  messages.map((message) => `${typeof message === "string" ? message : JSON.stringify(message)}\n`).join("");
const calling = (id: number, name: string, args: unknown = {}) => ({
  jsonrpc: "2.0",
  id,
  method: "tools/call",
  params: { name, arguments: args },
});

test("stdout holds the protocol and nothing else, whatever comes in; the end of stdin ends it", async () => {
  const { command, env, repo } = await setUp();
  const [program = "", ...args] = command;
  const stdin = lines(
    hello,
    { jsonrpc: "2.0", method: "notifications/initialized" },
    "not json",
    "{}",
    "[]",
    "\u0000",
    { jsonrpc: "2.0", id: 2, method: "no/such" },
    calling(3, "opencode_nothing"),
    calling(4, "opencode_status"),
    calling(5, "opencode_status", "x"),
    calling(6, "opencode_status", { __proto__: null, constructor: 1 }),
  );
  const { code, stdout, stderr } = await runProgram(program, args, {
    cwd: repo.root,
    env,
    stdin,
    timeout: 30_000,
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const answers = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(answers.every((answer) => answer.jsonrpc === "2.0")).toBe(true);
  const byId = new Map(answers.map((answer) => [answer.id, answer]));
  expect(byId.get(1).result.serverInfo.name).toBe("handrail");
  expect(byId.get(2).error.code).toBe(-32601);
  expect(byId.get(3).error.code).toBe(-32602);
  expect(byId.get(4).result.structuredContent.version).toMatch(/^\d/);
  expect(byId.get(6).result).toMatchObject({ isError: true });
});

test("a request without an end is not read into memory for ever", async () => {
  const { command, env, repo } = await setUp();
  const [program = "", ...args] = command;
  const stdin = `${lines(hello)}{"x":"${"y".repeat(8 * 1024 * 1024)}`;
  const { code } = await runProgram(program, args, { cwd: repo.root, env, stdin, timeout: 30_000 });
  expect(code).toBe(0);
});

test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("%s ends it at once", async (signal) => {
  const { command, env, repo } = await setUp();
  const [program = "", ...args] = command;
  const child = spawn(program, args, { cwd: repo.root, env, stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.once("exit", (code, by) => resolve(code ?? by)));
  let out = "";
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk;
  });
  child.stdin.write(lines(hello, calling(2, "opencode_status")));
  await until("an answer", () => out.includes('"id":2'));
  child.kill(signal);
  expect(await ended).toBe(0);
});

test("a reader that goes away ends it", async () => {
  const { command, env, repo } = await setUp();
  const [program = "", ...args] = command;
  const child = spawn(program, args, { cwd: repo.root, env, stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.once("exit", (code, by) => resolve(code ?? by)));
  child.stdout.destroy();
  child.stdin.on("error", () => undefined);
  child.stdin.write(lines(hello));
  expect(await ended).toEqual(expect.any(Number));
});
