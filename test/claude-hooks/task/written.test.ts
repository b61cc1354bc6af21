import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { taskFilesWritten } from "../../../claude-hooks/task/written.ts";
import { closing } from "../../lab/cleanup.ts";
import { makeSandbox } from "../../lab/sandbox.ts";

function folder(): string {
  const { dir } = closing(makeSandbox());
  mkdirSync(join(dir, "opencode_tasks"));
  return dir;
}

test("Write and Edit: the task file they name, and no other file", () => {
  const of = (path: string) =>
    taskFilesWritten({ cwd: "/p", tool_name: "Write", tool_input: { file_path: path } });
  expect(of("opencode_tasks/a.txt")).toEqual(["/p/opencode_tasks/a.txt"]);
  expect(of("/q/sub/opencode_tasks/a.md")).toEqual(["/q/sub/opencode_tasks/a.md"]);
  expect(of("opencode_tasks/packet.json")).toHaveLength(1);
  for (const other of [
    "opencode_tasks/baseline.txt",
    "opencode_tasks/a.ts",
    "opencode_tasks/sub/a.txt",
    "notes/a.txt",
    "opencode_tasks.txt",
  ]) {
    expect(of(other)).toEqual([]);
  }
});

test("a shell command: the task files it names and has changed, however it names them", () => {
  const cwd = folder();
  const names = ["a.txt", "b c.txt", "old.txt", "d.txt"];
  for (const name of names) writeFileSync(join(cwd, "opencode_tasks", name), "x");
  utimesSync(join(cwd, "opencode_tasks/old.txt"), 1, 1);
  const of = (command: string) =>
    taskFilesWritten({ cwd, tool_name: "Bash", tool_input: { command }, duration_ms: 50 }).map((file) =>
      file.slice(cwd.length + 1),
    );
  expect(of("cat > opencode_tasks/a.txt <<'EOF'\nx\nEOF")).toEqual(["opencode_tasks/a.txt"]);
  expect(of(`tee "${cwd}/opencode_tasks/a.txt" ./opencode_tasks/d.txt`)).toEqual([
    "opencode_tasks/a.txt",
    "opencode_tasks/d.txt",
  ]);
  expect(of("cat opencode_tasks/old.txt")).toEqual([]);
  expect(of("ls opencode_tasks/ && cat opencode_tasks/missing.txt")).toEqual([]);
});
