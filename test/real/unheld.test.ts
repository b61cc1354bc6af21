import { join } from "node:path";
import { expect, test } from "vitest";
import { readQuarantine } from "../../shared/tree/quarantine.ts";
import { type Delegation, projectState, setUpDelegation, TASK, TASK_NAME } from "../lab/delegation.ts";
import { processesMentioning, projectRoot, runProgram } from "../lab/process.ts";
import { call, type Step, text } from "../lab/script.ts";

// A machine that cannot hold a command: what a command does is seen afterwards, and said.

const asArgument = TASK.trimEnd();
const B = "export const b = 2;\n";
const env = { CLAUDECODE: "1", HANDRAIL_CONFINEMENT: "none" };
const bash = (command: string, more: Record<string, unknown> = {}): Step =>
  call("bash", { command, description: "run", ...more });
const write = (filePath: string): Step => call("write", { filePath, content: "written\n" });

function told(lab: Delegation): string[] {
  return lab.model.requests.at(-1)?.messages.flatMap((message) => message.toolResults) ?? [];
}

async function handrail(lab: Delegation, ...args: string[]) {
  const file = join(projectRoot, "claude-hooks/dist/handrail.mjs");
  const options = { cwd: lab.repo.root, env: { ...lab.opencode.env, HANDRAIL_CONFINEMENT: "none" } };
  return runProgram(process.execPath, [file, ...args], options);
}

test("a quiet run is unverifiable, and says so before and after", async () => {
  const lab = await setUpDelegation([
    bash("node -e \"require('fs').writeFileSync('src/lib/n.ts', 'n')\""),
    bash("echo refused > src/b.ts"),
    write("src/a.ts"),
    text("Done."),
  ]);
  await lab.opencode.run(lab.repo.root, ["run", asArgument], { env });
  expect(lab.repo.read("src/lib/n.ts")).toBe("n");
  expect(lab.repo.read("src/a.ts")).toBe("written\n");
  expect(lab.model.requests[0]?.system).toContain("This machine cannot hold shell commands");
  expect(lab.callbacks()).toMatchObject([
    {
      state: "done",
      verdict: "unverifiable",
      refusals: [{ code: "out-of-scope", path: "src/b.ts" }],
      reasons: [expect.stringMatching(/^one shell command ran without confinement/)],
      changes: [{ path: "src/a.ts" }, { path: "src/lib/n.ts" }],
    },
  ]);
  const doctor = await handrail(lab, "doctor");
  expect(doctor.stdout).toMatch(/none: HANDRAIL_CONFINEMENT says none; shell commands are checked before/);
  const shown = await handrail(lab, "show");
  expect(shown.stdout).toContain("scope held as far as could be seen");
});

