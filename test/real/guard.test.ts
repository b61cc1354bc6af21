import { expect, test } from "vitest";
import { setUpDelegation, TASK, TASK_NAME } from "../lab/delegation.ts";
import { changed } from "../lab/repo.ts";
import { call, text } from "../lab/script.ts";

/** `TASK=$(cat FILE) && opencode run "$TASK"`: the shell drops the newlines at the end. */
const asArgument = TASK.trimEnd();

test("edit and write land in scope, and are refused outside it, with one callback", async () => {
  const lab = await setUpDelegation([
    call("write", { filePath: "src/b.ts", content: "out of scope\n" }),
    call("write", { filePath: "src/lib/secret.ts", content: "forbidden\n" }),
    call("edit", { filePath: "README.md", oldString: "Sample", newString: "Hacked" }),
    call("write", { filePath: "../outside.txt", content: "outside\n" }),
    call("write", { filePath: TASK_NAME, content: "Files to modify:\n- src/\n" }),
    call("read", { filePath: "src/a.ts" }),
    call("edit", { filePath: "src/a.ts", oldString: "a = 1", newString: "a = 2" }),
    call("write", { filePath: "src/lib/new.ts", content: "export const n = 1;\n" }),
    text("Done."),
  ]);
  const before = lab.repo.manifest();
  const run = await lab.opencode.run(lab.repo.root, ["run", asArgument]);
  expect(run.code).toBe(0);
  expect(changed(before, lab.repo.manifest())).toEqual([
    ".git ref refs/handrail/change-a/baseline",
    ".git ref refs/handrail/change-a/full",
    "opencode_tasks/.gitignore",
    "opencode_tasks/baseline.txt",
    "src/a.ts",
    "src/lib/new.ts",
  ]);
  expect(lab.repo.read("src/a.ts")).toBe("export const a = 2;\n");
  const [callback, ...more] = lab.callbacks();
  expect(more).toEqual([]);
  expect(callback).toMatchObject({
    task_id: "change-a",
    state: "done",
    verdict: "in_scope",
    changes: [
      { path: "src/a.ts", status: "modified", added: 1, deleted: 1, inScope: true, by: "executor" },
      { path: "src/lib/new.ts", status: "added", added: 1, deleted: 0, inScope: true, by: "executor" },
    ],
    refusals: expect.arrayContaining([
      expect.objectContaining({ code: "out-of-scope", path: "src/b.ts", tool: "write" }),
      expect.objectContaining({ code: "forbidden", path: "src/lib/secret.ts" }),
      expect.objectContaining({ code: "out-of-scope", path: "README.md", tool: "edit" }),
      expect.objectContaining({ code: "outside-repository" }),
      expect.objectContaining({ code: "control-file", path: TASK_NAME }),
    ]),
  });
  expect(lab.runs()).toHaveLength(1);
  // The model is told what to do instead.
  const told = lab.model.requests.flatMap((request) =>
    request.messages.flatMap((message) => message.toolResults),
  );
  expect(told.find((result) => result.includes("src/b.ts"))).toMatch(/src\/a\.ts/);
});

test("apply_patch: one path out of scope refuses the whole patch; in scope it lands", async () => {
  const patch = (...files: string[]) =>
    `*** Begin Patch\n${files.map((file) => `*** Add File: ${file}\n+export {};`).join("\n")}\n*** End Patch`;
  const lab = await setUpDelegation(
    [
      call("apply_patch", { patchText: patch("src/lib/one.ts", "src/two.ts") }),
      call("apply_patch", { patchText: patch("src/lib/three.ts") }),
      text("Done."),
    ],
    { modelId: "gpt-5-lab" },
  );
  await lab.opencode.run(lab.repo.root, ["run", asArgument]);
  expect(["src/lib/one.ts", "src/two.ts", "src/lib/three.ts"].map((path) => lab.repo.exists(path))).toEqual([
    false,
    false,
    true,
  ]);
  expect(lab.callbacks()).toMatchObject([
    { verdict: "in_scope", refusals: [{ code: "out-of-scope", path: "src/two.ts" }] },
  ]);
});

