import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { projectState, setUpDelegation } from "../lab/delegation.ts";
import { packetJson } from "../lab/packet.ts";
import { projectRoot, runProgram } from "../lab/process.ts";
import { call, type ModelRequest, type Step, text } from "../lab/script.ts";

const HANDRAIL = join(projectRoot, "claude-hooks/bin/handrail");

const packet = (id: string): string =>
  packetJson(id, ["src/a.ts"], {
    conflict_policy: { mode: "sequential_default", parallel_allowed: true },
    acceptance: ["AC1"],
    validation: { commands: ["true"], must_include: ["test evidence"] },
    checkpoint_plan: { interval: "per milestone", required_events: ["start", "mid", "done_or_blocked"] },
  });

test("an OpenCode that dies in its start keeps no lease: the packets behind it get their turn, and then theirs", async () => {
  const script = ({ userText }: ModelRequest): Step[] => {
    const id = /Work of (P\d)/.exec(userText)?.[1] ?? "";
    return [call("bash", { command: `echo ${id} >> src/a.ts`, description: "run" }), text("Done.")];
  };
  const ids = ["P1", "P2", "P3"];
  const files = ids.map((id) => `packets/${id}.json`);
  const lab = await setUpDelegation(script, {
    plugins: [],
    repo: {
      files: {
        "src/a.ts": "a\n",
        ...Object.fromEntries(ids.map((id) => [`packets/${id}.json`, packet(id)])),
      },
      ignore: ["opencode_tasks/"],
    },
  });
  const env = { ...lab.opencode.env, ...lab.sandbox.env };
  const schedule = () =>
    runProgram(HANDRAIL, ["schedule", "--parallel", "3", "--json", ...files], { cwd: lab.repo.root, env });
  const leases = () =>
    readdirSync(join(projectState(lab.sandbox), "leases")).filter((name) => name.endsWith(".json"));

  // What a torn disk leaves: OpenCode cannot open its database, and ends before any plugin is loaded.
  const data = join(lab.sandbox.env.XDG_DATA_HOME ?? "", "opencode");
  const tear = () => writeFileSync(join(data, "opencode.db"), "this is no database".repeat(500));
  mkdirSync(data, { recursive: true });
  tear();
  const broken = await schedule();
  expect(broken.timedOut, broken.stderr).toBe(false);
  const { tasks } = JSON.parse(broken.stdout);
  expect(tasks.map((one: { problem: string }) => one.problem)).toEqual(
    ids.map(() => expect.stringMatching(/plugin is not loaded: OpenCode ended with 1 .*it said: \S/)),
  );
  expect(broken.code).toBe(5);
  expect([leases(), lab.repo.read("src/a.ts")]).toEqual([[], "a\n"]);

  rmSync(join(data, "opencode.db"));
  const mended = await schedule();
  expect(JSON.parse(mended.stdout).tasks.map((one: { state: string }) => one.state)).toEqual(
    ids.map(() => "done"),
  );
  expect(lab.repo.read("src/a.ts")).toBe("a\nP1\nP2\nP3\n");

  // A report that lacks something waits for its confirmation, also when the next try of the packet never begins.
  lab.model.script([text("Nothing to do.")]);
  const again = () => runProgram(HANDRAIL, ["run", "packets/P1.json"], { cwd: lab.repo.root, env });
  expect((await again()).timedOut).toBe(false);
  const waiting = leases();
  expect(waiting).toHaveLength(1);
  for (const name of readdirSync(data).filter((one) => one.startsWith("opencode.db")))
    rmSync(join(data, name));
  tear();
  expect((await again()).code).toBe(5);
  expect(leases()).toEqual(waiting);
});
