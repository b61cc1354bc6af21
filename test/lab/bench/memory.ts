import { execFileSync } from "node:child_process";
import { join } from "node:path";
import * as z from "zod/mini";
import { installed } from "../process.ts";
import type { Bench, Row } from "./measure.ts";
import { makeTree } from "./tree.ts";

const saidSchema = z.object({ early: z.number(), late: z.number(), refused: z.number() });

/** The plugin's memory over many tool calls, in megabytes after a collection. */
export function memoryRows({ dir, quick, say }: Bench): Row[] {
  const calls = quick ? 2_000 : 10_000;
  say(`memory over ${calls} tool calls`);
  const root = makeTree(join(dir, "memory"), 200);
  const script = join(process.cwd(), ".build/bench-memory.mjs");
  const plugin = join(process.cwd(), "opencode-plugin/dist/index.js");
  const output = execFileSync(installed("opencode"), [script, plugin, root, String(calls)], {
    cwd: root,
    env: { ...process.env, BUN_BE_BUN: "1", CLAUDECODE: "1" },
    encoding: "utf8",
  });
  const said = saidSchema.parse(JSON.parse(output.trim().split("\n").at(-1) ?? ""));
  if (said.refused === 0) throw new Error("no call was refused: the session was not held");
  const times = (value: number) => ({ min: value, median: value });
  return [
    {
      what: `memory of the plugin after ${calls} tool calls`,
      beside: `after ${calls / 10}`,
      own: times(said.late),
      base: times(said.early),
      unit: "MB",
      target: { ratio: 1.1 },
    },
  ];
}
