import { expect, test } from "vitest";
import { closing } from "../lab/cleanup.ts";
import { type Delegation, setUpDelegation, TASK, TASK_NAME } from "../lab/delegation.ts";
import { until } from "../lab/process.ts";
import type { RepoOptions } from "../lab/repo.ts";
import { call, type Step, text } from "../lab/script.ts";

const asArgument = TASK.trimEnd();
const bash = (command: string): Step => call("bash", { command, description: "run" });
const write = (filePath: string, content: string): Step => call("write", { filePath, content });

/** What the tools told the model, in order. */
function told(lab: Delegation): string[] {
  return lab.model.requests.at(-1)?.messages.flatMap((message) => message.toolResults) ?? [];
}

const B = "export const b = 2;\n";

/** A repository whose tools lie in `node_modules`, which commands may write. */
const withTools: RepoOptions = {
  files: {
    "biome.json": "{}\n",
    "package-lock.json": "{}\n",
    "src/a.ts": "export const a = 1;\n",
    "src/b.ts": B,
    "src/lib/x.ts": "export const x = 1;\n",
  },
  ignore: ["node_modules/", "opencode_tasks/"],
  dirty: { [TASK_NAME]: TASK },
};

/** Plants programs that write out of scope when OpenCode itself starts them. */
function plant(lab: () => string): Step {
  const names = ["git", "rg", "sleep", "cat"];
  const script = `printf '#!/bin/sh\\necho "$0" >> ${lab()}/src/b.ts\\nexec /usr/bin/%s "$@"\\n'`;
  const each = names.map(
    (name) => `${script} ${name} > node_modules/.bin/${name}; chmod +x node_modules/.bin/${name}`,
  );
  // Answers as a language server does, or OpenCode waits for it for most of a minute.
  const body = '{"jsonrpc":"2.0","id":0,"result":{"capabilities":{}}}';
  const server = `#!/bin/sh\necho "$0" >> ${lab()}/src/b.ts\nprintf "Content-Length: ${body.length}\\r\\n\\r\\n"\nprintf %s '${body}'\nexec /bin/cat > /dev/null\n`;
  const biome = `cat > node_modules/.bin/biome <<'EOF'\n${server}EOF\nchmod +x node_modules/.bin/biome`;
  return bash(`mkdir -p node_modules/.bin; ${each.join("; ")}\n${biome}`);
}

function plantedRun(config: Record<string, unknown>, env: NodeJS.ProcessEnv) {
  return async () => {
    let root = "";
    const lab = await setUpDelegation(
      () => [
        plant(() => root),
        call("edit", { filePath: "src/a.ts", oldString: "a = 1", newString: "a = 2" }),
        call("grep", { pattern: "export", path: "src" }),
        bash("node_modules/.bin/sleep 0; command -v git"),
        { delayMs: 1500, text: "Done." },
      ],
      { repo: withTools, config },
    );
    root = lab.repo.root;
    const path = `${root}/node_modules/.bin:node_modules/.bin:${lab.opencode.env.PATH}`;
    await lab.opencode.run(root, ["run", asArgument], { env: { ...env, PATH: path } });
    return lab;
  };
}

test("programs that a command plants in node_modules are not started by OpenCode itself", async () => {
  const lab = await plantedRun({ lsp: true, formatter: true }, { CLAUDECODE: "1" })();
  expect(lab.repo.read("src/b.ts")).toBe(B);
  expect(lab.repo.read("src/a.ts")).toBe("export const a = 2;\n");
  expect(lab.repo.exists("node_modules/.bin/biome")).toBe(true);
  expect(told(lab)[3]).not.toContain("node_modules");
  expect(lab.callbacks()).toMatchObject([{ state: "done", verdict: "in_scope" }]);
});

test("language servers that a person keeps on are answered for: what they write is the executor's", async () => {
  const lab = await plantedRun({ lsp: true }, {})();
  expect(lab.repo.read("src/b.ts")).toContain("node_modules/.bin/biome");
  expect(lab.repo.read("src/b.ts")).not.toContain("node_modules/.bin/git");
  expect(lab.callbacks()).toMatchObject([{ state: "blocked", verdict: "violated" }]);
});

