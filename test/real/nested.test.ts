import { expect, test } from "vitest";
import { setUpDelegation, TASK } from "../lab/delegation.ts";
import { call, type ModelRequest, type Step, text } from "../lab/script.ts";

const NESTED = "Nested work of your own";
const bash = (command: string): Step => call("bash", { command, description: "run", timeout: 100_000 });
const write = (filePath: string, content: string): Step => call("write", { filePath, content });

function script({ userText }: ModelRequest): Step[] {
  if (userText.includes(NESTED)) {
    return [
      write("src/b.ts", "nested\n"),
      write("src/lib/y.ts", "nested\n"),
      bash("echo nested >> src/b.ts; echo nested >> src/lib/x.ts"),
      text("Nested is done."),
    ];
  }
  const unsigned = "env -u HANDRAIL_RUN_ID -u CLAUDECODE -u OPENCODE -u OPENCODE_CONFIG_CONTENT";
  return [
    bash(`opencode run '${NESTED}'; ls src/lib`),
    bash(`${unsigned} opencode run --pure '${NESTED}'`),
    text("Done."),
  ];
}

test("an OpenCode that a command starts only reads; without the plugin it is held by the wall around the command", async () => {
  const lab = await setUpDelegation(script);
  const before = ["src/a.ts", "src/b.ts", "README.md"].map((file) => lab.repo.read(file));
  await lab.opencode.run(lab.repo.root, ["run", TASK.trimEnd()], {
    env: { CLAUDECODE: "1" },
    timeout: 170_000,
  });
  const [guarded = "", bare = ""] =
    lab.model.requests.at(-1)?.messages.flatMap((message) => message.toolResults) ?? [];
  expect(guarded.match(/Handrail refused this call/g)).toHaveLength(3);
  expect(guarded).not.toContain("y.ts\n");
  expect(bare).toContain("Wrote file successfully");
  expect(bare).toMatch(/not applied:\s+"src\/b.ts"/);
  expect(["src/a.ts", "src/b.ts", "README.md"].map((file) => lab.repo.read(file))).toEqual(before);
  // What the task allows lands, whoever wrote it.
  expect([lab.repo.read("src/lib/x.ts"), lab.repo.read("src/lib/y.ts")]).toEqual([
    "export const x = 1;\nnested\n",
    "nested\n",
  ]);
  expect(lab.callbacks()).toMatchObject([
    {
      state: "done",
      verdict: "in_scope",
      changes: [{ path: "src/lib/x.ts" }, { path: "src/lib/y.ts" }],
      quarantine: [{ path: "src/b.ts" }],
    },
  ]);
});
