import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { clientFor } from "../../shared/serve/client.ts";
import { serverEntrySchema } from "../../shared/serve/entry.ts";
import { createSession } from "../../shared/serve/session.ts";
import { projectState, TASK, TASK_NAME } from "../lab/delegation.ts";
import { processesMentioning, until } from "../lab/process.ts";
import { changed } from "../lab/repo.ts";
import { call, text } from "../lab/script.ts";
import { processRuns, type ServeLab, setUpServe } from "../lab/serve.ts";

const edit = call("edit", { filePath: "src/a.ts", oldString: "a = 1", newString: "a = 2" });
const NEW = ["session", "new", "--task", TASK_NAME];

const edited = (lab: ServeLab) => until("the edit", () => lab.repo.read("src/a.ts").includes("a = 2"));

test("the server is killed with -9 during a job: failed, with its evidence and one callback; the session goes on", async () => {
  const lab = await setUpServe([edit, { hang: true }]);
  const job = await lab.json([...NEW, "--background", "--", "Do the task."]);
  const { job_id, session_id, run_id } = job.value;
  expect([job_id, session_id, run_id]).toEqual(Array(3).fill(expect.any(String)));
  await edited(lab);
  process.kill(lab.entry().process.pid, "SIGKILL");
  const waited = await lab.json(["job", "wait", job_id]);
  expect(waited, waited.stderr).toMatchObject({
    code: 1,
    value: {
      state: "failed",
      result: {
        state: "failed",
        error: { code: "server-gone" },
        report: { run_id, changes: [{ path: "src/a.ts", by: "executor" }] },
      },
    },
  });
  expect(lab.callbacks()).toMatchObject([{ run_id, state: "failed" }]);
  expect((await lab.json(["serve", "status"])).value.state).toBe("stopped");

  lab.model.script([text("Back again.")]);
  const next = await lab.json(["session", "continue", session_id, "--", "Go on."]);
  expect(next, next.stderr).toMatchObject({
    code: 0,
    value: { session_id, state: "done", text: "Back again." },
  });
});

test("the worker is killed: its job is not running; the session can be attached, and cancelled", async () => {
  const lab = await setUpServe([edit, { hang: true }]);
  const job = (await lab.json([...NEW, "--background", "--", "Do the task."])).value;
  await edited(lab);
  const busy = await lab.json(["serve", "stop"]);
  expect(busy).toMatchObject({ code: 5, value: { error: { code: "busy" } } });
  const open = await lab.json(["job", "result", job.job_id]);
  expect(open).toMatchObject({ code: 5, value: { error: { code: "busy" } } });
  const file = join(projectState(lab.sandbox), "jobs", `${job.job_id}.json`);
  const worker = JSON.parse(lab.read(file)).worker.pid;
  process.kill(worker, "SIGKILL");
  await until("the worker to end", () => !processRuns(worker));
  const lost = await lab.json(["job", "wait", job.job_id]);
  expect(lost).toMatchObject({ code: 1, value: { state: "lost", attach: job.attach } });
  expect((await lab.handrail(["job", "result", job.job_id])).stdout).toContain(job.attach);
  const attached = await lab.json(["session", "attach", job.session_id, "--timeout", "0.02"]);
  expect(attached).toMatchObject({ code: 4, value: { state: "timed_out", run_id: job.run_id } });
  const cancelled = await lab.json(["job", "cancel", job.job_id]);
  expect(cancelled).toMatchObject({ code: 0, value: { state: "aborted" } });
  expect(lab.callbacks()).toMatchObject([{ run_id: job.run_id, state: "aborted" }]);
  expect(lab.repo.read("src/a.ts")).toContain("a = 2");

  // With its worker alive it is the worker that stops the session, and says so.
  lab.repo.write("src/a.ts", "export const a = 1;\n");
  const second = (await lab.json([...NEW, "--background", "--", "Do the task."])).value;
  await edited(lab);
  expect((await lab.json(["job", "cancel", second.job_id])).value).toMatchObject({ state: "aborted" });
  const result = await lab.handrail(["job", "result", second.job_id]);
  expect(result).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/aborted[\s\S]*Changed: "src\/a\.ts"/),
  });
  expect((await lab.json(["job", "list"])).value).toMatchObject([{ state: "aborted" }, { state: "aborted" }]);
  expect((await lab.json(["serve", "status"])).value).toMatchObject({ state: "ready", busy: [] });
  expect(processesMentioning(lab.sandbox.dir)).toHaveLength(1);
});

