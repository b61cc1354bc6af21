import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { closing } from "../lab/cleanup.ts";
import { projectState, TASK_NAME } from "../lab/delegation.ts";
import { processesMentioning, until } from "../lab/process.ts";
import { call, text } from "../lab/script.ts";
import { HANDRAIL, type ServeLab, setUpServe } from "../lab/serve.ts";
import { startTerminal, type Terminal, terminalMissing } from "../lab/terminal.ts";

// Ctrl-C in a real terminal: what works is asked to stop, a person is told how to go on, and nothing stays behind.

const edit = call("edit", { filePath: "src/a.ts", oldString: "a = 1", newString: "a = 2" });
const SLEEP = call("bash", { command: "sleep 300", description: "wait" });
const noTerminal = terminalMissing();
const why = noTerminal ? ` (not tried: ${noTerminal})` : "";

function openShell(lab: ServeLab): Terminal {
  const { PS1: _, ...env } = lab.env;
  return closing(
    startTerminal({
      folder: join(lab.sandbox.dir, "terminal"),
      command: ["bash", "--norc", "--noprofile"],
      cwd: lab.repo.root,
      env: { ...env, PWD: lab.repo.root, handrail: HANDRAIL },
    }),
  );
}

let count = 0;

/** Types a command, presses Ctrl-C once it has come so far. @returns its exit code and what it showed */
async function interrupted(
  terminal: Terminal,
  args: string,
  sofar: () => Promise<unknown>,
  times = 1,
): Promise<{ code: number; shown: string }> {
  count += 1;
  const mark = `ended-${count}`;
  terminal.type("clear");
  terminal.type(`"$handrail" ${args}; echo "${mark}"=$?`);
  await sofar();
  for (let nth = 0; nth < times; nth += 1) terminal.press("C-c");
  const end = await terminal.waitFor(new RegExp(`${mark}=\\d+`), 60_000);
  return { code: Number(end.split("=")[1]), shown: terminal.screen().replaceAll("\n", " ") };
}

const running = (lab: ServeLab, words: string) => () =>
  until(
    `${words} to run`,
    () => processesMentioning(lab.sandbox.dir)?.some((line) => line.endsWith(words)),
    60_000,
  );

/** Processes of the sandbox besides the terminal and the project's server. */
function left(lab: ServeLab): string[] {
  return (processesMentioning(lab.sandbox.dir) ?? []).filter(
    (line) => !/ tmux |^\d+ bash --norc| serve --hostname/.test(line),
  );
}

async function expectNothingLeft(lab: ServeLab): Promise<void> {
  await until("every process to end", () => left(lab).length === 0, 10_000);
  const at = (name: string) => join(projectState(lab.sandbox), name);
  const names = (folder: string) => (existsSync(folder) ? readdirSync(folder) : []);
  expect(names(at("open"))).toEqual([]);
  expect(names(at("leases")).filter((name) => name.endsWith(".json"))).toEqual([]);
  expect(names(at("serve-users"))).toEqual([]);
  const files = readdirSync(lab.sandbox.state, { recursive: true, encoding: "utf8" });
  expect(files.filter((name) => name.endsWith(".tmp"))).toEqual([]);
}

