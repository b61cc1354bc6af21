import { describe, expect, test } from "vitest";
import { type Delegation, setUpDelegation, TASK, TASK_NAME } from "../lab/delegation.ts";
import type { ModelRequest, Step } from "../lab/script.ts";
import { call, text } from "../lab/script.ts";

/** Tries one write outside the scope and one inside, whatever it is asked. */
const probe: Step[] = [
  call("write", { filePath: "src/b.ts", content: "out of scope\n" }),
  call("write", { filePath: "src/a.ts", content: "in scope\n" }),
  text("Done."),
];

function expectHeld(lab: Delegation): void {
  expect(lab.repo.read("src/b.ts")).toBe("export const b = 2;\n");
  expect(lab.repo.read("src/a.ts")).toBe("in scope\n");
}

function sessionOf(lab: Delegation): string {
  const session = lab.runs().at(-1)?.session;
  if (typeof session !== "string") throw new Error("the run has no session");
  return session;
}

describe("a prompt binds its session to the task", () => {
  test.each<[name: string, args: string[], stdin?: string]>([
    ["as one argument, quoted and escaped by OpenCode", ["run", TASK.trimEnd()]],
    ["inside a longer message", ["run", `Please do this, quickly.\n\n${TASK.trimEnd()}`]],
    ["on stdin", ["run"], TASK],
    ["on stdin, after a message", ["run", "Do the following:"], TASK],
    ["by the name of its file", ["run", `Do what ${TASK_NAME} says`]],
    ["by the name of its file alone", ["run", TASK_NAME]],
  ])("%s", async (_name, args, stdin) => {
    const lab = await setUpDelegation(probe);
    await lab.opencode.run(lab.repo.root, args, stdin === undefined ? {} : { stdin });
    expectHeld(lab);
    expect(lab.callbacks()).toMatchObject([{ task_id: "change-a", state: "done", verdict: "in_scope" }]);
  });

  test("a task file with CRLF and a byte order mark", async () => {
    const lab = await setUpDelegation(probe);
    lab.repo.write(TASK_NAME, `\uFEFF${TASK.replace(/\n/g, "\r\n")}`);
    await lab.opencode.run(lab.repo.root, ["run", TASK.trimEnd()]);
    expectHeld(lab);
  });

  test("from a subfolder of the repository", async () => {
    const lab = await setUpDelegation([
      call("write", { filePath: "b.ts", content: "out of scope\n" }),
      call("write", { filePath: "a.ts", content: "in scope\n" }),
      text("Done."),
    ]);
    await lab.opencode.run(`${lab.repo.root}/src`, ["run", TASK.trimEnd()]);
    expectHeld(lab);
  });
});