test("the time is up: exit 4 and the command to go on with, which prompts nobody", async () => {
  const lab = await setUpServe([edit, { text: "At last.", delayMs: 12_000 }]);
  const late = await lab.json([...NEW, "--timeout", "0.05", "--", "Do the task."]);
  expect(late, late.stderr).toMatchObject({
    code: 4,
    value: { state: "timed_out", session_id: expect.any(String) },
  });
  const [command, ...args] = late.value.attach.split(" ");
  expect([command, args.slice(0, 2)]).toEqual(["handrail", ["session", "attach"]]);
  const again = await lab.json(["session", "continue", late.value.session_id, "--", "Are you there?"]);
  expect(again).toMatchObject({ code: 5, value: { error: { code: "busy", fix: late.value.attach } } });
  // Nor does a new session work on the same task meanwhile.
  const second = await lab.json([...NEW, "--", "Do the task."]);
  expect(second).toMatchObject({
    code: 5,
    value: { error: { code: "busy", message: expect.stringContaining(late.value.run_id) } },
  });
  const done = await lab.json(args);
  expect(done, done.stderr).toMatchObject({
    code: 0,
    value: { session_id: late.value.session_id, run_id: late.value.run_id, state: "done", text: "At last." },
  });
  expect(lab.model.requests).toHaveLength(2);
  expect(lab.callbacks()).toHaveLength(1);
});

