import { spawn } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Delegation, type DelegationOptions, setUpDelegation, TASK_NAME } from "../lab/delegation.ts";
import {
  type Finished,
  killGroup,
  processesMentioning,
  projectRoot,
  runProgram,
  until,
} from "../lab/process.ts";
import { changed } from "../lab/repo.ts";
import { call, type Script, text } from "../lab/script.ts";

const HANDRAIL = join(projectRoot, "claude-hooks/bin/handrail");

interface Lab extends Delegation {
  handrail(args: string[], options?: { cwd?: string; env?: NodeJS.ProcessEnv }): Promise<Finished>;
}

/** The real opencode, with nothing installed: `handrail run` brings the plugin along. */
async function setUp(script: Script, options: DelegationOptions = {}): Promise<Lab> {
  const lab = await setUpDelegation(script, { plugins: [], ...options });
  const env = { ...lab.opencode.env, ...lab.sandbox.env };
  return {
    ...lab,
    handrail: (args, more = {}) =>
      runProgram(HANDRAIL, args, { cwd: more.cwd ?? lab.repo.root, env: { ...env, ...more.env } }),
  };
}

const edit = call("edit", { filePath: "src/a.ts", oldString: "a = 1", newString: "a = 2" });
const outside = (path: string) => call("write", { filePath: path, content: "x\n" });
const bash = (command: string) => call("bash", { command, description: "run" });

/** What a delegation leaves in the repository besides the executor's own work. */
const HANDRAILS_OWN = [
  ".git ref refs/handrail/change-a/baseline",
  ".git ref refs/handrail/change-a/full",
  "opencode_tasks/.gitignore",
  "opencode_tasks/baseline.txt",
];

test("done: the callback on stdout, progress on stderr, the user's own state byte for byte as before", async () => {
  const lab = await setUp([edit, text("Done.")]);
  lab.repo.git("stash", "push", "-q", "--", "README.md");
  lab.repo.write("README.md", "# Sample, half of it staged\n");
  lab.repo.git("add", "README.md");
  lab.repo.write("README.md", "# Sample, half of it staged, half not\n");
  lab.repo.write("staged.txt", "staged and new\n");
  lab.repo.git("add", "staged.txt");
  lab.repo.write("debug.log", "ignored\n");
  lab.repo.write("node_modules/x/index.js", "ignored\n");
  lab.repo.git("branch", "mine");
  const before = lab.repo.manifest();
  const run = await lab.handrail(["run", `../${TASK_NAME}`], { cwd: join(lab.repo.root, "src") });
  expect(run, run.stderr).toMatchObject({ code: 0 });
  expect(changed(before, lab.repo.manifest())).toEqual([...HANDRAILS_OWN, "src/a.ts"]);
  expect(run.stdout).toMatch(/^Handrail: .*"change-a": done; nothing out of scope/);
  expect(run.stdout).toContain("src/a.ts");
  expect(run.stdout).not.toContain("\u001b");
  expect(run.stderr).toMatch(/run r\d{8}T\d{6}-[0-9a-f]{6}: OpenCode starts/);
  expect(lab.callbacks()).toHaveLength(1);
  const diff = await lab.handrail(["diff", "--json"]);
  expect(JSON.parse(diff.stdout).files).toMatchObject([{ path: "src/a.ts", by: "executor", inScope: true }]);
});

test("refused: nothing out of scope lands, which is no failure; --json has every field", async () => {
  const lab = await setUp([outside("src/b.ts"), edit, text("Done.")]);
  const before = lab.repo.manifest();
  const run = await lab.handrail(["run", TASK_NAME, "--json"]);
  expect([run.code, run.stderr]).toEqual([0, ""]);
  expect(changed(before, lab.repo.manifest())).toEqual([...HANDRAILS_OWN, "src/a.ts"]);
  const report = JSON.parse(run.stdout);
  const fields = "schema run_id task_id state verdict envelope changes refusals quarantine validation usage";
  for (const field of [...fields.split(" "), "session", "next"]) expect(report).toHaveProperty(field);
  expect(report).toMatchObject({
    schema: 1,
    task_id: "change-a",
    state: "done",
    verdict: "in_scope",
    changes: [{ path: "src/a.ts", by: "executor", inScope: true }],
    refusals: [{ code: "out-of-scope", path: "src/b.ts", count: 1 }],
  });
  const shown = await lab.handrail(["show", report.run_id, "--json"]);
  expect(JSON.parse(shown.stdout)).toEqual({ ...report, escalations: [], checkpoints: [] });
  const listed = await lab.handrail(["runs", "--json"]);
  expect(JSON.parse(listed.stdout)).toEqual([
    {
      run_id: report.run_id,
      task_id: "change-a",
      state: "done",
      verdict: "in_scope",
      started: expect.any(String),
      ended: expect.any(String),
    },
  ]);
  const verified = await lab.handrail(["verify", "--strict", "--json"]);
  expect([verified.code, JSON.parse(verified.stdout)]).toMatchObject([
    0,
    { verdict: "in_scope", outOfScope: [], refused: [{ path: "src/b.ts" }], run: report.run_id },
  ]);
});

