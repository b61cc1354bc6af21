import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { findPromptTask } from "../../../shared/task/prompt.ts";

const TASK = 'Fix the "total" in src/cart.ts\n\nFiles to modify:\n- src/cart.ts\n';

function project(files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), "handrail-prompt-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, "opencode_tasks"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(root, "opencode_tasks", name), text);
  return root;
}

/** What OpenCode 1.18.33 makes of a message argument with spaces (facts, opencode.md). */
function quoted(text: string): string {
  return `"${text.replace(/"/g, '\\"')}"`;
}

const file = "opencode_tasks/20261121-cart.txt";

test.each([
  ["raw, as stdin brings it", TASK],
  ["quoted, as an argument brings it", quoted(TASK.trimEnd())],
  ["with CRLF and more newlines at the end", `${TASK.replace(/\n/g, "\r\n")}\r\n\r\n`],
  ["with a byte order mark", `\uFEFF${TASK}`],
])("a prompt that is the task: %s", (_name, prompt) => {
  expect(findPromptTask(prompt, project({ "20261121-cart.txt": TASK }))).toEqual({ kind: "is", file });
});

test("a task file with CRLF is the same task", () => {
  const root = project({ "20261121-cart.txt": TASK.replace(/\n/g, "\r\n") });
  expect(findPromptTask(quoted(TASK.trimEnd()), root)).toEqual({ kind: "is", file });
});

test("a prompt that contains the task: a message before it, quoted or on stdin", () => {
  const root = project({ "20261121-cart.txt": TASK });
  expect(findPromptTask(`Be quick.\n${TASK}`, root)).toEqual({ kind: "contains", file });
  expect(findPromptTask(quoted(`Be quick. ${TASK.trimEnd()} Thanks.`), root)).toEqual({
    kind: "contains",
    file,
  });
});

test("of two tasks of which one begins like the other, the longer one is meant", () => {
  const root = project({ "20261121-cart.txt": TASK, "20261122-cart-more.txt": `${TASK}- src/more.ts\n` });
  expect(findPromptTask(`x\n${TASK}- src/more.ts\nx`, root)).toEqual({
    kind: "contains",
    file: "opencode_tasks/20261122-cart-more.txt",
  });
});

test.each([
  "Do what opencode_tasks/20261121-cart.txt says",
  "Do `opencode_tasks/20261121-cart.txt`.",
  quoted("Follow ./opencode_tasks/20261121-cart.txt, please"),
  "opencode_tasks\\20261121-cart.txt",
])("a prompt that names the task: %s", (prompt) => {
  expect(findPromptTask(prompt, project({ "20261121-cart.txt": TASK }))).toEqual({ kind: "names", file });
});

test("a named task that does not exist, and two named tasks, are said, not guessed", () => {
  const root = project({ "20261121-cart.txt": TASK });
  expect(findPromptTask("do opencode_tasks/none.txt", root)).toEqual({
    kind: "missing",
    file: "opencode_tasks/none.txt",
  });
  expect(findPromptTask(`${file} and opencode_tasks/none.txt`, root).kind).toBe("ambiguous");
});

test("other prompts name no task", () => {
  const root = project({ "20261121-cart.txt": TASK, "baseline.txt": "0".repeat(40), "empty.txt": "" });
  for (const prompt of ["", "hello", "0".repeat(40), "see opencode_tasks/baseline.txt", "Fix the total"]) {
    expect(findPromptTask(prompt, root)).toEqual({ kind: "none" });
  }
});
