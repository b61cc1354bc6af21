import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { bundle } from "../lab/bundle.ts";
import {
  type Delegation,
  type DelegationOptions,
  PLUGIN,
  setUpDelegation,
  TASK,
  TASK_NAME,
} from "../lab/delegation.ts";
import { CUSTOM_TOOL, permissionPlugin, shellPlugin, TOOL_PLUGIN } from "../lab/other-tools.ts";
import { projectRoot } from "../lab/process.ts";
import { changed } from "../lab/repo.ts";
import { call, type Step, text } from "../lab/script.ts";

// Ways around the edit tools and the shell: each either closed (nothing happens) or audited (seen and told).

const asArgument = TASK.trimEnd();
const B = "export const b = 2;\n";
const bash = (command: string): Step => call("bash", { command, description: "run" });
const write = (filePath: string): Step => call("write", { filePath, content: "written\n" });
const UNDER_CLAUDE = { env: { CLAUDECODE: "1" } };

/** What the tools told the model, in order. */
function told(lab: Delegation): string[] {
  return lab.model.requests.at(-1)?.messages.flatMap((message) => message.toolResults) ?? [];
}

const FILES = {
  "README.md": "# Sample\n",
  "package.json": '{"name":"sample","version":"1.0.0","type":"module"}\n',
  "src/a.ts": "export const a = 1;\n",
  "src/b.ts": B,
  "src/lib/x.ts": "export const x = 1;\n",
  "src/lib/secret.ts": "export const secret = 1;\n",
};

/** A file of another plugin, outside the repository. */
function pluginFile(folder: string, name: string, source: string): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), source);
  return join(folder, name);
}

const others = join(projectRoot, ".build/lab/plugins");

/** A project with tools that Handrail does not know, some of them declared. */
async function withTools(script: Step[], env: NodeJS.ProcessEnv = {}): Promise<Delegation> {
  const lib = await bundle(join(projectRoot, ".build/lab"), "test/lab/mcp-server.ts");
  const declared = {
    readOnlyTools: ["lab_read_*"],
    pathArguments: { lab_save_file: "path", lab_save_files: "paths", plug_save: "path" },
  };
  const options: DelegationOptions = {
    env,
    plugins: [PLUGIN, pluginFile(others, "tool.js", TOOL_PLUGIN)],
    config: { mcp: { lab: { type: "local", command: [process.execPath, join(lib, "mcp-server.mjs")] } } },
    repo: {
      files: {
        ...FILES,
        ".opencode/tool/save.ts": CUSTOM_TOOL,
        "handrail.config.json": JSON.stringify(declared),
      },
      ignore: ["opencode_tasks/"],
      dirty: { [TASK_NAME]: TASK },
    },
  };
  return setUpDelegation(script, options);
}

test("closed: MCP, custom and plugin tools write nothing unless the project declares what they write", async () => {
  const lab = await withTools([
    call("lab_sync_all", { path: "src/b.ts" }),
    call("save", { path: "src/b.ts" }),
    call("plug_save", { path: "src/b.ts" }),
    call("plug_save", {}),
    call("lab_save_file", { path: "src/b.ts" }),
    call("lab_save_file", { path: "../outside.txt" }),
    call("lab_save_files", { paths: ["src/lib/m1.ts", "src/lib/secret.ts"] }),
    call("lab_save_files", { path: "src/lib/m1.ts" }),
    call("lab_read_file", { path: "src/b.ts" }),
    call("lab_save_file", { path: "src/lib/m2.ts" }),
    call("lab_save_files", { paths: ["src/lib/m3.ts", "src/a.ts"] }),
    call("plug_save", { path: "src/lib/m4.ts" }),
    text("Done."),
  ]);
  const before = lab.repo.manifest();
  await lab.opencode.run(lab.repo.root, ["run", asArgument], UNDER_CLAUDE);
  const answers = told(lab);
  expect(answers.slice(0, 8).every((answer) => answer.includes("Handrail refused"))).toBe(true);
  expect(answers[8]).toBe(B);
  const files = changed(before, lab.repo.manifest()).filter((path) => path.startsWith("src/"));
  expect(files).toEqual(["src/a.ts", "src/lib/m2.ts", "src/lib/m3.ts", "src/lib/m4.ts"]);
  expect(lab.callbacks()).toMatchObject([
    {
      state: "done",
      verdict: "in_scope",
      refusals: [
        { code: "unknown-tool", tool: "lab_sync_all" },
        { code: "unknown-tool", tool: "save" },
        { code: "out-of-scope", path: "src/b.ts", tool: "plug_save" },
        { code: "bad-arguments", tool: "plug_save" },
        { code: "out-of-scope", path: "src/b.ts", tool: "lab_save_file" },
        { code: "outside-repository", tool: "lab_save_file" },
        { code: "forbidden", path: "src/lib/secret.ts", tool: "lab_save_files" },
        { code: "bad-arguments", tool: "lab_save_files" },
      ],
    },
  ]);
});

