import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { closing } from "../lab/cleanup.ts";
import { setUpDelegation, TASK } from "../lab/delegation.ts";
import { installPacked } from "../lab/packed.ts";
import { makeSandbox } from "../lab/sandbox.ts";
import { call, text } from "../lab/script.ts";

test("the packed package loads in OpenCode by its folder, holds the scope, and its command works", async () => {
  const place = closing(makeSandbox());
  const folder = installPacked(place.dir);
  const lab = await setUpDelegation(
    [
      call("write", { filePath: "src/b.ts", content: "out of scope\n" }),
      call("bash", {
        command: "node -e \"require('fs').writeFileSync('src/b' + '.ts', 'x')\"",
        description: "x",
      }),
      call("write", { filePath: "src/a.ts", content: "in scope\n" }),
      text("Done."),
    ],
    { plugins: [folder] },
  );
  await lab.opencode.run(lab.repo.root, ["run", TASK.trimEnd()]);
  expect(lab.repo.read("src/b.ts")).toBe("export const b = 2;\n");
  expect(lab.repo.read("src/a.ts")).toBe("in scope\n");
  expect(lab.callbacks()).toMatchObject([{ state: "done" }]);

  const runs = execFileSync(join(folder, "claude-hooks/bin/handrail"), ["runs", "--json"], {
    cwd: lab.repo.root,
    env: lab.opencode.env,
    encoding: "utf8",
  });
  expect(JSON.parse(runs)).toMatchObject([{ task_id: "change-a", state: "done" }]);
});