describe("what follows a bound session is bound like it", () => {
  test("continued, in a later process, by a prompt that names no task: another turn, another callback", async () => {
    const lab = await setUpDelegation((request) =>
      request.userText.includes("Go on") ? probe : [text("Ready.")],
    );
    await lab.opencode.run(lab.repo.root, ["run", TASK.trimEnd()]);
    await lab.opencode.run(lab.repo.root, ["run", "--session", sessionOf(lab), "Go on, please"]);
    expectHeld(lab);
    expect(lab.runs()).toHaveLength(1);
    expect(lab.callbacks()).toMatchObject([{ turn: 1 }, { turn: 2, changes: [{ path: "src/a.ts" }] }]);
  });

  test("continued with another task: a new run with a scope of its own", async () => {
    const other = "Change b\n\nFiles to modify:\n- src/b.ts\n";
    const lab = await setUpDelegation((request) =>
      request.userText.includes("Change b")
        ? [
            call("write", { filePath: "src/a.ts", content: "x" }),
            call("write", { filePath: "src/b.ts", content: "b\n" }),
            text("Done."),
          ]
        : [text("Ready.")],
    );
    lab.repo.write("opencode_tasks/20261122-change-b.txt", other);
    await lab.opencode.run(lab.repo.root, ["run", TASK.trimEnd()]);
    await lab.opencode.run(lab.repo.root, ["run", "--session", sessionOf(lab), other.trimEnd()]);
    expect([lab.repo.read("src/a.ts"), lab.repo.read("src/b.ts")]).toEqual(["export const a = 1;\n", "b\n"]);
    expect(lab.callbacks()).toMatchObject([
      { task_id: "change-a" },
      { task_id: "change-b", verdict: "in_scope" },
    ]);
  });

  test("forked", async () => {
    const lab = await setUpDelegation((request) =>
      request.userText.includes("Go on") ? probe : [text("Ready.")],
    );
    await lab.opencode.run(lab.repo.root, ["run", TASK.trimEnd()]);
    await lab.opencode.run(lab.repo.root, ["run", "--session", sessionOf(lab), "--fork", "Go on, please"]);
    expectHeld(lab);
    expect(lab.callbacks()).toHaveLength(2);
  });

  test("a sub-agent, and the same sub-agent resumed in a later process", async () => {
    let child = "";
    const lab = await setUpDelegation((request: ModelRequest) => {
      if (request.userText.includes("You are the helper")) return [text("Ready.")];
      if (request.userText.includes("Helper, write")) return probe;
      const prompt = request.userText.includes("Go on") ? "Helper, write now" : "You are the helper";
      const args = {
        description: "help",
        prompt,
        subagent_type: "general",
        ...(child ? { task_id: child } : {}),
      };
      return [call("task", args), text("Done.")];
    });
    await lab.opencode.run(lab.repo.root, ["run", TASK.trimEnd()]);
    const told = lab.model.requests.flatMap((request) =>
      request.messages.flatMap((message) => message.toolResults),
    );
    child = told.join("\n").match(/ses_\w+/)?.[0] ?? "";
    expect(child).not.toBe("");
    await lab.opencode.run(lab.repo.root, ["run", "--session", sessionOf(lab), "Go on"]);
    expectHeld(lab);
  });
});

describe("a session that is bound to nothing", () => {
  test("is read-only under Claude and says how to bind it", async () => {
    const lab = await setUpDelegation(probe);
    await lab.opencode.run(lab.repo.root, ["run", "change a and b"], { env: { CLAUDECODE: "1" } });
    expect([lab.repo.read("src/a.ts"), lab.repo.read("src/b.ts")]).toEqual([
      "export const a = 1;\n",
      "export const b = 2;\n",
    ]);
    const told = lab.model.requests.flatMap((request) =>
      request.messages.flatMap((message) => message.toolResults),
    );
    expect(told.join("\n")).toMatch(/handrail run/);
    expect(lab.callbacks()).toEqual([]);
  });

  test("is read-only by hand too where the project says so, and free where it does not", async () => {
    const lab = await setUpDelegation(probe);
    lab.repo.write("handrail.config.json", '{"unbound":"read-only"}');
    await lab.opencode.run(lab.repo.root, ["run", "change a and b"]);
    expect(lab.repo.read("src/a.ts")).toBe("export const a = 1;\n");
    lab.repo.write("handrail.config.json", "{}");
    await lab.opencode.run(lab.repo.root, ["run", "change a and b"]);
    expect(lab.repo.read("src/b.ts")).toBe("out of scope\n");
  });

  test("is read-only where the configuration does not parse, task or not", async () => {
    const lab = await setUpDelegation(probe);
    lab.repo.write("handrail.config.json", '{"unbound":');
    await lab.opencode.run(lab.repo.root, ["run", TASK.trimEnd()]);
    expect(lab.repo.read("src/a.ts")).toBe("export const a = 1;\n");
  });

  test.each([
    ["a task file that does not exist", "Do what opencode_tasks/20261121-none.txt says"],
    ["two task files", `Do ${TASK_NAME} and opencode_tasks/20261121-none.txt`],
  ])("is read-only when the prompt names %s", async (_name, prompt) => {
    const lab = await setUpDelegation(probe);
    await lab.opencode.run(lab.repo.root, ["run", prompt]);
    expect(lab.repo.read("src/a.ts")).toBe("export const a = 1;\n");
  });
});
