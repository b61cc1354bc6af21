import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { closing } from "../../../lab/cleanup.ts";
import { makeRepo, SAMPLE } from "../../../lab/repo.ts";
import { makeSandbox } from "../../../lab/sandbox.ts";
import { handrail } from "../handrail.ts";

const run = handrail();

test("without OpenCode nothing starts, and the fix is named", () => {
  const sandbox = closing(makeSandbox());
  const task = "opencode_tasks/20261121-a.txt";
  const repo = makeRepo(join(sandbox.dir, "repo"), {
    ...SAMPLE,
    dirty: { [task]: "Change a\n\nFiles to modify:\n- src/a.ts\n" },
  });
  const bin = join(sandbox.dir, "bin");
  mkdirSync(bin);
  const git = join(bin, "git");
  symlinkSync(repo.git("--exec-path").replace(/$/, "/git"), git);
  const answer = run(repo.root, ["run", task, "--json"], { ...sandbox.env, PATH: bin });
  expect(answer).toMatchObject({
    code: 5,
    json: { error: { code: "opencode-missing", fix: expect.stringContaining("npm install") } },
  });
  expect(run(repo.root, ["runs", "--json"], { ...sandbox.env, PATH: bin }).json).toEqual([]);
});