test("a permission or a question that only a person can answer is reported: exit 5", async () => {
  const question = call("question", {
    questions: [
      {
        question: "Which one?",
        header: "One",
        options: [
          { label: "a", description: "a" },
          { label: "b", description: "b" },
        ],
      },
    ],
  });
  const fetching = call("webfetch", { url: "http://127.0.0.1:9/", format: "text" });
  const lab = await setUpServe((request) => [request.userText.includes("ASK") ? question : fetching], {
    config: { permission: { webfetch: "ask" } },
  });
  const asked = await lab.json([...NEW, "--", "ASK"]);
  expect(asked, asked.stderr).toMatchObject({
    code: 5,
    value: { state: "awaiting_permission", pending: [{ kind: "question", text: "Which one?" }] },
  });
  expect((await lab.json(["session", "status", asked.value.session_id])).value.state).toBe(
    "awaiting_permission",
  );
  await lab.handrail(["session", "abort", asked.value.session_id]);
  const after = await lab.json(["session", "wait", asked.value.session_id]);
  expect(after).toMatchObject({ code: 1, value: { state: "aborted" } });
  const may = await lab.json([...NEW, "--", "Fetch it."]);
  expect(may).toMatchObject({ code: 5, value: { pending: [{ kind: "permission" }] } });
  const human = await lab.handrail(["session", "attach", may.value.session_id]);
  expect(human).toMatchObject({
    code: 5,
    stdout: expect.stringMatching(/waits for an answer \(permission\b.*webfetch/),
  });
  await lab.handrail(["session", "abort", may.value.session_id]);
});

test("spaces and other letters in the path, a linked worktree, another folder, a lost session", async () => {
  const lab = await setUpServe([text("Heard.")], { at: "my projekt é日本 'x'" });
  const first = await lab.json(["session", "new", "--directory", "src", "--", "Hello."]);
  expect(first, first.stderr).toMatchObject({ code: 0, value: { directory: lab.repo.root, text: "Heard." } });
  const { session_id } = first.value;
  const { pid } = lab.entry().process;
  // A server that gives a session another folder than its own: the session is refused, and does not stay.
  const entry = serverEntrySchema.parse(lab.entry());
  const client = clientFor(entry);
  const known = async () => (await client.session.list()).data?.map(({ id }) => id);
  const sessions = await known();
  await expect(
    createSession({ entry: { ...entry, directory: "/elsewhere" }, client }, { title: "astray" }),
  ).rejects.toMatchObject({ code: "wrong-directory" });
  expect(await known()).toEqual(sessions);

  const linked = join(lab.sandbox.dir, "linked trée 'y'");
  lab.repo.git("worktree", "add", "-q", "-b", "linked", linked);
  const other = await lab.json(["serve", "start"], { cwd: join(linked, "src") });
  expect(other.value).toMatchObject({ directory: linked });
  expect(other.value.pid).not.toBe(pid);
  expect((await lab.json(["serve", "list"])).value).toHaveLength(2);
  // Held to its task there, too, from a subfolder and in the background; the first tree stays as it is.
  mkdirSync(join(linked, "opencode_tasks"), { recursive: true });
  writeFileSync(join(linked, TASK_NAME), TASK);
  const before = lab.repo.manifest();
  lab.model.script([
    call("bash", { command: "echo linked > src/a.ts; echo no | tee src/$(echo b).ts", description: "both" }),
    text("Linked."),
  ]);
  const cwd = join(linked, "src");
  const job = await lab.json([...NEW, "--background", "--", "Do the task."], { cwd });
  expect(job, job.stderr).toMatchObject({ code: 0, value: { directory: linked } });
  const done = await lab.json(["job", "wait", job.value.job_id], { cwd });
  const report = { verdict: "in_scope", changes: [{ path: "src/a.ts" }], refusals: [{ path: "src/b.ts" }] };
  expect(done).toMatchObject({ code: 0, value: { state: "done", result: { text: "Linked.", report } } });
  expect(lab.read(join(cwd, "a.ts"))).toBe("linked\n");
  expect(lab.read(join(cwd, "b.ts"))).toBe("export const b = 2;\n");
  const own = (name: string) => !name.startsWith(".git ");
  expect(changed(before, lab.repo.manifest()).filter(own)).toEqual([]);
  lab.model.script([text("Heard.")]);
  for (const args of [["continue", "--", "Go on."], ["attach"], ["abort"]]) {
    const [verb = "", ...prompt] = args;
    const refused = await lab.json(["session", verb, session_id, "--directory", linked, ...prompt]);
    expect(refused).toMatchObject({ code: 2, value: { error: { code: "wrong-directory" } } });
  }
  // Found by its id from anywhere.
  const found = await lab.json(["session", "status", session_id], { cwd: linked });
  expect(found.value).toMatchObject({ session_id, directory: lab.repo.root, state: "done" });
  expect((await lab.json(["serve", "stop"], { cwd: linked })).value.state).toBe("stopped");

  // OpenCode's own store is gone: the session is lost, and started anew only when asked.
  await lab.json(["serve", "stop"]);
  rmSync(join(lab.sandbox.home, ".local/share/opencode"), { recursive: true, force: true });
  const lost = await lab.json(["session", "continue", session_id, "--", "And now?"]);
  expect(lost).toMatchObject({
    code: 5,
    value: { error: { code: "session-lost", fix: expect.stringContaining("--restart-lost") } },
  });
  const anew = await lab.json(["session", "continue", session_id, "--restart-lost", "--", "And now?"]);
  expect(anew).toMatchObject({ code: 0, value: { replaces: session_id, state: "done" } });
  expect(anew.value.session_id).not.toBe(session_id);
  expect(lab.model.requests.at(-1)?.userText).toMatch(/> Hello\.[\s\S]*And now\?/);
});

test("a server of another version is replaced, but not while it works; an idle one ends by itself", async () => {
  const lab = await setUpServe([{ text: "Slowly.", delayMs: 8_000 }]);
  const config = join(lab.repo.root, "handrail.config.json");
  await lab.json(["serve", "start"]);
  const old = lab.entry();
  const file = join(projectState(lab.sandbox), "serve.json");
  writeFileSync(file, JSON.stringify({ ...old, program: `${old.program} of before` }), { mode: 0o600 });
  const slow = lab.json(["session", "new", "--", "Hello."]);
  // The idle one was replaced for it.
  const isNew = () => existsSync(file) && lab.entry().state === "ready" && lab.entry().url !== "";
  await until("the new server", () => isNew() && lab.entry().process.pid !== old.process.pid);
  expect(processRuns(old.process.pid)).toBe(false);
  await until("the session to work", () => lab.model.requests.length > 0);
  const current = lab.entry();
  writeFileSync(file, JSON.stringify({ ...current, program: "another" }), { mode: 0o600 });
  const refused = await lab.json(["session", "new", "--", "Me too."]);
  expect(refused).toMatchObject({ code: 5, value: { error: { code: "busy" } } });
  expect(await slow).toMatchObject({ code: 0, value: { text: "Slowly." } });

  writeFileSync(config, JSON.stringify({ serve: { idleMinutes: 0.05 } }));
  const { value } = await lab.json(["serve", "start"]);
  expect(value.pid).not.toBe(current.process.pid);
  await until("the idle server to end", () => !processRuns(value.pid));
  expect((await lab.json(["serve", "status"])).value.state).toBe("stopped");
  expect((await lab.json(["serve", "cleanup"])).value).toMatchObject([{ state: "stopped" }]);
  expect((await lab.json(["serve", "list"])).value).toEqual([]);
});