test("an instance that follows a disposed one at once is guarded, and waits for the turn that was cut off", async () => {
  const held = [write("src/b.ts", "after\n"), bash("echo after > src/lib/after.ts"), text("Done.")];
  const lab = await setUpDelegation((request) =>
    request.userText.includes("Go on") ? held : [bash("echo x > src/lib/begun.ts; sleep 20"), text("Done.")],
  );
  const server = closing(await lab.opencode.serve(lab.repo.root));
  const post = async (path: string, body: unknown): Promise<unknown> => {
    const headers = { ...server.headers, "content-type": "application/json" };
    const init = { method: "POST", headers, body: JSON.stringify(body), signal: AbortSignal.timeout(60_000) };
    const answer = await fetch(`${server.url}${path}`, init);
    return answer.status === 204 ? undefined : answer.json();
  };
  const say = (prompt: string) => ({ parts: [{ type: "text", text: prompt }] });
  const { id } = (await post("/session", {})) as { id: string };
  await post(`/session/${id}/prompt_async`, say(TASK));
  await until(
    "the first command",
    () => lab.repo.exists("opencode_tasks/baseline.txt") && lab.model.requests.length > 0,
  );
  const disposed = post("/instance/dispose", {});
  await post(`/session/${id}/message`, say("Go on"));
  await disposed;
  // A command without a tool call, in the same session.
  const shell = { agent: "build", command: "echo s >> src/$(echo b).ts; echo s > src/lib/shell.ts" };
  await post(`/session/${id}/shell`, shell);
  const ended = (state: string) => lab.callbacks().filter((one) => one.state === state);
  await until("the callbacks", () => ended("done").length >= 2);
  expect(lab.repo.read("src/b.ts")).toBe(B);
  expect([lab.repo.read("src/lib/after.ts"), lab.repo.read("src/lib/shell.ts")]).toEqual(["after\n", "s\n"]);
  // The disposal cuts off the first turn, and the second, too, where that had begun: its prompt is then worked on anew.
  expect([1, 2]).toContain(ended("aborted").length);
  expect(lab.callbacks().slice(-2)).toMatchObject([
    { state: "done", verdict: "in_scope" },
    { state: "done", verdict: "in_scope" },
  ]);
});

test("Handrail's own programs load nothing that lies in a folder where a command runs", async () => {
  const preload = 'preload = ["./evil.js"]\n';
  const root = { at: "" };
  const lab = await setUpDelegation(
    () => [
      write("src/lib/evil.js", `require("fs").writeFileSync("${root.at}/src/b.ts", "loaded");\n`),
      write("src/lib/bunfig.toml", preload),
      call("bash", { command: "echo x > w.ts", description: "run", workdir: "src/lib" }),
      bash("echo x > src/lib/z.ts; kill -9 $PPID"),
      text("Done."),
    ],
    {
      repo: {
        files: {
          "bunfig.toml": 'preload = ["./src/lib/evil.js"]\n',
          "src/a.ts": "export const a = 1;\n",
          "src/b.ts": B,
        },
        ignore: ["opencode_tasks/"],
        dirty: { [TASK_NAME]: TASK },
      },
    },
  );
  root.at = lab.repo.root;
  await lab.opencode.run(lab.repo.root, ["run", asArgument]);
  expect([lab.repo.read("src/lib/w.ts"), lab.repo.read("src/lib/z.ts")]).toEqual(["x\n", "x\n"]);
  expect(lab.repo.read("src/b.ts")).toBe(B);
});

test("a sub-agent goes on with no session but its own family's: another is held to another scope", async () => {
  const ids = { stranger: "", child: "" };
  const delegate = (prompt: string, task_id?: string): Step =>
    call("task", { description: "help", prompt, subagent_type: "general", ...(task_id && { task_id }) });
  const lab = await setUpDelegation((request) => {
    if (request.userText.includes("You are the helper"))
      return [write("src/b.ts", "helped\n"), text("Helped.")];
    if (request.userText.includes("Go on, helper")) return [write("src/lib/on.ts", "on\n"), text("Went on.")];
    if (!request.userText.includes("Change the")) return [text("Hello.")];
    const known = request.messages.flatMap((message) => message.toolResults).join("\n");
    ids.child = /ses_\w+/.exec(known)?.[0] ?? ids.child;
    return [
      delegate("You are the helper: write src/b.ts"),
      delegate("You are the helper: write src/b.ts", ids.stranger),
      delegate("You are the helper.\n\nFiles to modify:\n- src/b.ts\n", ids.stranger),
      delegate("You are the helper", "ses_doesnotexist"),
      delegate("Go on, helper", ids.child),
      text("Done."),
    ];
  });
  // By hand, so that a session without a task may do what it likes.
  const server = closing(await lab.opencode.serve(lab.repo.root));
  const post = async (path: string, body: unknown): Promise<Record<string, unknown>> => {
    const headers = { ...server.headers, "content-type": "application/json" };
    const init = { method: "POST", headers, body: JSON.stringify(body), signal: AbortSignal.timeout(60_000) };
    return (await (await fetch(`${server.url}${path}`, init)).json()) as Record<string, unknown>;
  };
  const say = (prompt: string) => ({ parts: [{ type: "text", text: prompt }] });
  ids.stranger = String((await post("/session", {})).id);
  await post(`/session/${ids.stranger}/message`, say("Hello"));
  const bound = String((await post("/session", {})).id);
  await post(`/session/${bound}/message`, say(TASK));
  await until("the callback", () => lab.callbacks().length > 0);
  expect(lab.repo.read("src/b.ts")).toBe(B);
  expect(lab.repo.read("src/lib/on.ts")).toBe("on\n");
  expect(lab.callbacks()).toMatchObject([
    {
      verdict: "in_scope",
      refusals: [
        { code: "out-of-scope", path: "src/b.ts", count: 1 },
        { code: "bad-arguments", tool: "task", count: 3 },
      ],
    },
  ]);
  // The twin: by itself the other session is free.
  await post(`/session/${ids.stranger}/message`, say("You are the helper"));
  expect(lab.repo.read("src/b.ts")).toBe("helped\n");
});