test.skipIf(noTerminal)(`run, schedule and exec: aborted, exit 1 or the command's own${why}`, async () => {
  const lab = await setUpServe([edit, SLEEP, text("Done.")]);
  const terminal = openShell(lab);
  const run = await interrupted(terminal, `run ${TASK_NAME}`, running(lab, " sleep 300 "), 2);
  expect(run.code).toBe(1);
  expect(run.shown).toMatch(/stopping OpenCode; what it did so far is kept.*"change-a": aborted/);
  expect(run.shown).toMatch(/handrail diff/);
  expect(lab.repo.read("src/a.ts")).toContain("a = 2");
  await expectNothingLeft(lab);

  lab.repo.write("src/a.ts", "export const a = 1;\n");
  const second = "opencode_tasks/20261121-change-b.txt";
  lab.repo.write(second, "Change b\n\nFiles to modify:\n- src/a.ts\n");
  const schedule = await interrupted(
    terminal,
    `schedule ${TASK_NAME} ${second}`,
    running(lab, " sleep 300 "),
  );
  expect(schedule.code).toBe(1);
  expect(schedule.shown).toMatch(/"change-a": aborted.*change-b\.txt: not started: stopped/);
  expect(lab.callbacks()).toMatchObject([{ state: "aborted" }, { state: "aborted" }]);
  await expectNothingLeft(lab);

  // What it wrote in scope is kept; what waits for its end is told by the shell's own code for an interrupt.
  const words = `exec --task ${TASK_NAME} -- 'echo kept > src/a.ts; sleep 300; echo not > src/lib/x.ts'`;
  const exec = await interrupted(terminal, words, running(lab, " sleep 300 "));
  expect(exec.code).toBe(130);
  expect(lab.repo.read("src/a.ts")).toBe("kept\n");
  await expectNothingLeft(lab);
  const state = readdirSync(projectState(lab.sandbox));
  expect(state.includes("exec") ? readdirSync(join(projectState(lab.sandbox), "exec")) : []).toEqual([]);
});

test.skipIf(noTerminal)(
  `session new, attach and review: the session is asked to stop, a server that starts is ended${why}`,
  async () => {
    const lab = await setUpServe([edit, { hang: true }]);
    const terminal = openShell(lab);
    const edited = () => until("the edit", () => lab.repo.read("src/a.ts").includes("a = 2"), 60_000);

    // While the server is still starting: it is ended again.
    const early = await interrupted(
      terminal,
      "session new -- Hello",
      running(lab, " serve --hostname 127.0.0.1 --port 0 "),
    );
    expect(early.code).toBe(1);
    expect(early.shown).toContain("stopped before OpenCode's server was up");
    await expectNothingLeft(lab);
    expect(processesMentioning(lab.sandbox.dir)?.filter((line) => / serve --hostname/.test(line))).toEqual(
      [],
    );
    expect((await lab.json(["serve", "list"])).value).toEqual([]);

    const made = await interrupted(terminal, `session new --task ${TASK_NAME} -- 'Do it.'`, edited);
    expect(made.code).toBe(1);
    expect(made.shown).toMatch(
      /asking the session to stop.*aborted.*go on with: handrail session continue ses_/,
    );
    await expectNothingLeft(lab);
    expect((await lab.json(["serve", "status"])).value).toMatchObject({ state: "ready", busy: [] });

    // One that nothing holds has no run: its messages tell.
    lab.repo.write("src/a.ts", "export const a = 1;\n");
    const free = await interrupted(terminal, "session new --unscoped -- 'Do it.'", edited);
    expect(free.code).toBe(1);
    expect(free.shown).toMatch(/asking the session to stop.*: aborted/);
    await expectNothingLeft(lab);

    // Attached to what another process waits for, too: both are told.
    lab.repo.write("src/a.ts", "export const a = 1;\n");
    const job = (await lab.json(["session", "new", "--background", "--task", TASK_NAME, "--", "Do it."]))
      .value;
    await edited();
    const users = join(projectState(lab.sandbox), "serve-users");
    const looking = () => until("attach to join the job's worker", () => readdirSync(users).length > 1);
    const attached = await interrupted(terminal, `session attach ${job.session_id}`, looking);
    expect(attached.code).toBe(1);
    expect(attached.shown).toMatch(/asking the session to stop.*aborted/);
    expect((await lab.json(["job", "wait", job.job_id])).value).toMatchObject({ state: "aborted" });
    await expectNothingLeft(lab);

    lab.model.script([{ hang: true }]);
    const asked = () =>
      until(
        "the reviewer to be asked",
        () => /review/i.test(lab.model.requests.at(-1)?.userText ?? ""),
        60_000,
      );
    const review = await interrupted(terminal, "review", asked);
    expect(review.code).toBe(1);
    expect(review.shown).toMatch(/unclassified.*aborted/);
    await expectNothingLeft(lab);
  },
);
