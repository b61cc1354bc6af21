import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { projectState, TASK_NAME } from "../lab/delegation.ts";
import { processesMentioning, until } from "../lab/process.ts";
import { call, text } from "../lab/script.ts";
import { processRuns, type ServeLab, setUpServe } from "../lab/serve.ts";

const edit = call("edit", { filePath: "src/a.ts", oldString: "a = 1", newString: "a = 2" });
const outside = call("write", { filePath: "src/b.ts", content: "x\n" });
const bash = (command: string) => call("bash", { command, description: "run" });
const SCOPE = "\n\n## File scope\n\nFiles to modify:\n- src/a.ts\n\nDo not:\n- touch src/b.ts\n";

const request = (lab: ServeLab, path: string, password?: string) =>
  fetch(`${lab.entry().url}${path}`, {
    ...(password === undefined
      ? {}
      : { headers: { authorization: `Basic ${Buffer.from(`opencode:${password}`).toString("base64")}` } }),
  });

test("one server: from a subfolder, reused, with a password that commands do not see; stop leaves nothing", async () => {
  const lab = await setUpServe([
    bash("env | grep -c PASSWORD > src/a.ts; env | grep -c HANDRAIL_SIGN >> src/a.ts; true"),
    edit,
    text("Counted."),
  ]);
  mkdirSync(join(lab.repo.root, "src/deep"), { recursive: true });
  const started = await lab.json(["serve", "start"], { cwd: join(lab.repo.root, "src/deep") });
  expect(started).toMatchObject({
    code: 0,
    value: { state: "ready", directory: lab.repo.root, version: expect.stringMatching(/^\d+\.\d+\.\d+/) },
  });
  const again = await lab.json(["serve", "start", "--directory", "src"]);
  expect(again.value).toMatchObject({ url: started.value.url, pid: started.value.pid });
  const { password, url } = lab.entry();
  expect(password.length).toBeGreaterThan(20);
  expect(JSON.stringify(started.value)).not.toContain(password);

  const session = await lab.json(["session", "new", "--task", TASK_NAME, "--", "Do the task."]);
  expect(session, session.stderr).toMatchObject({ code: 0, value: { state: "done", text: "Counted." } });
  // What the held command counted: no password, no sign file. The edit after it had nothing to find.
  expect(lab.repo.read("src/a.ts")).toBe("0\n0\n");
  // The plugin took the password from the process; OpenCode still asks for it.
  expect((await request(lab, "/session")).status).toBe(401);
  expect((await request(lab, "/session", "wrong")).status).toBe(401);
  expect((await request(lab, "/session", password)).status).toBe(200);

  expect((await lab.json(["serve", "status"])).value).toMatchObject({ state: "ready", url, busy: [] });
  expect((await lab.json(["serve", "list"])).value).toMatchObject([{ url, directory: lab.repo.root }]);
  const { pid } = lab.entry().process;
  expect(await lab.json(["serve", "stop"])).toMatchObject({
    code: 0,
    value: { state: "stopped", url: null },
  });
  expect(processRuns(pid)).toBe(false);
  await expect(fetch(url)).rejects.toThrow();
  expect((await lab.json(["serve", "list"])).value).toEqual([]);
  await until("every process to end", () => processesMentioning(lab.sandbox.dir)?.length === 0, 10_000);
});

test("two terminals at once: one server", async () => {
  const lab = await setUpServe([text("Heard.")]);
  const [one, two, three] = await Promise.all([
    lab.json(["session", "new", "--", "first"]),
    lab.json(["serve", "start"]),
    lab.json(["serve", "start"]),
  ]);
  expect(one).toMatchObject({ code: 0, value: { held: "read-only", text: "Heard." } });
  const { pid } = lab.entry().process;
  expect([two, three]).toMatchObject([{ value: { pid } }, { value: { pid } }]);
  const servers = processesMentioning(lab.sandbox.dir)?.filter((line) => / serve --hostname/.test(line));
  expect(servers).toHaveLength(1);
});