test("closed: what code mode calls is held call by call", async () => {
  const script = (code: string): Step => call("execute", { code });
  const attempts = `
    const said = [];
    const attempt = async (name, args) => {
      try { said.push(await tools.lab[name](args)); } catch (error) { said.push("FAILED " + error.message); }
    };
    await attempt("sync_all", { path: "src/b.ts" });
    await attempt("save_file", { path: "src/b.ts" });
    await attempt("save_file", { path: "src/lib/c.ts" });
    return JSON.stringify(said);`;
  const lab = await withTools([script(attempts), text("Done.")], { OPENCODE_EXPERIMENTAL_CODE_MODE: "1" });
  await lab.opencode.run(lab.repo.root, ["run", asArgument], UNDER_CLAUDE);
  expect(told(lab)[0]).toContain("Handrail refused");
  expect(lab.repo.read("src/b.ts")).toBe(B);
  expect(lab.repo.exists("src/lib/c.ts")).toBe(true);
  expect(lab.callbacks()).toMatchObject([
    { verdict: "in_scope", refusals: [{ code: "unknown-tool" }, { code: "out-of-scope", path: "src/b.ts" }] },
  ]);
});

test("closed: other spellings of a path, and what OpenCode would load at its next start", async () => {
  const root = { at: "" };
  const plant = ".opencode/node_modules/@opencode-ai/plugin/index.js";
  const lab = await setUpDelegation(
    () => [
      write("src/lib/../b.ts"),
      write("./src/../src/./b.ts"),
      write(`${root.at}/src/b.ts`),
      write(`${root.at}/src/lib/../../../repo/src/b.ts`),
      write("src/lib/up/b.ts"),
      write("src/lib/link.ts"),
      write("SRC/LIB/x.ts"),
      write("src/lib/Secret.ts/../secret.ts"),
      call("edit", { filePath: "src/lib/hard.ts", oldString: "b = 2", newString: "b = 3" }),
      call("edit", { filePath: "src/lib/link.ts", oldString: "b = 2", newString: "b = 3" }),
      call("edit", { filePath: "src/lib/../b.ts", oldString: "b = 2", newString: "b = 3" }),
      write(".opencode/plugin/mine.js"),
      write("src/lib/.opencode/plugin/mine.js"),
      write("opencode.json"),
      write(".git/hooks/pre-commit"),
      bash(
        `f=pl; mkdir -p .opencode/$f"ugin" ${plant.replace(/\/[^/]*$/, "")}; echo x | tee .opencode/$f"ugin"/mine.js ${plant} open"code.json" src/lib/opencode.json > .git/hooks/x`,
      ),
      bash(
        "printf '%s' '{\"shell\":\"/bin/bash\"}' > src/lib/t.json; cp src/lib/t.json openco?e.json 2>/dev/null || cp src/lib/t.json opencode.jsonc",
      ),
      write("src/lib/deep/er/new.ts"),
      write(`${root.at}/src/lib/./abs.ts`),
      // With what stands there a command could have this or another OpenCode work for it.
      call("read", { filePath: `${lab.sandbox.state}/projects/serve.json` }),
      call("grep", { pattern: "PASSWORD", path: "/proc/self/environ" }),
      call("glob", { pattern: "**/serve.json", path: lab.sandbox.dir }),
      text("Done."),
    ],
    {
      repo: {
        files: { ...FILES, ".opencode/.gitignore": "node_modules\npackage.json\nbun.lock\n.gitignore\n" },
        links: { "src/lib/up": "..", "src/lib/link.ts": "../b.ts" },
        ignore: ["opencode_tasks/", "node_modules/"],
        dirty: { [TASK_NAME]: TASK },
      },
    },
  );
  root.at = lab.repo.root;
  const before = lab.repo.manifest();
  await lab.opencode.run(lab.repo.root, ["run", asArgument], UNDER_CLAUDE);
  const files = changed(before, lab.repo.manifest()).filter(
    (path) => !/^(\.git ref refs\/handrail|opencode_tasks\/)/.test(path),
  );
  expect(files).toEqual([
    "src/lib/abs.ts",
    "src/lib/deep/",
    "src/lib/deep/er/",
    "src/lib/deep/er/new.ts",
    "src/lib/t.json",
  ]);
  expect(
    told(lab)
      .slice(0, 15)
      .every((answer) => /Handrail refused|File not found|not found/.test(answer)),
  ).toBe(true);
  expect(
    told(lab)
      .slice(-3)
      .every((answer) => answer.includes("not for a task to read")),
  ).toBe(true);
  expect(lab.callbacks()).toMatchObject([{ state: "done", verdict: "in_scope" }]);
});