test("a command that left the scope blocks the run at once; its bytes are kept, nothing is put back unasked", async () => {
  const leave = `node -e "require('fs').writeFileSync('src/' + 'b.ts', 'changed')"`;
  let during: unknown;
  const lab = await setUpDelegation((request) => {
    if (request.step === 2) during = lab.runs()[0];
    return [
      bash("echo in > src/lib/in.ts"),
      bash(`${leave}; echo said`),
      write("src/a.ts"),
      bash(`git checkout ${"src/b.ts"} 2>/dev/null; true`),
      call("read", { filePath: "src/a.ts" }),
      text("Done."),
    ];
  });
  await lab.opencode.run(lab.repo.root, ["run", asArgument], { env });
  const [run] = lab.runs();
  const id = String(run?.run_id);
  const dir = join(projectState(lab.sandbox), "runs", id);
  expect(during).toMatchObject({ state: "blocked", verdict: "violated", quarantine: [{ path: "src/b.ts" }] });
  expect(during).not.toHaveProperty("ended");
  expect(told(lab)[1]).toMatch(/said[\s\S]*Handrail refused[\s\S]*blocked[\s\S]*src\/b\.ts/);
  expect(
    told(lab)
      .slice(2, 4)
      .every((answer) => answer.includes("This run is blocked")),
  ).toBe(true);
  expect(told(lab)[4]).toContain("export const a");
  expect([lab.repo.read("src/a.ts"), lab.repo.read("src/b.ts")]).toEqual([
    "export const a = 1;\n",
    "changed",
  ]);
  expect(lab.callbacks()).toMatchObject([
    {
      state: "blocked",
      verdict: "violated",
      quarantine: [{ path: "src/b.ts", code: "out-of-scope", bytes: 7 }],
      refusals: [
        { code: "blocked", tool: "write" },
        { code: "blocked", tool: "bash" },
      ],
    },
  ]);
  expect(readQuarantine(join(dir, "quarantine"))[0]).toMatchObject({ path: "src/b.ts", bytes: 7 });
  expect((await handrail(lab, "show", id)).stdout).toMatch(/OUT OF SCOPE, still in the tree: "src\/b.ts"/);
  expect(await handrail(lab, "restore", id)).toMatchObject({ code: 0, stdout: 'restored "src/b.ts"\n' });
  expect(lab.repo.read("src/b.ts")).toBe(B);
  expect(lab.repo.read("src/lib/in.ts")).toBe("in\n");
});

test("what an earlier turn left out of scope stays part of the verdict until it is put back, over all turns", async () => {
  const change = (name: string, content: string) =>
    bash(`node -e "require('fs').writeFileSync('src/' + '${name}.ts', '${content}')"`);
  const lab = await setUpDelegation((request) => {
    if (request.userText.includes("Once more")) return [change("c", "made"), text("Done.")];
    if (request.userText.includes("Only read")) return [text("Read.")];
    return [change("b", "changed"), text("Done.")];
  });
  await lab.opencode.run(lab.repo.root, ["run", asArgument], { env });
  const session = String(lab.runs()[0]?.session);
  const goOn = (prompt: string) =>
    lab.opencode.run(lab.repo.root, ["run", "--session", session, prompt], { env });
  await goOn("Only read, please");
  await goOn("Once more, please");
  const bad = { state: "blocked", verdict: "violated" };
  const b = { path: "src/b.ts", inScope: false, by: "executor" };
  const c = { path: "src/c.ts", inScope: false, by: "executor" };
  expect(lab.callbacks()).toMatchObject([
    { turn: 1, ...bad, changes: [b] },
    {
      turn: 2,
      ...bad,
      changes: [b],
      reasons: ['"src/b.ts", changed in turn 1, is outside the task\'s scope'],
    },
    { turn: 3, ...bad, changes: [c, b] },
  ]);
  const id = String(lab.runs()[0]?.run_id);
  const one = await handrail(lab, "restore", id, "--path", "src/b.ts");
  expect(one).toMatchObject({ code: 0, stdout: 'restored "src/b.ts"\n' });
  expect([lab.repo.read("src/b.ts"), lab.repo.read("src/c.ts")]).toEqual([B, "made"]);
  expect(await handrail(lab, "restore", id)).toMatchObject({ code: 0, stdout: 'restored "src/c.ts"\n' });
  expect(lab.repo.exists("src/c.ts")).toBe(false);
  await goOn("Only read, please");
  expect(lab.callbacks()[3]).toMatchObject({ turn: 4, state: "done", verdict: "in_scope", changes: [] });
});

test("a command that OpenCode does not run, for a person or a rule denies it, is no command that ran", async () => {
  const lab = await setUpDelegation([bash("echo in > src/lib/in.ts"), write("src/a.ts"), text("Done.")], {
    config: { permission: { bash: "ask" } },
  });
  await lab.opencode.run(lab.repo.root, ["run", asArgument], { env });
  expect(lab.repo.exists("src/lib/in.ts")).toBe(false);
  const [run] = lab.runs();
  expect(run).toMatchObject({ confinement: { kind: "none" } });
  expect(lab.callbacks()).toMatchObject([{ verdict: "in_scope" }]);
});