test("a session: scope from its prompt, continued, attached, in the background", async () => {
  let tried: () => void = () => undefined;
  const tries = new Promise<void>((resolve) => {
    tried = resolve;
  });
  const lab = await setUpServe([outside, edit, { ...text("Changed."), after: () => tries }]);
  const starting = lab.json(["session", "new", "--", `Change a.${SCOPE}`]);
  // Nobody ends the server while somebody else starts it, or works with it.
  await until("a server on record", () => existsSync(join(projectState(lab.sandbox), "serve.json")));
  expect(await lab.json(["serve", "stop"])).toMatchObject({ code: 5, value: { error: { code: "busy" } } });
  expect((await lab.json(["serve", "cleanup", "--all"])).value).toEqual([]);
  tried();
  const first = await starting;
  expect(first, first.stderr).toMatchObject({
    code: 0,
    value: {
      state: "done",
      held: "task",
      directory: lab.repo.root,
      text: "Changed.",
      report: {
        verdict: "in_scope",
        changes: [{ path: "src/a.ts", by: "executor", inScope: true }],
        refusals: [{ path: "src/b.ts" }],
      },
    },
  });
  const { session_id, report } = first.value;
  expect(lab.repo.read("src/b.ts")).toBe("export const b = 2;\n");
  expect(lab.callbacks()).toMatchObject([{ run_id: report.run_id, state: "done" }]);

  // Another prompt of the same session: another run, the same scope and baseline, one callback more.
  lab.model.script([
    call("write", { filePath: "src/a.ts", content: "export const a = 3;\n" }),
    outside,
    text("Mended."),
  ]);
  const second = await lab.json(["session", "continue", session_id, "--", "Make it three."]);
  expect(second, second.stderr).toMatchObject({
    code: 0,
    value: { session_id, state: "done", held: "task", text: "Mended.", report: { task_id: report.task_id } },
  });
  expect(second.value.run_id).not.toBe(report.run_id);
  expect(lab.callbacks()).toHaveLength(2);
  expect(lab.repo.read("src/b.ts")).toBe("export const b = 2;\n");
  const diff = await lab.handrail(["diff", "--task", report.task_id]);
  expect(diff.stdout).toMatch(/-export const a = 1;\n\+export const a = 3;/);

  // Attaching prompts nobody.
  const asked = lab.model.requests.length;
  const attached = await lab.json(["session", "attach", session_id, "--timeout", "0.2"]);
  expect(attached).toMatchObject({ code: 0, value: { session_id, state: "done", text: "Mended." } });
  expect(lab.model.requests).toHaveLength(asked);

  // Not held, because a person said so: no run, and it writes what it likes.
  lab.model.script([outside, text("Free.")]);
  const free = await lab.json(["session", "new", "--unscoped", "--", `As you like.${SCOPE}`]);
  expect(free, free.stderr).toMatchObject({
    code: 0,
    value: { state: "done", held: "unscoped", text: "Free." },
  });
  expect(free.value).not.toHaveProperty("run_id");
  expect(lab.repo.read("src/b.ts")).toBe("x\n");
  lab.repo.write("src/b.ts", "export const b = 2;\n");

  // A reviewer: nothing lands, whatever it tries.
  lab.model.script([outside, bash("echo x > src/a.ts"), text("Looks fine.")]);
  const before = lab.repo.manifest();
  const reviewer = await lab.json(["session", "new", "--read-only", "--", `Review it.${SCOPE}`]);
  expect(reviewer).toMatchObject({ code: 0, value: { held: "read-only", text: "Looks fine." } });
  expect(lab.repo.manifest()).toEqual(before);

  // In the background: a job with its session at once, its result later, from a subfolder.
  lab.model.script([edit, text("In the background.")]);
  lab.repo.write("src/a.ts", "export const a = 1;\n");
  const job = await lab.json(["session", "new", "--background", "--task", TASK_NAME, "--", "Do the task."]);
  expect(job).toMatchObject({
    code: 0,
    value: { job_id: expect.any(String), session_id: expect.any(String) },
  });
  const { job_id } = job.value;
  const done = await lab.json(["job", "wait", job_id], { cwd: join(lab.repo.root, "src") });
  expect(done).toMatchObject({
    code: 0,
    value: {
      job_id,
      state: "done",
      session_id: job.value.session_id,
      result: { text: "In the background." },
    },
  });
  expect(lab.repo.read("src/a.ts")).toBe("export const a = 2;\n");
  expect((await lab.json(["job", "result", job_id])).value.result.report.changes).toMatchObject([
    { path: "src/a.ts" },
  ]);
  expect((await lab.json(["job", "list"])).value).toMatchObject([{ job_id, state: "done" }]);
  expect((await lab.json(["session", "list"])).value).toHaveLength(4);

  // For a person: that it only reads, and why a job has not come to a session.
  const reads = await lab.handrail(["session", "new", "--background", "--", "Look around."]);
  expect(reads).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/read-only: the prompt has no file scope/),
  });
  expect(reads.stdout).toMatch(/^job (j\S+): session ses_\w+, read-only\n {2}handrail job wait \1\n$/);
  const none = await lab.handrail([
    "session",
    "new",
    "--background",
    "--model",
    "lab/none",
    "--",
    "Look around.",
  ]);
  expect(none).toMatchObject({
    code: 2,
    stdout: expect.stringMatching(/failed: OpenCode has no model "lab\/none"/),
  });
});

test("without the plugin a server gets no prompt: exit 5, no model is asked, nothing is left", async () => {
  const lab = await setUpServe([edit, text("Done.")]);
  const run = await lab.json(["session", "new", "--task", TASK_NAME, "--", "Do it."], {
    env: { OPENCODE_PURE: "1" },
  });
  expect(run).toMatchObject({ code: 5, value: { error: { code: "plugin-not-loaded" } } });
  expect(lab.model.requests).toEqual([]);
  expect(processesMentioning(lab.sandbox.dir)).toEqual([]);
  expect(readFileSync(join(lab.repo.root, "src/a.ts"), "utf8")).toBe("export const a = 1;\n");
});
