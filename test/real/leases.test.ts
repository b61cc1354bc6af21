import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { closing } from "../lab/cleanup.ts";
import { projectState, setUpDelegation } from "../lab/delegation.ts";
import { processesMentioning, until } from "../lab/process.ts";
import { call, isRecord, type ModelRequest, type Step, text } from "../lab/script.ts";

const task = (allow: string) => `Work\n\nFiles to modify:\n- ${allow}\n`;
const FILES = {
  ONE: "opencode_tasks/20261121-one.txt",
  TWO: "opencode_tasks/20261121-two.txt",
  WIDE: "opencode_tasks/20261121-wide.txt",
};
const write = (filePath: string, content: string): Step => call("write", { filePath, content });

/** What each session does, by the task its prompt names. */
function script(request: ModelRequest): Step[] {
  if (request.userText.includes(FILES.ONE)) return [write("src/a.ts", "one\n"), { hang: true }];
  if (request.userText.includes(FILES.TWO)) return [write("src/b.ts", "two\n"), text("Done.")];
  if (request.userText.includes(FILES.WIDE)) return [write("src/lib/x.ts", "wide\n"), text("Done.")];
  return [write("src/a.ts", "stolen\n"), write("notes.txt", "a person's\n"), text("Done.")];
}

test("one server, several sessions: side by side where proven disjoint, refused where not, nothing stolen", async () => {
  const lab = await setUpDelegation(script, {
    repo: {
      files: {
        "src/a.ts": "a\n",
        "src/b.ts": "b\n",
        "src/lib/x.ts": "x\n",
      },
      ignore: ["opencode_tasks/"],
      dirty: { [FILES.ONE]: task("src/a.ts"), [FILES.TWO]: task("src/b.ts"), [FILES.WIDE]: task("src/") },
    },
  });
  const server = closing(await lab.opencode.serve(lab.repo.root));
  const post = async (path: string, body: unknown = {}) => {
    const answer = await fetch(`${server.url}${path}`, {
      method: "POST",
      headers: { ...server.headers, "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(60_000),
    });
    const words = await answer.text();
    return words === "" ? undefined : (JSON.parse(words) as unknown);
  };
  const session = async () => {
    const made = await post("/session");
    if (!isRecord(made) || typeof made.id !== "string") throw new Error("no session");
    return made.id;
  };
  const prompt = (id: string, value: string) =>
    post(`/session/${id}/message`, { parts: [{ type: "text", text: value }] });
  const leases = () => {
    const dir = join(projectState(lab.sandbox), "leases");
    return existsSync(dir) ? readdirSync(dir).filter((name) => name.endsWith(".json")) : [];
  };
  const runOf = (slug: string) => lab.runs().filter((run) => run.task_id === slug);

  const one = await session();
  await post(`/session/${one}/prompt_async`, { parts: [{ type: "text", text: `Do ${FILES.ONE}` }] });
  await until("the first session to have written", () => lab.repo.read("src/a.ts") === "one\n");
  expect(leases()).toHaveLength(1);

  await prompt(await session(), `Do ${FILES.TWO}`);
  expect(lab.repo.read("src/b.ts")).toBe("two\n");
  await until("the second run to have ended", () => runOf("two")[0]?.state === "done");
  expect(runOf("two")[0]).toMatchObject({ verdict: "in_scope" });
  // What the first run has written meanwhile was there before; nobody is blamed for it.
  expect(runOf("two")[0]?.changes).toMatchObject([{ path: "src/b.ts", by: "executor" }]);

  await prompt(await session(), `Do ${FILES.WIDE}`);
  expect(lab.repo.read("src/lib/x.ts")).toBe("x\n");
  await until("the third run to have ended", () => runOf("wide")[0]?.state === "failed");
  expect(runOf("wide")[0]).toMatchObject({
    error: { code: "busy", message: expect.stringContaining('"src/a.ts" lies in "src/"') },
  });

  const free = await session();
  await prompt(free, "Change what you like");
  expect(lab.repo.read("src/a.ts")).toBe("one\n");
  expect(lab.repo.read("notes.txt")).toBe("a person's\n");
  const told = lab.model.requests.flatMap((request) => request.messages.flatMap((one) => one.toolResults));
  expect(told.join("\n")).toMatch(
    /"src\/a.ts" belongs to another task now .*of task \\?"one\\?" works on it/,
  );

  // Killed, the first run's process leaves its lease; whoever comes next closes the run and goes on.
  process.kill(server.pid, "SIGKILL");
  await lab.opencode.run(lab.repo.root, ["run", `Do ${FILES.WIDE}`]);
  expect(lab.repo.read("src/lib/x.ts")).toBe("wide\n");
  expect(runOf("one")[0]).toMatchObject({
    state: "failed",
    verdict: "in_scope",
    changes: expect.arrayContaining([
      expect.objectContaining({ path: "src/a.ts", by: "executor" }),
      expect.objectContaining({ path: "src/b.ts", by: "foreign" }),
    ]),
  });
  expect(runOf("wide")[1]).toMatchObject({ state: "done", verdict: "in_scope" });
  expect(leases()).toEqual([]);
});

test("validation that takes long holds up nobody but what needs its lease, and that goes on when it is over", async () => {
  const file = (name: string) => `opencode_tasks/20261121-${name}.txt`;
  const slow = `${task("src/a.ts")}\nValidation:\n- \`sleep 300\`\n`;
  const lab = await setUpDelegation(
    ({ userText }) => {
      const name = /20261121-(\w+)/.exec(userText)?.[1] ?? "";
      return [write(name === "quick" ? "src/b.ts" : "src/a.ts", `${name}\n`), text("Done.")];
    },
    {
      repo: {
        files: { "src/a.ts": "a\n", "src/b.ts": "b\n", "handrail.config.json": '{"validate":true}' },
        ignore: ["opencode_tasks/"],
        dirty: {
          [file("slow")]: slow,
          [file("quick")]: task("src/b.ts"),
          [file("same")]: task("src/a.ts"),
        },
      },
    },
  );
  const server = closing(await lab.opencode.serve(lab.repo.root));
  const begin = async (name: string) => {
    const post = (path: string, body: unknown) =>
      fetch(`${server.url}${path}`, {
        method: "POST",
        headers: { ...server.headers, "content-type": "application/json" },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(60_000),
      });
    const made: unknown = await (await post("/session", {})).json();
    if (!isRecord(made) || typeof made.id !== "string") throw new Error("no session");
    await post(`/session/${made.id}/prompt_async`, { parts: [{ type: "text", text: `Do ${file(name)}` }] });
  };
  const runOf = (name: string) => lab.runs().find((run) => run.task_id === name);
  const sleeper = () =>
    (processesMentioning(lab.sandbox.dir) ?? []).find((line) => /^\d+ sleep 300 ?$/.test(line));

  await begin("slow");
  await until("the validation", sleeper);
  await begin("same");
  await begin("quick");
  await until("the quick run to have ended", () => runOf("quick")?.ended);
  expect(runOf("quick")).toMatchObject({ state: "done", verdict: "in_scope" });
  expect(sleeper()).toBeDefined();
  expect([runOf("slow")?.ended, lab.repo.read("src/a.ts"), lab.repo.read("src/b.ts")]).toEqual([
    undefined,
    "slow\n",
    "quick\n",
  ]);
  process.kill(Number.parseInt(sleeper() ?? "", 10), "SIGKILL");
  await until("the other two to have ended", () => runOf("slow")?.ended && runOf("same")?.ended);
  expect(runOf("slow")).toMatchObject({
    state: "done",
    validation: [{ command: "sleep 300", exitCode: 137 }],
  });
  expect(runOf("same")).toMatchObject({ state: "done", verdict: "in_scope" });
  expect(lab.repo.read("src/a.ts")).toBe("same\n");
  expect(lab.callbacks()).toHaveLength(3);
});
