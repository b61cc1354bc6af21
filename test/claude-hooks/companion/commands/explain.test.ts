import { beforeAll, expect, test } from "vitest";
import { bundle } from "../../../lab/bundle.ts";
import { runProgram } from "../../../lab/process.ts";
import { makeRepo, type Repo } from "../../../lab/repo.ts";
import { makeSandbox, type Sandbox } from "../../../lab/sandbox.ts";

let sandbox: Sandbox;
let repo: Repo;
const TASK = "opencode_tasks/20261121-rounding.txt";

beforeAll(async () => {
  sandbox = makeSandbox();
  await bundle(sandbox.dir, "claude-hooks/companion/main.ts");
  repo = makeRepo(`${sandbox.dir}/repo`, {
    files: { "src/a.ts": "1\n", "src/b.ts": "2\n", "README.md": "x\n" },
    links: { "src/way-out.ts": "../../elsewhere.ts" },
  });
  repo.write(
    TASK,
    "Round per line\n\nFiles to modify:\n- src/a.ts\n- src/way-out.ts\n\nDo not:\n- touch src/b.ts\n",
  );
  repo.write("opencode_tasks/20261121-nothing.txt", "Make it faster.\n");
  return () => sandbox.close();
});

async function explain(tool: string, args: unknown, task = TASK, cwd = repo.root) {
  const words = [
    "explain",
    "--task",
    task,
    "--tool",
    tool,
    "--args",
    typeof args === "string" ? args : JSON.stringify(args),
  ];
  const run = (...more: string[]) =>
    runProgram(process.execPath, [`${sandbox.dir}/main.mjs`, ...words, ...more], { cwd, env: sandbox.env });
  const { code, stdout } = await run("--json");
  return { exit: code, answer: JSON.parse(stdout), text: async () => (await run()).stdout };
}

test("a decision is told with its reason, and nothing is written", async () => {
  const before = repo.manifest();
  const allowed = await explain("write", { filePath: "src/a.ts", content: "x" });
  expect(allowed).toMatchObject({ exit: 0, answer: { decision: "allow", message: expect.any(String) } });
  const refused = await explain("edit", {
    filePath: `${repo.root}/src/b.ts`,
    oldString: "2",
    newString: "3",
  });
  expect(refused).toMatchObject({
    exit: 0,
    answer: { decision: "refuse", code: "forbidden", path: "src/b.ts" },
  });
  expect(refused.answer.message).toContain('"src/a.ts"');
  expect(await refused.text()).toMatch(/^refuse: .*"src\/b\.ts"/);
  expect(await explain("write", { filePath: "src/way-out.ts", content: "x" })).toMatchObject({
    exit: 0,
    answer: { decision: "refuse", code: "link" },
  });
  const patch =
    "*** Begin Patch\n*** Update File: src/a.ts\n*** Move to: README.md\n@@\n-1\n+2\n*** End Patch";
  expect(await explain("apply_patch", { patchText: patch })).toMatchObject({
    answer: { decision: "refuse", code: "out-of-scope", path: "README.md" },
  });
  expect(repo.manifest()).toEqual(before);
});

test("shell commands are confined, or refused where they are certain to leave the scope", async () => {
  expect(await explain("bash", { command: "npm test" })).toMatchObject({
    exit: 0,
    answer: { decision: "confine" },
  });
  expect(await explain("bash", { command: "git commit -am x" })).toMatchObject({
    exit: 0,
    answer: { decision: "refuse", code: "rule", rule: "no-commit" },
  });
  expect(await explain("bash", { command: "echo x > b.ts", workdir: "src" })).toMatchObject({
    answer: { decision: "refuse", code: "forbidden", path: "src/b.ts" },
  });
});

test("reading is free, unknown tools are not", async () => {
  expect(await explain("read", { filePath: "src/b.ts" })).toMatchObject({ answer: { decision: "allow" } });
  expect(await explain("db_exec", {})).toMatchObject({ exit: 0, answer: { code: "unknown-tool" } });
  expect(await explain("write", { path: "src/a.ts" })).toMatchObject({
    exit: 0,
    answer: { code: "bad-arguments" },
  });
});

test("a task with errors refuses and exits with 2", async () => {
  const answer = await explain(
    "write",
    { filePath: "src/a.ts", content: "x" },
    "opencode_tasks/20261121-nothing.txt",
  );
  expect(answer).toMatchObject({ exit: 2, answer: { decision: "refuse", code: "invalid-task" } });
});

test("a configuration with errors refuses and exits with 2", async () => {
  repo.write("handrail.config.json", '{"readOnlyTools": "all"}');
  const answer = await explain("write", { filePath: "src/a.ts", content: "x" });
  repo.write("handrail.config.json", '{"readOnlyTools": ["db_read"], "pathArguments": {"db_dump": "file"}}');
  expect(answer).toMatchObject({ exit: 2, answer: { decision: "refuse", code: "invalid-config" } });
  expect(await explain("db_read", {})).toMatchObject({ answer: { decision: "allow" } });
  expect(await explain("db_dump", { file: "src/b.ts" })).toMatchObject({ answer: { code: "forbidden" } });
});

test("arguments that are no JSON are bad input", async () => {
  expect(await explain("write", "{filePath: 1")).toMatchObject({
    exit: 2,
    answer: { error: { code: "bad-input" } },
  });
});
