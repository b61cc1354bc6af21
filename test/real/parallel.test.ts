import { expect, test } from "vitest";
import { setUpDelegation, TASK } from "../lab/delegation.ts";
import { call, type Step, type ToolCall, text } from "../lab/script.ts";

const asArgument = TASK.trimEnd();
const bash = (command: string, more: Record<string, unknown> = {}): ToolCall => ({
  name: "bash",
  args: { command, description: "run", ...more },
});
const edit = (filePath: string, oldString: string, newString: string): ToolCall => ({
  name: "edit",
  args: { filePath, oldString, newString },
});
const together = (...calls: ToolCall[]): Step => ({ calls });

test("calls of one message: nothing is lost, no edit falls into a command, and no killed or refused call blocks the next", async () => {
  const lab = await setUpDelegation([
    // An edit of the file that a command is working on.
    together(
      bash("sleep 1; sed -i 's/a = 1/a = 2/' src/a.ts; cp src/a.ts src/lib/seen.ts"),
      edit("src/a.ts", "export const", "export  const"),
    ),
    // Two commands that add to one file.
    together(
      bash("cat src/lib/x.ts > /tmp/x; sleep 0.5; echo '// one' >> src/lib/x.ts"),
      bash("sleep 0.2; echo '// two' >> src/lib/x.ts"),
      bash("echo '// three' >> src/lib/x.ts"),
    ),
    // A refused command beside an edit, and one that is cut off beside another.
    together(bash("echo no > src/b.ts"), edit("src/a.ts", "= 2;", "= 3;")),
    together(
      bash("echo kept > src/lib/kept.ts; sleep 60", { timeout: 1500 }),
      edit("src/a.ts", "= 3;", "= 4;"),
    ),
    together(bash("kill -9 $PPID $$", {}), edit("src/a.ts", "= 4;", "= 5;")),
    call("edit", { filePath: "src/a.ts", oldString: "= 5;", newString: "= 6;" }),
    call("bash", { command: "cat src/a.ts; echo last > src/lib/last.ts", description: "run" }),
    text("Done."),
  ]);
  await lab.opencode.run(lab.repo.root, ["run", asArgument], { env: { CLAUDECODE: "1" } });
  expect(lab.repo.read("src/a.ts")).toBe("export  const a = 6;\n");
  expect(lab.repo.read("src/lib/x.ts").split("\n").sort()).toEqual([
    "",
    "// one",
    "// three",
    "// two",
    "export const x = 1;",
  ]);
  expect([lab.repo.read("src/lib/kept.ts"), lab.repo.read("src/lib/last.ts")]).toEqual(["kept\n", "last\n"]);
  // The command saw the file as it was before the edit, or as it was after it: never a half.
  expect(["export const a = 2;\n", "export  const a = 2;\n"]).toContain(lab.repo.read("src/lib/seen.ts"));
  const told = lab.model.requests.at(-1)?.messages.flatMap((message) => message.toolResults) ?? [];
  expect(told.at(-1)).toContain("export  const a = 6;");
  expect(lab.callbacks()).toMatchObject([
    { state: "done", verdict: "in_scope", refusals: [{ code: "out-of-scope", path: "src/b.ts" }] },
  ]);
});