test("a sub-agent is held to the same task", async () => {
  const lab = await setUpDelegation((request) =>
    request.userText.includes("You are the helper")
      ? [
          call("write", { filePath: "src/b.ts", content: "by the sub-agent\n" }),
          call("write", { filePath: "src/lib/helped.ts", content: "export {};\n" }),
          text("Helped."),
        ]
      : [
          call("task", {
            description: "help",
            prompt: "You are the helper: write src/b.ts",
            subagent_type: "general",
          }),
          text("Done."),
        ],
  );
  await lab.opencode.run(lab.repo.root, ["run", asArgument]);
  expect(lab.repo.read("src/b.ts")).toBe("export const b = 2;\n");
  expect(lab.repo.exists("src/lib/helped.ts")).toBe(true);
  expect(lab.callbacks()).toMatchObject([
    {
      state: "done",
      verdict: "in_scope",
      changes: [{ path: "src/lib/helped.ts" }],
      refusals: [{ code: "out-of-scope", path: "src/b.ts" }],
    },
  ]);
});

test("a shell command that certainly writes out of scope is refused; an in-scope one lands", async () => {
  const lab = await setUpDelegation([
    call("bash", { command: "echo hacked > src/b.ts", description: "write" }),
    call("bash", { command: "echo 'export const y = 1;' > src/lib/y.ts", description: "write" }),
    text("Done."),
  ]);
  await lab.opencode.run(lab.repo.root, ["run", asArgument]);
  expect(lab.repo.read("src/b.ts")).toBe("export const b = 2;\n");
  expect(lab.repo.exists("src/lib/y.ts")).toBe(true);
  expect(lab.callbacks()).toMatchObject([
    { state: "done", refusals: [{ code: "out-of-scope", path: "src/b.ts", tool: "bash" }] },
  ]);
});

test("a task that does not parse is read-only, and calls back as failed", async () => {
  const broken = "Make it faster.\n\nUse caching where it helps, and keep the code clean.\n";
  const lab = await setUpDelegation(
    [call("write", { filePath: "src/a.ts", content: "x" }), text("Done.")],
    {},
  );
  lab.repo.write(TASK_NAME, broken);
  await lab.opencode.run(lab.repo.root, ["run", broken.trimEnd()]);
  expect(lab.repo.read("src/a.ts")).toBe("export const a = 1;\n");
  expect(lab.callbacks()).toMatchObject([{ state: "failed", error: { code: "invalid-task" } }]);
});

test("by hand and without a task nothing is held; under an agent it is read-only", async () => {
  const script = [call("write", { filePath: "src/b.ts", content: "changed\n" }), text("Done.")];
  const lab = await setUpDelegation(script);
  await lab.opencode.run(lab.repo.root, ["run", "change b as you like"], { env: { CLAUDECODE: "1" } });
  expect(lab.repo.read("src/b.ts")).toBe("export const b = 2;\n");
  await lab.opencode.run(lab.repo.root, ["run", "change b as you like"]);
  expect(lab.repo.read("src/b.ts")).toBe("changed\n");
  expect(lab.callbacks()).toEqual([]);
});

test("fail closed: a run started for Handrail writes nothing when the plugin is not there", async () => {
  const script = [call("write", { filePath: "src/a.ts", content: "changed\n" }), text("Done.")];
  const env = { OPENCODE_CONFIG_CONTENT: '{"enabled_providers":["handrail-plugin-not-loaded"]}' };
  const without = await setUpDelegation(script, { plugins: [], env });
  await without.opencode.run(without.repo.root, ["run", asArgument]);
  expect(without.repo.read("src/a.ts")).toBe("export const a = 1;\n");
  const pure = await setUpDelegation(script, { env });
  await pure.opencode.run(pure.repo.root, ["run", "--pure", asArgument]);
  expect(pure.repo.read("src/a.ts")).toBe("export const a = 1;\n");
  // The twin, in a sandbox of its own: an OpenCode that ended so early makes the next one wait for a minute.
  const guarded = await setUpDelegation(script, { env });
  await guarded.opencode.run(guarded.repo.root, ["run", asArgument]);
  expect(guarded.repo.read("src/a.ts")).toBe("changed\n");
});
