import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startAnthropicServer } from "../lab/anthropic-server.ts";
import { setUpClaude, toolResults } from "../lab/claude.ts";
import { closing } from "../lab/cleanup.ts";
import { TASK, TASK_NAME } from "../lab/delegation.ts";
import { startOpenAiServer } from "../lab/openai-server.ts";
import { setUpOpencode } from "../lab/opencode.ts";
import { installPacked } from "../lab/packed.ts";
import { installed, projectRoot, runProgram } from "../lab/process.ts";
import { makeRepo, SAMPLE } from "../lab/repo.ts";
import { makeSandbox } from "../lab/sandbox.ts";
import { call, records, text } from "../lab/script.ts";
import { skillFiles } from "../lab/skill-files.ts";

const { version } = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8")) as {
  version: string;
};

test("the marketplace and its plugin are valid to Claude Code", async () => {
  const sandbox = closing(makeSandbox());
  for (const what of [".", ".claude-plugin/marketplace.json", "claude-hooks"]) {
    const args = ["plugin", "validate", join(projectRoot, what), "--strict"];
    const done = await runProgram(installed("claude"), args, { cwd: sandbox.dir, env: sandbox.env });
    expect(done, what).toMatchObject({ code: 0, stdout: expect.stringContaining("Validation passed") });
  }
});

test.each(["the project's folder", "the packed package"])(
  "installed from %s as a marketplace, in a fresh home, every part of the plugin is active",
  async (source) => {
    const sandbox = closing(makeSandbox());
    const folder = source === "the packed package" ? installPacked(sandbox.dir) : projectRoot;
    const executor = closing(
      await startOpenAiServer([
        call("write", { filePath: "src/a.ts", content: "in scope\n" }),
        call("write", { filePath: "src/b.ts", content: "out of scope\n" }),
        text("Done."),
      ]),
    );
    const model = closing(await startAnthropicServer([]));
    const repo = makeRepo(join(sandbox.dir, "repo"), SAMPLE);
    // OpenCode has no plugin of its own: the one in the Claude Code plugin is brought along.
    const opencode = setUpOpencode({ sandbox, modelUrl: executor.url, plugins: [] });
    const claude = setUpClaude({ sandbox, modelUrl: model.url });
    const plugin = (...args: string[]) =>
      runProgram(installed("claude"), ["plugin", ...args], { cwd: repo.root, env: claude.env });
    expect(await plugin("marketplace", "add", folder)).toMatchObject({ code: 0 });
    expect(await plugin("install", "handrail@handrail")).toMatchObject({ code: 0 });
    const [listed] = records(JSON.parse((await plugin("list", "--json")).stdout));
    expect(listed).toMatchObject({ id: "handrail@handrail", version, enabled: true });

    const forwarding = "You forward work to OpenCode";
    const bash = (command: string) => call("Bash", { command, description: "run", timeout: 120_000 });
    model.script((request) =>
      request.system.includes(forwarding)
        ? [bash(`handrail run ${TASK_NAME}`), text("Forwarded.")]
        : request.userText.includes("what waits for somebody")
          ? [text("Status.")]
          : [
              call("Skill", { skill: "handrail:opencode-executor" }),
              call("Write", { file_path: join(repo.root, TASK_NAME), content: TASK }),
              bash("handrail --version"),
              call("mcp__plugin_handrail_handrail__opencode_status", {}),
              call("Agent", {
                subagent_type: "handrail:opencode-forwarder",
                description: "Forward",
                prompt: `Forward ${TASK_NAME} in ${repo.root}.`,
              }),
              text("Done."),
            ],
    );
    const run = await claude.prompt(repo.root, "use opencode to change a", {
      env: opencode.env,
      timeout: 170_000,
    });
    const started = run.messages.find((message) => message.subtype === "init");
    expect(records(started?.plugins)).toContainEqual({
      name: "handrail",
      path: join(folder, "claude-hooks"),
      source: "handrail@handrail",
      version,
    });
    const results = toolResults(run.messages);
    const told = model.requests.flatMap(({ messages }) => messages.map((message) => message.text)).join("\n");

    // Skills, commands and the agent are listed whole; a skill is read.
    for (const { name, description } of skillFiles())
      expect(told).toContain(`- handrail:${name}: ${description}`);
    for (const name of ["cancel", "doctor", "result", "review", "status"])
      expect(told).toContain(`- handrail:${name}: `);
    expect(told).toContain("- handrail:opencode-forwarder: ");
    expect(told).toContain("# Delegate to OpenCode");
    // The hook on writing a task file; `bin/` on the PATH; the bridge.
    expect(told).toContain(
      'task "change-a" is understood. OpenCode may change "src/a.ts", "src/lib/" and nothing',
    );
    expect(results.join("\n")).toContain(version);
    expect(results.some((result) => result.includes(`"repo_root":"${repo.root}"`))).toBe(true);
    // The agent, in whose Bash call the OpenCode plugin of the package held the task.
    expect(repo.read("src/a.ts")).toBe("in scope\n");
    expect(repo.read("src/b.ts")).toBe(SAMPLE.files?.["src/b.ts"]);
    expect(told).toContain('task "change-a": done; nothing out of scope landed.');

    const status = await claude.prompt(repo.root, "/handrail:status", { env: opencode.env });
    expect(status.code).toBe(0);
    expect(
      model.requests
        .at(-1)
        ?.messages.map((message) => message.text)
        .join("\n"),
    ).toContain("handrail session list");
  },
  300_000,
);
