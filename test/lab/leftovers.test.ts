import { expect, test } from "vitest";
import { projectRoot, runProgram } from "./process.ts";
import { processRuns } from "./serve.ts";

const suite = (leaves: string) =>
  runProgram(
    process.execPath,
    ["node_modules/vitest/vitest.mjs", "run", "--config", "test/lab/leaving/vitest.config.ts"],
    { cwd: projectRoot, env: { ...process.env, NO_COLOR: "1", LEAVES: leaves } },
  );

test.each([
  ["nothing", 0, /1 passed/],
  ["file", 1, /left behind by the tests:\s+temporary file: forgotten\.txt/],
  ["process", 1, /left behind by the tests:\s+process \d+: sleep 600/],
  ["listener", 1, /left behind by the tests:\s+process \d+: .*createServer/],
] as const)("tests that leave %s: exit %i", async (leaves, code, said) => {
  const done = await suite(leaves);
  expect(done.stdout + done.stderr).toMatch(said);
  expect(done.code).toBe(code);
  const pid = /process (\d+): /.exec(done.stdout + done.stderr)?.[1];
  if (pid !== undefined) expect(processRuns(Number(pid))).toBe(false);
});
