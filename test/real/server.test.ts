import { expect, test } from "vitest";
import { closing } from "../lab/cleanup.ts";
import { type Delegation, setUpDelegation, TASK, TASK_NAME } from "../lab/delegation.ts";
import { clientOf } from "../lab/http-client.ts";
import { until } from "../lab/process.ts";
import { call, isRecord, type Step, text } from "../lab/script.ts";

// A server of OpenCode: what a command can do with it, and what becomes of what its other clients do.

const B = "export const b = 2;\n";
const bash = (command: string): Step => call("bash", { command, description: "run" });
const say = (prompt: string) => ({ parts: [{ type: "text", text: prompt }] });
const DELEGATED = { CLAUDECODE: "1" };

function told(lab: Delegation): string[] {
  return lab.model.requests.at(-1)?.messages.flatMap((message) => message.toolResults) ?? [];
}

/** What a command does that wants OpenCode to write for it. */
const drive = (url: string) => `node -e '
const url = "${url}";
const post = (path, body) => fetch(url + path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) }).then((r) => r.status, (e) => e.message);
const secret = Object.keys(process.env).filter((name) => /^HANDRAIL_|PASSWORD/.test(name));
(async () => console.log("SAID", await post("/pty", { command: "/bin/sh", args: ["-c", "echo p > src/b.ts"] }), await post("/api/session", {}), await post("/session", {}), await post("/vcs/apply", { patch: "" }), await post("/api/shell", { command: "echo x > src/b.ts" }), secret.join() || "no secret"))();
'`;

/** A terminal of the server, which OpenCode starts without any plugin being asked. */
const terminal = (command: string) => ({ command: "/bin/sh", args: ["-c", command] });

test("closed: a command cannot drive the server that runs it; what other clients do meanwhile is not blamed", async () => {
  const url = { is: "" };
  const lab = await setUpDelegation(
    (request) =>
      request.userText.includes("Change the")
        ? [
            bash(drive(url.is)),
            call("edit", { filePath: "src/a.ts", oldString: "a = 1", newString: "a = 2" }),
            { delayMs: 4000, text: "Done." },
          ]
        : [text("Done.")],
    {
      repo: {
        files: {
          "README.md": "# Sample\n",
          "src/a.ts": "export const a = 1;\n",
          "src/b.ts": B,
          "src/lib/x.ts": "x\n",
          ".opencode/command/hit.md": "---\ndescription: hit\n---\nSay: !`echo hit > src/b.ts; echo hit`\n",
        },
        ignore: ["opencode_tasks/"],
        dirty: { [TASK_NAME]: TASK },
      },
    },
  );
  const server = closing(await lab.opencode.serve(lab.repo.root, DELEGATED));
  url.is = server.url;
  const { post, get } = clientOf(server);
  const made = await post("/session", {});
  const id = isRecord(made.json) ? String(made.json.id) : "";
  await post(`/session/${id}/prompt_async`, say(TASK));
  await until("the edit", () => lab.repo.read("src/a.ts").includes("a = 2"));
  // Somebody with the password, at the same time: a terminal, and a patch.
  expect((await post("/pty", terminal("echo pty > src/lib/pty.ts; echo pty > notes.md"))).status).toBe(200);
  await until("the terminal", () => lab.repo.exists("notes.md"));
  await until("the callback", () => lab.callbacks().length > 0, 60_000);
  expect(told(lab)[0]).toMatch(/SAID 401 401 401 401 401 no secret/);
  expect(lab.repo.read("src/b.ts")).toBe(B);
  expect(lab.callbacks()).toMatchObject([
    {
      verdict: "in_scope",
      changes: [
        { path: "notes.md", by: "foreign" },
        { path: "src/a.ts", by: "executor" },
        { path: "src/lib/pty.ts", by: "foreign" },
      ],
    },
  ]);
  // A command template's own command has no hook: nothing may speak for it.
  await post(`/session/${id}/command`, { command: "hit", arguments: "" });
  await until("the template's answer", () => lab.callbacks().length > 1, 60_000);
  expect(lab.model.requests.at(-1)?.userText).toBe("Say:");
  expect(lab.repo.read("src/b.ts")).toBe(B);
  // Going back is a person's: between turns, and of what the turn did.
  const messages = await get(`/session/${id}/message`);
  const first =
    Array.isArray(messages.json) && isRecord(messages.json[0]) ? messages.json[0].info : undefined;
  await post(`/session/${id}/revert`, { messageID: isRecord(first) ? first.id : "" });
  expect([lab.repo.read("src/a.ts"), lab.repo.read("notes.md")]).toEqual(["export const a = 1;\n", "pty\n"]);
  expect(lab.repo.read("src/b.ts")).toBe(B);
});

test("closed: beside a server without a password no command runs; the other tools work", async () => {
  const lab = await setUpDelegation([
    bash("echo x > src/lib/x2.ts"),
    call("write", { filePath: "src/lib/y.ts", content: "y\n" }),
    text("Done."),
  ]);
  const server = closing(
    await lab.opencode.serve(lab.repo.root, { ...DELEGATED, OPENCODE_SERVER_PASSWORD: "" }),
  );
  const { post } = clientOf({ url: server.url });
  const made = await post("/session", {});
  const id = isRecord(made.json) ? String(made.json.id) : "";
  await post(`/session/${id}/message`, say(TASK));
  await until("the callback", () => lab.callbacks().length > 0, 60_000);
  expect(told(lab)[0]).toContain("without a password");
  expect([lab.repo.exists("src/lib/x2.ts"), lab.repo.exists("src/lib/y.ts")]).toEqual([false, true]);
  await post(`/session/${id}/shell`, { agent: "build", command: "echo s > src/lib/s.ts" });
  expect(lab.repo.exists("src/lib/s.ts")).toBe(false);
  expect(lab.callbacks()[0]).toMatchObject({
    verdict: "in_scope",
    refusals: [{ code: "open-server", tool: "bash" }],
  });
});