test("a run that is blocked on a server started only for its task: told, and the server ends with it", async () => {
  const leave = `node -e "require('fs').writeFileSync('src/' + 'b.ts', 'changed')"`;
  let during: { state: unknown; servers: number } | undefined;
  const servers = (lab: Delegation) =>
    (processesMentioning(lab.sandbox.dir) ?? []).filter((line) => / serve /.test(line)).length;
  const lab = await setUpDelegation((request) => {
    if (request.step === 1) during = { state: lab.runs()[0]?.state, servers: servers(lab) };
    return [bash(leave), write("src/a.ts"), text("Done.")];
  });
  const run = await handrail(lab, "run", TASK_NAME, "--lane", "serve", "--json");
  expect(during).toEqual({ state: "blocked", servers: expect.any(Number) });
  expect(during?.servers).toBeGreaterThan(0);
  expect(run.code).toBe(3);
  expect(JSON.parse(run.stdout)).toMatchObject({
    state: "blocked",
    verdict: "violated",
    handoff: { server_after: { state: "stopped" } },
  });
  expect(lab.callbacks()).toMatchObject([{ state: "blocked", kind: "end" }]);
  expect(servers(lab)).toBe(0);
  expect(JSON.parse((await handrail(lab, "serve", "status", "--json")).stdout)).toMatchObject({
    state: "stopped",
  });
  // The twin: one that is to stay says why, and does.
  lab.repo.write("src/b.ts", B);
  const kept = await handrail(lab, "run", TASK_NAME, "--lane", "serve", "--keep-server", "to look at it");
  expect([kept.code, kept.stderr]).toEqual([3, expect.stringContaining("the server stays: to look at it")]);
  const shown = JSON.parse((await handrail(lab, "show", "--json")).stdout);
  expect(shown.handoff.server_after).toEqual({ state: "running", reason: "to look at it" });
  expect(servers(lab)).toBeGreaterThan(0);
  expect((await handrail(lab, "serve", "stop")).code).toBe(0);
  expect(servers(lab)).toBe(0);
});

test("what a killed command did is found before the next write", async () => {
  const leave = `node -e "require('fs').writeFileSync('src/' + 'b.ts', 'changed'); setTimeout(() => {}, 60000)"`;
  const lab = await setUpDelegation([bash(leave, { timeout: 2000 }), write("src/a.ts"), text("Done.")]);
  await lab.opencode.run(lab.repo.root, ["run", asArgument], { env });
  expect(lab.repo.read("src/a.ts")).toBe("export const a = 1;\n");
  expect(lab.callbacks()).toMatchObject([{ state: "blocked", verdict: "violated" }]);
});

test("a command that edits the run's own log cannot have the run called clean", async () => {
  const lab = await setUpDelegation(() => [
    bash(`for f in ${lab.sandbox.state}/projects/*/runs/*/events.jsonl; do : > "$f"; done`),
    text("Done."),
  ]);
  await lab.opencode.run(lab.repo.root, ["run", asArgument], { env });
  expect(lab.callbacks()).toMatchObject([
    { verdict: "unverifiable", reasons: [expect.stringContaining("without confinement")] },
  ]);
});

test("by hand: formatters and language servers are named for what they are", async () => {
  const formatter = { mine: { command: ["true", "$FILE"], extensions: [".ts"] } };
  const lab = await setUpDelegation([write("src/a.ts"), text("Done.")], { config: { formatter, lsp: true } });
  await lab.opencode.run(lab.repo.root, ["run", asArgument]);
  expect(lab.callbacks()).toMatchObject([
    {
      verdict: "unverifiable",
      reasons: [expect.stringMatching(/^OpenCode's formatters and language servers ran without confinement/)],
    },
  ]);
});
