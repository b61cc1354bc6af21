import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { claimAll } from "../../shared/callback/inbox.ts";
import { TASK } from "../lab/delegation.ts";
import { runProgram } from "../lab/process.ts";
import { makeSandbox, type Sandbox } from "../lab/sandbox.ts";
import { buildTurn, setUpTurn } from "../lab/turn.ts";

let built: Sandbox;
beforeAll(async () => {
  built = makeSandbox();
  await buildTurn(built.dir);
  return () => built.close();
}, 60_000);

const TURNS = 20;
const CALLS = 500;
/** What a garbage collector leaves one way or the other. */
const NOISE = 1024 ** 2;

test("ten thousand calls leave nothing behind in memory, and neither do the turns they were in", async () => {
  const lab = setUpTurn(built.dir);
  const args = [
    "--expose-gc",
    join(built.dir, "calls-process.mjs"),
    lab.repo.root,
    TASK,
    `${TURNS}`,
    `${CALLS}`,
  ];
  const run = await runProgram(process.execPath, args, { cwd: lab.repo.root, env: lab.env });
  expect([run.code, run.stderr]).toEqual([0, ""]);
  const heap = run.stdout.trim().split("\n").map(Number);
  expect(heap).toHaveLength(TURNS);
  expect(claimAll([lab.inbox]).callbacks.map(({ state }) => state)).toEqual(
    Array.from({ length: TURNS }, () => "done"),
  );
  // The first half has compiled and cached what there is to.
  const growth = (heap.at(-1) ?? 0) - (heap[TURNS / 2 - 1] ?? 0);
  expect(growth, heap.join(" ")).toBeLessThan(NOISE);
}, 120_000);