test("closed: another plugin that sets OpenCode's shell, at its start or later, makes every command refused", async () => {
  const script = [bash("echo hacked > src/$(echo b).ts"), write("src/lib/ok.ts"), text("Done.")];
  for (const when of ["start", "later"] as const) {
    const after = pluginFile(others, `shell-${when}.js`, shellPlugin(when));
    const lab = await setUpDelegation(script, { plugins: [PLUGIN, after] });
    await lab.opencode.run(lab.repo.root, ["run", asArgument], UNDER_CLAUDE);
    expect([when, lab.repo.read("src/b.ts")]).toEqual([when, B]);
    expect(lab.repo.exists("src/lib/ok.ts")).toBe(true);
    // Later: between the look at the setting and the start of the command.
    expect(told(lab)[0]).toContain("replaced Handrail's shell");
    expect(lab.callbacks()).toMatchObject([
      { verdict: "unverifiable", reasons: expect.arrayContaining([expect.stringContaining("replaced")]) },
    ]);
  }
});

test("before ours, or with permissions taken away: commands are held, and nothing is widened", async () => {
  const script = [bash("echo hacked > src/$(echo b).ts; echo x > src/lib/s.ts"), text("Done.")];
  const before = pluginFile(others, "shell-first.js", shellPlugin("start"));
  const first = await setUpDelegation(script, { plugins: [before, PLUGIN] });
  await first.opencode.run(first.repo.root, ["run", asArgument], UNDER_CLAUDE);
  expect([first.repo.read("src/b.ts"), first.repo.read("src/lib/s.ts")]).toEqual([B, "x\n"]);
  const asking = pluginFile(others, "ask.js", permissionPlugin("ask"));
  const asked = await setUpDelegation([write("src/b.ts"), write("src/a.ts"), text("Done.")], {
    plugins: [PLUGIN, asking],
  });
  await asked.opencode.run(asked.repo.root, ["run", asArgument], UNDER_CLAUDE);
  expect([asked.repo.read("src/b.ts"), asked.repo.read("src/a.ts")]).toEqual([B, FILES["src/a.ts"]]);
  expect(asked.callbacks()).toMatchObject([{ verdict: "in_scope", changes: [] }]);
});
