import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { BLOCKING_PROVIDER } from "../../shared/config/failclosed.ts";
import { toolResults } from "../lab/claude.ts";
import { hookTexts, type PluginOptions, setUpPlugin } from "../lab/claude-plugin.ts";
import { closing } from "../lab/cleanup.ts";
import { PLUGIN, runRecords } from "../lab/delegation.ts";
import { startOpenAiServer } from "../lab/openai-server.ts";
import { jsonLines, setUpOpencode } from "../lab/opencode.ts";
import { runProgram } from "../lab/process.ts";
import { type Repo, SAMPLE } from "../lab/repo.ts";
import { makeSandbox } from "../lab/sandbox.ts";
import { call, type Step, text } from "../lab/script.ts";

const TASK_FILE = "opencode_tasks/20261121-change-a.txt";
const TASK = "Change a\n\nFiles to modify:\n- src/a.ts\n\nDo not:\n- touch src/b.ts\n- be clever\n";
const bash = (command: string): Step => call("Bash", { command, description: "run" });

interface Options extends PluginOptions {
  /** OpenCode's plugins; by default none. */
  opencodePlugins?: string[];
}

/** Claude with Handrail's plugin, and OpenCode on a scripted model beside it. */
async function setUp(commands: Step[], options: Options = {}) {
  const session = await setUpPlugin([...commands, text("Done.")], {
    repo: { ...SAMPLE, dirty: { [TASK_FILE]: TASK, "src/b.ts": "export const b = 22; // mine\n" } },
    ...options,
  });
  const executor = closing(await startOpenAiServer([text("Executor here.")]));
  const opencode = setUpOpencode({
    sandbox: session.sandbox,
    modelUrl: executor.url,
    plugins: options.opencodePlugins ?? [],
  });
  const opencodeEnv = { ...opencode.env, ...options.env };
  const prompt = (args: string[] = [], env: NodeJS.ProcessEnv = {}) =>
    session.claude.prompt(session.repo.root, "go", {
      env: { ...opencodeEnv, ...env },
      args: [...session.sessionArgs, ...args],
    });
  /** A PATH on which `node` is a shell script. */
  const withNode = (script: string): NodeJS.ProcessEnv => {
    const folder = join(session.sandbox.dir, "node");
    mkdirSync(folder);
    writeFileSync(join(folder, "node"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return { PATH: `${folder}:${session.sandbox.env.PATH}` };
  };
  return { ...session, executor, opencodeEnv, prompt, withNode };
}

function changedFiles(repo: Repo): string[] {
  return repo
    .git("status", "--porcelain")
    .split("\n")
    .map((line) => line.trim())
    .sort();
}

const SHOW = 'echo "$HANDRAIL_ORIGIN_SESSION_ID|$HANDRAIL_INBOX|$OPENCODE_CONFIG_CONTENT"';

test("every command of a session is armed: nested, in the background and of a sub-agent", async () => {
  const { prompt, sessionId, inbox, repo, model } = await setUp([]);
  model.script((request) =>
    request.userText.includes("SUB")
      ? [bash(`${SHOW} > sub.txt`), text("Sub done.")]
      : [
          bash(SHOW),
          bash(`bash -c '${SHOW}'`),
          call("Bash", { command: `${SHOW} > back.txt`, run_in_background: true, description: "b" }),
          call("Agent", { description: "sub", prompt: "SUB", subagent_type: "general-purpose" }),
          bash("until [ -s sub.txt ] && [ -s back.txt ]; do sleep 0.1; done; cat back.txt sub.txt"),
          text("Done."),
        ],
  );
  const run = await prompt();
  const armed = `${sessionId}|${inbox}|{"enabled_providers":["${BLOCKING_PROVIDER}"]}`;
  const results = toolResults(run.messages).filter((result) => result.includes("|"));
  expect(results).toEqual([armed, armed, `${armed}\n${armed}`]);
  expect(repo.exists("sub.txt")).toBe(true);
  expect(existsSync(inbox)).toBe(true);
});

test("the user's own OpenCode configuration is kept beside it, and written to no file", async () => {
  const own = '{"model":"x/y","provider":{"x":{"options":{"apiKey":"it\'s secret"}}}}';
  const { prompt, sandbox } = await setUp(
    [bash('echo "$OPENCODE_CONFIG_CONTENT"; echo "$HANDRAIL_USER_CONFIG_CONTENT"')],
    {
      env: { OPENCODE_CONFIG_CONTENT: own },
    },
  );
  const [merged = "", kept] = (toolResults((await prompt()).messages)[0] ?? "").split("\n");
  expect(JSON.parse(merged)).toEqual({ ...JSON.parse(own), enabled_providers: [BLOCKING_PROVIDER] });
  expect(kept).toBe(own);
  const written = readdirSync(join(sandbox.home, ".claude/session-env"), {
    recursive: true,
    withFileTypes: true,
  })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"));
  expect(written.join()).toContain(BLOCKING_PROVIDER);
  expect(written.join()).not.toContain("secret");
});

test("a task file that Claude writes gets a baseline, and Claude is told what holds", async () => {
  const { prompt, repo, model } = await setUp([
    call("Write", { file_path: "opencode_tasks/20261121-more.txt", content: TASK }),
    bash("printf 'Do something good.\\n' > opencode_tasks/20261121-bad.txt"),
    call("Write", { file_path: "notes.txt", content: "Files to modify:\n- src/a.ts\n" }),
  ]);
  const before = changedFiles(repo);
  await prompt();
  const said = hookTexts(model.requests);
  expect(said).toHaveLength(2);
  expect(said[0]).toContain(
    'Handrail: task "more" is understood. OpenCode may change "src/a.ts" and nothing else',
  );
  expect(said[1]).toContain("opencode_tasks/20261121-bad.txt cannot be delegated");
  const baseline = repo.read("opencode_tasks/baseline.txt").trim();
  expect(repo.git("show", `${baseline}:src/b.ts`)).toBe("export const b = 22; // mine");
  // opencode_tasks/ hides itself once Handrail has been there.
  const visible = before.filter((line) => !line.includes("opencode_tasks"));
  expect(changedFiles(repo)).toEqual([...visible, "?? notes.txt"].sort());
});

const withPlugin = (commands: Step[]) => setUp(commands, { opencodePlugins: [PLUGIN] });

test("a delegation to an OpenCode that has the plugin runs, with its baseline and its caller", async () => {
  const { prompt, repo, executor, model, sandbox, sessionId, inbox } = await withPlugin([
    bash(`TASK=$(cat "${TASK_FILE}") && opencode run "$TASK"`),
  ]);
  const run = await prompt();
  expect(toolResults(run.messages)[0]).toContain("Executor here.");
  expect(executor.requests).toHaveLength(1);
  expect(runRecords(sandbox)).toMatchObject([{ origin: { session_id: sessionId, inbox } }]);
  expect(hookTexts(model.requests)).toHaveLength(1);
  const baseline = repo.read("opencode_tasks/baseline.txt").trim();
  expect(repo.git("show", `${baseline}:src/b.ts`)).toBe("export const b = 22; // mine");
});

test("a plugin that is installed but does not load starts no model, and Claude is told what that means", async () => {
  const folder = closing(makeSandbox());
  const plugin = join(folder.dir, "index.js");
  writeFileSync(plugin, 'throw new Error("broken"); // id: "handrail"');
  const steps = [bash("opencode run hello"), bash("opencode run hello || true"), bash("echo fine")];
  const { prompt, executor, model } = await setUp(steps, { opencodePlugins: [plugin] });
  const run = await prompt();
  expect(toolResults(run.messages)[0]).toMatch(/error/i);
  expect(executor.requests).toHaveLength(0);
  const said = hookTexts(model.requests);
  expect(said).toHaveLength(2);
  for (const one of said) expect(one).toContain("handrail doctor");
});

test("without the plugin a delegation is denied, in any spelling, and what mends it is named", async () => {
  const { prompt, executor, repo } = await setUp([
    bash("opencode run hello"),
    bash("timeout 60 bash -c 'npx opencode-ai run hello'"),
    call("Bash", { command: "opencode run hello", run_in_background: true, description: "b" }),
    bash("opencode --version"),
    bash("printf '#!/bin/sh\\nopencode run hello\\n' > go.sh; sh go.sh"),
  ]);
  const run = await prompt();
  const results = toolResults(run.messages);
  for (const denied of results.slice(0, 3)) expect(denied).toContain("handrail init");
  expect(results[3]).toMatch(/^\d+\.\d+/);
  expect(executor.requests).toHaveLength(0);
  expect(repo.exists("opencode_tasks/baseline.txt")).toBe(false);
});

test("a command that would take the hold away is denied; the same one without that is not", async () => {
  const { prompt, executor } = await withPlugin([
    bash("env -i PATH=$PATH HOME=$HOME opencode run hello"),
    bash("OPENCODE_CONFIG_CONTENT='{}' opencode run hello"),
    bash("opencode run --pure hello"),
    bash("env X=1 opencode run hello"),
  ]);
  const results = toolResults((await prompt()).messages);
  for (const denied of results.slice(0, 3))
    expect(denied).toMatch(/Handrail: .*holds? OpenCode|Handrail: .*what holds it/);
  expect(results[3]).toContain("Executor here.");
  expect(executor.requests).toHaveLength(1);
});

test("the user's permission rules decide as they would without Handrail", async () => {
  const { executor, claude, repo, model, opencodeEnv } = await withPlugin([]);
  model.script([bash("opencode run hello"), bash("opencode models"), text("Done.")]);
  const [program = "", ...args] = claude.command.filter((word) => word !== "--dangerously-skip-permissions");
  const rules = ["--permission-mode", "default", "--allowedTools", "Bash(opencode run *)"];
  const run = await runProgram(
    program,
    [...args, ...rules, "-p", "--output-format", "stream-json", "--verbose", "go"],
    { cwd: repo.root, env: { ...claude.env, ...opencodeEnv } },
  );
  const results = toolResults(jsonLines(run.stdout));
  expect(results[0]).toContain("Executor here.");
  expect(results[1]).toMatch(/requires approval|permission/i);
  expect(executor.requests).toHaveLength(1);
});

test("a session that began before the plugin was there is armed by each command itself", async () => {
  const { prompt, sandbox, inbox, sessionId, executor, model } = await withPlugin([
    bash('rm -r "$HOME"/.claude/plugins/data/*/*'),
    bash("unset HANDRAIL_INBOX; opencode run hello"),
    bash("env -u HANDRAIL_INBOX opencode run hello"),
    bash(`export X=opencode_tasks; cd src && opencode run "$(cat ../${TASK_FILE})"`),
  ]);
  const results = toolResults((await prompt()).messages);
  expect(results[1]).toContain("Handrail");
  expect(results[2]).toContain("Handrail");
  expect(results[3]).toContain("Executor here.");
  expect(executor.requests).toHaveLength(1);
  expect(runRecords(sandbox)).toMatchObject([{ origin: { session_id: sessionId, inbox } }]);
  expect(hookTexts(model.requests).filter((one) => one.includes("OpenCode's run"))).toHaveLength(1);
});

test("where there is nothing to do, no Node is started", async () => {
  const { prompt, sandbox, withNode } = await setUp([
    bash("echo one"),
    bash("cat opencode_tasks"),
    call("Write", { file_path: "notes.txt", content: "opencode run is documented here\n" }),
  ]);
  const run = await prompt(
    [],
    withNode(`echo "$2" >> ${sandbox.dir}/started; exec ${process.execPath} "$@"`),
  );
  expect(toolResults(run.messages)[0]).toBe("one");
  const started = readFileSync(join(sandbox.dir, "started"), "utf8").trim().split("\n");
  // Once a session, side by side: its hook and the bridge.
  expect(started.sort()).toEqual(["mcp", "session-start"]);
});

test("where Node fails, delegations are blocked and everything else goes on", async () => {
  const { prompt, executor, withNode } = await setUp([
    bash("echo one"),
    bash("opencode run hello"),
    bash("echo two"),
  ]);
  const results = toolResults((await prompt([], withNode("exit 127"))).messages);
  expect([results[0], results[2]]).toEqual(["one", "two"]);
  expect(results[1]).toMatch(/hook/);
  expect(executor.requests).toHaveLength(0);
});
