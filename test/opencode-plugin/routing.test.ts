import { beforeAll, expect, test } from "vitest";
import { createRun } from "../../shared/run/create.ts";
import { requireRun } from "../../shared/run/store.ts";
import { loadTask } from "../../shared/task/load.ts";
import { TASK_NAME } from "../lab/delegation.ts";
import { makeSandbox, type Sandbox } from "../lab/sandbox.ts";
import { buildTurn, setUpTurn } from "../lab/turn.ts";

let built: Sandbox;
beforeAll(async () => {
  built = makeSandbox();
  await buildTurn(built.dir);
  return () => built.close();
}, 60_000);

/** A run that was ordered with an agent and a model; its turn is OpenCode's agent's, with model `lab/lab-1`. */
async function lived(asked: { agent?: string; model?: string }, agent: string) {
  const lab = setUpTurn(built.dir);
  const { root } = lab.repo;
  const spec = loadTask(TASK_NAME, root);
  const ordered = createRun({ root, spec, taskFile: TASK_NAME, lane: "cli", origin: {}, ...asked });
  const { stderr } = await lab.live("written\n", { HANDRAIL_RUN_ID: ordered.run_id, LAB_AGENT: agent });
  return { stderr, run: requireRun(root, ordered.run_id), file: lab.repo.read("src/a.ts") };
}

test.each<[what: string, asked: object, agent: string, says: RegExp]>([
  [
    "model",
    { model: "lab/one" },
    "build",
    /"lab\/one" was asked for, and "lab\/lab-1" would do the work \(a fallback\)/,
  ],
  ["agent", { agent: "coder" }, "build", /"coder" was asked for, and "build"/],
])(
  "a first prompt that goes to another %s than was asked for may not write, and both are named",
  async (_what, asked, agent, says) => {
    const { stderr, run, file } = await lived(asked, agent);
    expect(stderr).toMatch(says);
    expect(file).toBe("export const a = 1;\n");
    expect(run).toMatchObject({ turn: 1, state: "running" });
  },
);

test.each([{ agent: "coder", model: "lab/lab-1" }, {}])(
  "what was asked for does the work: %o",
  async (asked) => {
    const { stderr, run, file } = await lived(asked, "coder");
    expect([stderr, file]).toEqual(["", "written\n"]);
    expect(run).toMatchObject({ state: "done", agent: "coder", model: "lab/lab-1" });
  },
);
