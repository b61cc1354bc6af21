import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { projectRoot } from "./lab/process.ts";

test("nothing is tracked that the project ignores: a linked node_modules would replace the real one", () => {
  const tracked = execFileSync("git", ["ls-files", "-ci", "--exclude-standard"], {
    cwd: projectRoot,
    encoding: "utf8",
  });
  expect(tracked).toBe("");
});
