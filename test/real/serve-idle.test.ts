import { rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { identify, type ProcessIdentity } from "../../shared/run/process.ts";
import { closing } from "../lab/cleanup.ts";
import { projectState } from "../lab/delegation.ts";
import { until } from "../lab/process.ts";
import { call, text } from "../lab/script.ts";
import { processRuns, type ServeLab, setUpServe } from "../lab/serve.ts";

const edit = call("edit", { filePath: "src/a.ts", oldString: "a = 1", newString: "a = 2" });
const TASK_FILE = "opencode_tasks/20261121-checked.txt";
/** Three seconds. */
const CONFIG = JSON.stringify({ serve: { idleMinutes: 0.05 }, validate: true });

/** A check that is not over before the test says so. */
async function slowCheck() {
  let pass: () => void = () => undefined;
  let ask: () => void = () => undefined;
  const passed = new Promise<void>((resolve) => {
    pass = resolve;
  });
  const asked = new Promise<void>((resolve) => {
    ask = resolve;
  });
  const server = createServer(async (_request, response) => {
    ask();
    await passed;
    response.end("fine");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing({ close: () => new Promise((resolve) => server.close(resolve)) });
  const { port } = server.address() as AddressInfo;
  const command = `node -e "fetch('http://127.0.0.1:${port}').then((answer) => answer.text()).then(console.log)"`;
  return { command, asked, pass };
}

/** Puts a server on record as one that is not ready yet. */
function starting(lab: ServeLab, starter: ProcessIdentity): void {
  const { process: _, ...entry } = lab.entry();
  const file = join(projectState(lab.sandbox), "serve.json");
  writeFileSync(file, JSON.stringify({ ...entry, state: "starting", starter }), { mode: 0o600 });
}

test("an idle server ends: not while a validation command runs or it is waited for, but also when nobody finds it any more", async () => {
  const check = await slowCheck();
  const task = `Change the "a" constant\n\nFiles to modify:\n- src/a.ts\n\nTests/validation:\n- \`${check.command}\`\n`;
  const works = await setUpServe([edit, text("Changed.")]);
  works.repo.write("handrail.config.json", CONFIG);
  works.repo.write(TASK_FILE, task);
  const job = await works.json(["session", "new", "--background", "--task", TASK_FILE, "--", "Do the task."]);
  expect(job, job.stderr).toMatchObject({ code: 0 });
  await check.asked;
  // Whoever waits for a session keeps its server: here nobody does any more.
  const file = join(projectState(works.sandbox), "jobs", `${job.value.job_id}.json`);
  process.kill(JSON.parse(works.read(file)).worker.pid, "SIGKILL");
  const { pid } = works.entry().process;

  const other = await setUpServe([text("Heard.")]);
  other.repo.write("handrail.config.json", CONFIG);
  const idle = (await other.json(["serve", "start"])).value;
  rmSync(join(projectState(other.sandbox), "serve.json"));
  await until("the idle server that nobody can find to end", () => !processRuns(idle.pid));

  // That one came later, and was idle for shorter than the validation takes.
  expect(processRuns(pid)).toBe(true);
  check.pass();
  await until("the callback", () => works.callbacks().length > 0);
  expect(works.callbacks()).toMatchObject([
    { run_id: job.value.run_id, state: "done", validation: [{ command: check.command, exitCode: 0 }] },
  ]);

  // One that somebody is waiting for stays; one whose starter was killed does not.
  starting(works, identify());
  const { pid: again } = (await other.json(["serve", "start"])).value;
  starting(other, { ...identify(), started: "1" });
  await until("the server that nobody waits for to end", () => !processRuns(again));
  expect(processRuns(pid)).toBe(true);
  starting(works, { ...identify(), started: "1" });
  await until("the other one to end, too", () => !processRuns(pid));
});
