import { join } from "node:path";
import { expect, test } from "vitest";
import { setUpDelegation } from "../lab/delegation.ts";
import { packetJson } from "../lab/packet.ts";
import { projectRoot, runProgram } from "../lab/process.ts";
import { call, type ModelRequest, type Step, text } from "../lab/script.ts";

const HANDRAIL = join(projectRoot, "claude-hooks/bin/handrail");
const FIRST = "packets/first.json";
// Among the tasks: only there a prompt is known by its text.
const SECOND = "opencode_tasks/20261121-second.json";

function script(request: ModelRequest): Step[] {
  const file = request.userText.includes("src/b.ts") ? "src/b.ts" : "src/a.ts";
  return [call("write", { filePath: file, content: "written\n" }), text("Done.")];
}

test("agents and models that do not resolve are errors before the run; a packet's session is its own", async () => {
  const lab = await setUpDelegation(script, {
    config: {
      agent: {
        coder: { mode: "primary", model: "lab/lab-1", prompt: "You code." },
        helper: { mode: "subagent", prompt: "You help.", description: "helps" },
      },
    },
    repo: {
      files: {
        "src/a.ts": "a\n",
        "src/b.ts": "b\n",
        [FIRST]: packetJson("ONE", ["src/a.ts"]),
        [SECOND]: packetJson("TWO", ["src/b.ts"]),
      },
      ignore: ["opencode_tasks/"],
    },
  });
  const env = { ...lab.opencode.env, ...lab.sandbox.env };
  const handrail = async (args: string[]) => {
    const done = await runProgram(HANDRAIL, [...args, "--json"], { cwd: lab.repo.root, env });
    return { code: done.code, json: JSON.parse(done.stdout) };
  };

  for (const [args, message] of [
    [["--agent", "helper"], '"helper" is a sub-agent'],
    [["--agent", "nobody"], 'OpenCode has no agent "nobody" here'],
    [["--model", "lab/nothing"], 'OpenCode has no model "lab/nothing" here'],
  ] as const) {
    const refused = await handrail(["run", FIRST, ...args]);
    expect([refused.code, refused.json.error.message]).toEqual([2, expect.stringContaining(message)]);
  }
  expect(lab.runs()).toEqual([]);
  const said = await handrail(["doctor", "--agent", "coder"]);
  expect(said.json.parts).toMatchObject([
    { name: "agent", status: "ok", message: "agent coder resolves, with model lab/lab-1 (the agent's own)" },
  ]);

  const done = await handrail(["run", FIRST, "--agent", "coder", "--model", "lab/lab-1"]);
  expect(done.json).toMatchObject({
    state: "done",
    task_state: "done",
    handoff: {
      agent: { requested: "coder", resolved: "coder", fallback: false },
      model: { requested: "lab/lab-1", resolved: "lab/lab-1", fallback: false },
    },
  });
  await handrail(["lock", "release", done.json.run_id]);

  // The same session is asked to do another packet: it may not; a new one may.
  await lab.opencode.run(lab.repo.root, ["run", "--session", done.json.session, lab.repo.read(SECOND)]);
  expect(lab.repo.read("src/b.ts")).toBe("b\n");
  expect(lab.runs().at(-1)).toMatchObject({
    state: "failed",
    error: { code: "unbound", message: expect.stringContaining("a packet needs a session of its own") },
  });
  expect((await handrail(["run", SECOND])).json.state).toBe("done");
  expect(lab.repo.read("src/b.ts")).toBe("written\n");
});
