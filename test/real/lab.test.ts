import { expect, test } from "vitest";
import { startAnthropicServer } from "../lab/anthropic-server.ts";
import { setUpClaude, toolResults } from "../lab/claude.ts";
import { openTerminal } from "../lab/claude-terminal.ts";
import { closing } from "../lab/cleanup.ts";
import { startOpenAiServer } from "../lab/openai-server.ts";
import { setUpOpencode } from "../lab/opencode.ts";
import { changed, makeRepo } from "../lab/repo.ts";
import { makeSandbox } from "../lab/sandbox.ts";
import { call, type Script, text } from "../lab/script.ts";
import { terminalMissing } from "../lab/terminal.ts";

async function opencodeWith(script: Script, modelId = "lab-1") {
  const sandbox = closing(makeSandbox());
  const model = closing(await startOpenAiServer(script));
  const repo = makeRepo(`${sandbox.dir}/repo`);
  return { model, repo, opencode: setUpOpencode({ sandbox, modelUrl: model.url, modelId }) };
}

async function claudeWith(script: Script) {
  const sandbox = closing(makeSandbox());
  const model = closing(await startAnthropicServer(script));
  const repo = makeRepo(`${sandbox.dir}/repo`);
  return { sandbox, model, repo, claude: setUpClaude({ sandbox, modelUrl: model.url }) };
}

test("opencode says what the script says, and changes nothing", async () => {
  const { model, repo, opencode } = await opencodeWith([text("Seven times seven.")]);
  const before = repo.manifest();
  const run = await opencode.run(repo.root, ["run", "count"]);
  expect(run).toMatchObject({ code: 0, stdout: expect.stringContaining("Seven times seven.") });
  expect(changed(before, repo.manifest())).toEqual([]);
  expect(model.requests).toHaveLength(1);
  expect(model.requests[0]).toMatchObject({ userText: expect.stringContaining("count"), step: 0 });
  expect(model.requests[0]?.tools).toEqual(expect.arrayContaining(["read", "edit", "write", "bash", "task"]));
});

test("opencode makes an edit and runs a command, several calls in one step", async () => {
  const { repo, opencode } = await opencodeWith([
    {
      calls: [
        { name: "write", args: { filePath: "src/new.ts", content: "export const n = 1;\n" } },
        { name: "bash", args: { command: "echo two > src/two.txt", description: "write" } },
      ],
    },
    text("Written."),
  ]);
  const before = repo.manifest();
  const run = await opencode.run(repo.root, ["run", "--format", "json", "write them"]);
  expect(run.code).toBe(0);
  expect(run.events.map((event) => event.type)).toContain("tool_use");
  expect(changed(before, repo.manifest())).toEqual(["src/new.ts", "src/two.txt"]);
});

test("opencode with a gpt model is offered apply_patch", async () => {
  const patch = "*** Begin Patch\n*** Add File: src/p.ts\n+export const p = 1;\n*** End Patch";
  const { model, repo, opencode } = await opencodeWith(
    [call("apply_patch", { patchText: patch }), text("Patched.")],
    "gpt-5-lab",
  );
  await opencode.run(repo.root, ["run", "patch it"]);
  expect(model.requests[0]?.tools).toContain("apply_patch");
  expect(model.requests[0]?.tools).not.toContain("write");
  expect(repo.read("src/p.ts")).toBe("export const p = 1;\n");
});

test("a sub-agent gets the script for its own prompt", async () => {
  const { repo, opencode } = await opencodeWith((request) =>
    request.userText.includes("CHILD")
      ? [call("write", { filePath: "src/child.ts", content: "c\n" }), text("Child done.")]
      : [
          call("task", { description: "child", prompt: "CHILD work", subagent_type: "general" }),
          text("Parent done."),
        ],
  );
  const run = await opencode.run(repo.root, ["run", "delegate"]);
  expect(run.stdout).toContain("Parent done.");
  expect(repo.read("src/child.ts")).toBe("c\n");
});

test("an error of the model fails the run; a hang is ended by the timeout", async () => {
  const failing = await opencodeWith([{ error: 400, message: "scripted refusal" }]);
  const failed = await failing.opencode.run(failing.repo.root, ["run", "hello"]);
  expect(failed.code).not.toBe(0);
  expect(failed.stderr + failed.stdout).toContain("scripted refusal");
  const hanging = await opencodeWith([{ hang: true }]);
  const hung = await hanging.opencode.run(hanging.repo.root, ["run", "hello"], { timeout: 6000 });
  expect(hung).toMatchObject({ timedOut: true, code: null });
});

test("opencode serve answers, and is gone after close", async () => {
  const { repo, opencode } = await opencodeWith([text("served")]);
  const server = await opencode.serve(repo.root);
  const answer = await fetch(`${server.url}/session`, { headers: server.headers });
  expect(await answer.json()).toEqual([]);
  await server.close();
  await expect(fetch(server.url)).rejects.toThrow();
});

test("claude answers and runs a command", async () => {
  const { model, repo, claude } = await claudeWith([
    call("Bash", { command: "echo from-$((40+2)) > out.txt; cat out.txt", description: "say" }),
    text("All said."),
  ]);
  const run = await claude.prompt(repo.root, "say it");
  expect(run).toMatchObject({ code: 0, result: "All said." });
  expect(run.sessionId).toMatch(/^[0-9a-f-]{36}$/);
  expect(toolResults(run.messages)).toEqual(["from-42"]);
  expect(repo.read("out.txt")).toBe("from-42\n");
  expect(model.requests.map((request) => request.step)).toEqual([0, 1]);
});

test("claude takes two prompts in one session", async () => {
  const { model, repo, claude } = await claudeWith((request) => text(`heard ${request.userText.slice(-3)}`));
  const session = closing(claude.stream(repo.root));
  expect(await session.send("one")).toBe("heard one");
  expect(await session.send("two")).toBe("heard two");
  expect(model.requests.at(-1)?.messages.filter((message) => message.role === "assistant")).toHaveLength(1);
});

const noTerminal = terminalMissing();
test.skipIf(noTerminal)(`claude in a terminal${noTerminal ? ` (${noTerminal})` : ""}`, async () => {
  const { sandbox, repo, claude } = await claudeWith([text("Typed back.")]);
  const terminal = closing(await openTerminal(claude, sandbox, repo.root));
  terminal.type("hello");
  await terminal.waitFor(/Typed back\./);
});