test("violated: without confinement a command that leaves the scope is found, kept, and exit 3", async () => {
  const write = (name: string) => bash(`node -e "require('fs').writeFileSync('src/'+'${name}.ts', 'ran')"`);
  const env = { HANDRAIL_CONFINEMENT: "none" };
  const lab = await setUp([write("b"), text("Done.")], { env });
  const run = await lab.handrail(["run", TASK_NAME, "--json"], { env });
  expect([run.code, JSON.parse(run.stdout)]).toMatchObject([
    3,
    {
      state: "blocked",
      verdict: "violated",
      changes: [{ path: "src/b.ts", inScope: false, by: "executor" }],
      quarantine: [{ path: "src/b.ts" }],
    },
  ]);
  // Reported, not undone: that is for a person to say.
  expect(lab.repo.read("src/b.ts")).toBe("ran");
  expect((await lab.handrail(["verify"])).code).toBe(3);

  const twin = await setUp([write("a"), text("Done.")], { env });
  const good = await twin.handrail(["run", TASK_NAME, "--json"], { env });
  expect([good.code, JSON.parse(good.stdout).verdict]).toEqual([0, "unverifiable"]);
});

test("the plugin is not loaded: exit 5, no model is asked, nothing is written", async () => {
  const lab = await setUp([edit, text("Done.")]);
  const before = lab.repo.manifest();
  const run = await lab.handrail(["run", TASK_NAME], { env: { OPENCODE_PURE: "1" } });
  expect([run.code, run.stdout]).toEqual([5, ""]);
  expect(run.stderr).toMatch(/Handrail's plugin is not loaded/);
  expect(run.stderr).toContain("fix: handrail doctor");
  expect(lab.model.requests).toEqual([]);
  expect(changed(before, lab.repo.manifest())).toEqual(HANDRAILS_OWN);
  expect(lab.callbacks()).toMatchObject([{ state: "failed", error: { code: "plugin-not-loaded" } }]);
});

test("the time is up: exit 4, OpenCode is gone, one callback, and what it wrote is kept", async () => {
  const lab = await setUp([edit, { hang: true }]);
  const run = await lab.handrail(["run", TASK_NAME, "--json", "--timeout", "0.25"]);
  expect([run.code, JSON.parse(run.stdout).error.code]).toEqual([4, "timed-out"]);
  expect(JSON.parse(run.stdout).error.fix).toMatch(/^handrail show r/);
  expect(lab.callbacks()).toMatchObject([{ state: "aborted", changes: [{ path: "src/a.ts" }] }]);
  await nothingLeft(lab);
});

test.each(["SIGINT", "SIGTERM"] as const)(
  "%s: the run is aborted, with a callback and no process left",
  async (signal) => {
    const lab = await setUp([edit, bash("sleep 300")]);
    const child = spawn(HANDRAIL, ["run", TASK_NAME], {
      cwd: lab.repo.root,
      env: { ...lab.opencode.env, ...lab.sandbox.env },
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk) => {
      stdout += chunk;
    });
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
    });
    const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
    await until("the command to run", () =>
      processesMentioning(lab.sandbox.dir)?.some((line) => line.endsWith("sleep 300 ")),
    );
    // As the terminal does it: to the whole foreground group; a person may well do it twice.
    killGroup(child, signal);
    killGroup(child, signal);
    expect(await ended, stderr).toBe(1);
    expect(stdout).toMatch(/aborted/);
    expect(stderr.match(/stopping OpenCode/g)).toHaveLength(1);
    expect(lab.callbacks()).toMatchObject([{ state: "aborted", changes: [{ path: "src/a.ts" }] }]);
    expect(lab.runs()).toMatchObject([{ state: "aborted" }]);
    await nothingLeft(lab);
  },
);

test("what the user edits while a run is on is foreign, and not blamed on the executor", async () => {
  const lab = await setUp((request) => {
    if (request.step === 1) lab.repo.write("src/b.ts", "the user's, meanwhile\n");
    return [edit, bash("cat src/a.ts"), text("Done.")];
  });
  const run = await lab.handrail(["run", TASK_NAME, "--json"]);
  const report = JSON.parse(run.stdout);
  expect([run.code, report]).toMatchObject([0, { state: "done", verdict: "in_scope" }]);
  expect(report.changes).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ path: "src/a.ts", by: "executor" }),
      expect.objectContaining({ path: "src/b.ts", by: "foreign" }),
    ]),
  );
  expect(lab.repo.read("src/b.ts")).toBe("the user's, meanwhile\n");
  const diff = await lab.handrail(["diff"]);
  expect(diff.stdout).not.toContain("meanwhile");
  expect(diff.stderr).toContain("src/b.ts");
});

test("one run at a time on a working tree: the second is told so, and changes nothing", async () => {
  const lab = await setUp((request) => (request.step === 0 ? edit : { hang: true }));
  const stop = new AbortController();
  const options = { cwd: lab.repo.root, env: { ...lab.opencode.env, ...lab.sandbox.env } };
  const first = runProgram(HANDRAIL, ["run", TASK_NAME], { ...options, signal: stop.signal });
  await until("the first run's edit", () => lab.repo.read("src/a.ts").includes("a = 2"));
  const before = lab.repo.manifest();
  const second = await lab.handrail(["run", TASK_NAME, "--json"]);
  expect(second.code).toBe(5);
  expect(changed(before, lab.repo.manifest())).toEqual([]);
  stop.abort();
  expect((await first).code).toBe(1);
});

async function nothingLeft(lab: Lab): Promise<void> {
  await until("every process to end", () => processesMentioning(lab.sandbox.dir)?.length === 0, 10_000);
}
