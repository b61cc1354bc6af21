import { test } from "vitest";
import { setUpDelegation, TASK } from "../lab/delegation.ts";
import { call, text } from "../lab/script.ts";

test("x", async () => {
  const lab = await setUpDelegation([
    call("write", { filePath: "src/a.ts", content: "x\n" }),
    call("bash", {
      command: "cat /etc/hostname; echo hi > src/lib/y.ts; echo no >> README.md; echo $TMPDIR",
      description: "d",
    }),
    text("d"),
  ]);
  const t = Date.now();
  const r = await lab.opencode.run(lab.repo.root, ["run", TASK.trimEnd()]);
  console.log(Date.now() - t, r.code, r.stderr.slice(-600));
  console.log(
    JSON.stringify(
      lab.model.requests.at(-1)?.messages.flatMap((m) => m.toolResults),
      null,
      1,
    ).slice(0, 3000),
  );
  console.log(JSON.stringify(lab.callbacks(), null, 1).slice(0, 3000));
}, 180000);
