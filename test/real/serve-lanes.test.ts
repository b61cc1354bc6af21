import { cpSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { TASK_NAME } from "../lab/delegation.ts";
import { projectRoot, runProgram } from "../lab/process.ts";
import { call, type ModelRequest, text } from "../lab/script.ts";
import { setUpServe } from "../lab/serve.ts";

const edit = call("edit", { filePath: "src/a.ts", oldString: "a = 1", newString: "a = 2" });

test("handrail run on the server, in the background in both lanes, and by the path that workflows write down", async () => {
  const lab = await setUpServe([edit, text("Done.")]);
  const run = await lab.json(["run", TASK_NAME, "--lane", "serve"]);
  expect(run, run.stderr).toMatchObject({
    code: 0,
    value: {
      state: "done",
      verdict: "in_scope",
      changes: [{ path: "src/a.ts" }],
      session: expect.any(String),
    },
  });
  // The server was started for this task, and has ended with it.
  expect(run.value.envelope.opencode_server_url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(lab.callbacks()).toHaveLength(1);

  for (const lane of ["serve", "cli"]) {
    lab.repo.write("src/a.ts", "export const a = 1;\n");
    const job = await lab.json(["run", `../${TASK_NAME}`, "--lane", lane, "--background"], {
      cwd: join(lab.repo.root, "src"),
    });
    expect(job, job.stderr).toMatchObject({
      code: 0,
      value: { run_id: expect.any(String), kind: "run" },
    });
    const done = await lab.json(["job", "wait", job.value.job_id]);
    expect(done, lane).toMatchObject({
      code: 0,
      value: {
        state: "done",
        run_id: job.value.run_id,
        session_id: expect.any(String),
        result: { verdict: "in_scope" },
      },
    });
    expect(lab.repo.read("src/a.ts")).toBe("export const a = 2;\n");
  }

  // From a copy of the Claude plugin alone, as Claude Code installs it.
  const root = join(lab.sandbox.dir, "installed plugin");
  for (const part of [".claude-plugin", "bin", "dist", "skills"]) {
    cpSync(join(projectRoot, "claude-hooks", part), join(root, part), { recursive: true });
  }
  const companion = join(root, "skills/opencode-companion/scripts/opencode-companion.mjs");
  lab.repo.write("src/a.ts", "export const a = 1;\n");
  const args = ["session", "new", "--directory", lab.repo.root, "--background", "--timeout", "60", "--json"];
  const prompt = "Do it.\n\nFile scope:\n- src/a.ts\n";
  const made = await runProgram(process.execPath, [companion, ...args, "--", prompt], {
    cwd: lab.sandbox.dir,
    env: lab.env,
  });
  expect(made, made.stderr).toMatchObject({ code: 0 });
  const { job_id, session_id, held } = JSON.parse(made.stdout);
  expect(held).toBe("task");
  const result = await runProgram(process.execPath, [companion, "job", "wait", job_id], {
    cwd: lab.sandbox.dir,
    env: lab.env,
  });
  expect(result).toMatchObject({ code: 0, stdout: expect.stringContaining("src/a.ts") });
  const attach = [companion, "session", "attach", session_id, "--directory", lab.repo.root, "--timeout", "5"];
  expect(await runProgram(process.execPath, attach, { cwd: lab.sandbox.dir, env: lab.env })).toMatchObject({
    code: 0,
  });
});

const COUNT = 20;
const fileOf = (index: number) => `work/${index % COUNT}.txt`;

test("20 sessions on one server at once, each with its own scope: none gets into another's", async () => {
  const script = ({ userText }: ModelRequest) => {
    const index = Number(/session number (\d+)/.exec(userText)?.[1]);
    return [
      call("write", { filePath: fileOf(index), content: `by ${index}\n` }),
      call("write", { filePath: fileOf(index + 1), content: `not by ${index}\n` }),
      call("bash", {
        // Not certain before it runs, so that the wall has to hold it.
        command: `echo shell ${index} >> ${fileOf(index)}; echo leak | tee "$(printf %s ${fileOf(index + 1)})"`,
        description: "both",
      }),
      text(`Did ${index}.`),
    ];
  };
  const files = Object.fromEntries(
    Array.from({ length: COUNT }, (_none, index) => [fileOf(index), "before\n"]),
  );
  const lab = await setUpServe(script, { repo: { files } });
  await lab.json(["serve", "start"]);
  // One half has task files, the other says it in the prompt.
  const start = (index: number) => {
    const prompt = `This is session number ${index}.`;
    const scope = `- ${fileOf(index)}\n`;
    if (index % 2 === 1) return lab.json(["session", "new", "--", `${prompt}\n\nFile scope:\n${scope}`]);
    const task = `opencode_tasks/20261121-number-${index}.txt`;
    lab.repo.write(task, `${prompt}\n\nFiles to modify:\n${scope}`);
    return lab.json(["session", "new", "--task", task, "--", prompt]);
  };
  const all = await Promise.all(Array.from({ length: COUNT }, (_none, index) => start(index)));
  all.forEach((one, index) => {
    expect(one, one.stderr).toMatchObject({ value: { state: "done", text: `Did ${index}.` } });
    const { verdict, changes, refusals } = one.value.report;
    expect({ index, verdict }).toEqual({ index, verdict: "in_scope" });
    expect(changes.filter((change: { by: string }) => change.by === "executor")).toMatchObject([
      { path: fileOf(index), inScope: true },
    ]);
    expect(refusals.map((refusal: { path: string }) => refusal.path)).toContain(fileOf(index + 1));
    expect(lab.repo.read(fileOf(index))).toBe(`by ${index}\nshell ${index}\n`);
  });
  expect(new Set(all.map((one) => one.value.session_id)).size).toBe(COUNT);
  expect(lab.callbacks()).toHaveLength(COUNT);
}, 600_000);
