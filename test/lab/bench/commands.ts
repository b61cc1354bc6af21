import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DEFAULT_SCRATCH } from "../../../shared/config/config.ts";
import { MECHANISMS, type Mechanism } from "../../../shared/confine/policy.ts";
import { probe } from "../../../shared/confine/probe.ts";
import { removeTree } from "../../../shared/confine/remove.ts";
import { prepareShell } from "../../../shared/confine/shell.ts";
import { openRepository } from "../../../shared/tree/repository.ts";
import { alternate, type Bench, type Row } from "./measure.ts";
import { makeTree } from "./tree.ts";

const COMMANDS = ["true", "git status", "npm test", "echo // >> src/a.js"];

/** Held commands beside bare bash, in a small and a large repository, with everything this machine has. */
export async function commandRows(bench: Bench): Promise<Row[]> {
  const rows: Row[] = [];
  for (const files of bench.quick ? [1_000, 5_000] : [1_000, 50_000]) {
    const root = makeTree(join(bench.dir, `commands-${files}`), files);
    const tree = await openRepository(root);
    for (const mechanism of MECHANISMS) {
      const found = probe(tree, [mechanism]);
      if (found.kind === "none") bench.say(`${mechanism} is not here: ${found.reason}`);
      else rows.push(...(await withMechanism(bench, root, mechanism, files)));
    }
  }
  return rows;
}

async function withMechanism(
  bench: Bench,
  root: string,
  mechanism: Mechanism,
  files: number,
): Promise<Row[]> {
  const { dir, quick } = bench;
  const runDir = join(dir, "state", `run-${mechanism}-${files}`);
  mkdirSync(runDir, { recursive: true });
  const before = process.env.HANDRAIL_CONFINEMENT;
  process.env.HANDRAIL_CONFINEMENT = mechanism;
  const scope = { allow: ["src/"], inspect: [], forbid: [], rules: [], noRead: [] };
  const program = join(process.cwd(), "opencode-plugin/dist/shell.cjs");
  const applier = { command: [process.execPath, program], environment: {} };
  const shell = prepareShell({
    ...{ tree: await openRepository(root), runDir, scope, applier },
    scratch: DEFAULT_SCRATCH,
    userShell: "bash",
  });
  if (before === undefined) delete process.env.HANDRAIL_CONFINEMENT;
  else process.env.HANDRAIL_CONFINEMENT = before;
  const rows: Row[] = [];
  for (const command of COMMANDS) {
    bench.say(`${mechanism}, ${files} files: ${command}`);
    const run = (program: string) => () => {
      const done = spawnSync(program, ["-c", command], { cwd: root, stdio: ["ignore", "ignore", "pipe"] });
      if (done.status !== 0) throw new Error(`${command} ended with ${done.status}: ${done.stderr}`);
    };
    const slow = command === "npm test";
    const times = await alternate(quick ? (slow ? 3 : 7) : slow ? 7 : 31, {
      bare: run("bash"),
      held: run(shell.shellPath),
    });
    const limit = mechanism === "util-linux" ? 12 : 4;
    rows.push({
      what: `\`${command}\`, ${mechanism}, ${files} files`,
      beside: "bash -c",
      own: times.held,
      base: times.bare,
      ...(command === "true" ? { target: { ratio: limit } } : {}),
    });
  }
  if (shell.policy) removeTree(shell.policy.work);
  return rows;
}
