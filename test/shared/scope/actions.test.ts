import { describe, expect, test } from "vitest";
import { actionOf } from "../../../shared/scope/actions.ts";

const declared = {
  readOnlyTools: ["docs_search", "github_get_*", "bash", "*"],
  pathArguments: { fs_write: "target", fs_many: "paths" },
};
const act = (tool: string, args: unknown) => actionOf(tool, args, declared);

describe("built-in tools", () => {
  test.each([
    ["write", { filePath: "a", content: "x" }, { kind: "write", changes: [{ op: "write", path: "a" }] }],
    ["edit", { filePath: "a", oldString: "x", newString: "y" }, { changes: [{ op: "modify", path: "a" }] }],
    ["edit", { filePath: "a", oldString: "", newString: "y" }, { changes: [{ op: "create", path: "a" }] }],
    [
      "apply_patch",
      { patchText: "*** Begin Patch\n*** Delete File: a\n*** End Patch" },
      { kind: "write", changes: [{ op: "delete", path: "a" }] },
    ],
    ["bash", { command: "ls", description: "list" }, { kind: "shell", command: "ls" }],
    ["bash", { command: "ls", workdir: "src" }, { kind: "shell", cwd: "src" }],
    ["read", { filePath: "a", offset: 3 }, { kind: "read", paths: ["a"] }],
    ["lsp", { operation: "hover", filePath: "a", line: 1, character: 1 }, { kind: "read", paths: ["a"] }],
    ["glob", { pattern: "secrets/*.pem" }, { kind: "read", paths: [".", "secrets"] }],
    ["glob", { pattern: "**/*.ts", path: "src" }, { kind: "read", paths: ["src"] }],
    ["grep", { pattern: "x", path: "src", include: "*.ts" }, { kind: "read", paths: ["src"] }],
    ["grep", { pattern: "x", include: "key.pem" }, { kind: "read", paths: [".", "key.pem"] }],
    ["task", { prompt: "x", description: "d", subagent_type: "general" }, { kind: "delegate" }],
    ["webfetch", { url: "https://example.com" }, { kind: "network" }],
    ["websearch", { query: "x" }, { kind: "network" }],
    ["todowrite", { todos: [] }, { kind: "harmless" }],
    ["skill", { name: "x" }, { kind: "harmless" }],
    ["question", {}, { kind: "harmless" }],
    ["execute", { code: "await tools.x.y({})" }, { kind: "harmless" }],
    ["invalid", { tool: "write", error: "x" }, { kind: "harmless" }],
    ["list_mcp_resources", {}, { kind: "harmless" }],
  ])("%s %j", (tool, args, expected) => {
    expect(act(tool, args)).toMatchObject({ tool, ...expected });
  });

  test.each([
    ["write", { content: "x" }],
    ["write", { filePath: ["a"], content: "x" }],
    ["write", { filepath: "a", content: "x" }],
    ["write", null],
    ["write", "a"],
    ["edit", { filePath: "a", newString: "x" }],
    ["edit", { filePath: 1, oldString: "", newString: "x" }],
    ["apply_patch", { patch: "x" }],
    ["apply_patch", { patchText: "*** Delete File: a" }],
    ["bash", { command: ["rm", "x"] }],
    ["bash", { command: "ls", workdir: 3 }],
    ["read", {}],
    ["grep", { path: "src" }],
  ])("%s with %j does not fit", (tool, args) => {
    const action = act(tool, args);
    expect(action).toMatchObject({ kind: "unknown", tool });
    expect(action.kind === "unknown" && action.problem).toBeTruthy();
  });
});

describe("tools nobody knows", () => {
  test.each([
    "multiedit",
    "patch",
    "batch",
    "shell",
    "github_create_file",
    "constructor",
    "__proto__",
    "toString",
    "",
  ])("%s is unknown", (tool) => {
    expect(act(tool, { filePath: "a", content: "x" })).toEqual({ kind: "unknown", tool });
  });

  test("a declaration speaks for a tool, never against what is built in", () => {
    expect(act("docs_search", { q: "x" })).toEqual({ kind: "harmless", tool: "docs_search" });
    expect(act("github_get_file", {})).toEqual({ kind: "harmless", tool: "github_get_file" });
    expect(act("bash", { command: "ls" })).toMatchObject({ kind: "shell" });
    expect(act("fs_write", { target: "a" })).toMatchObject({
      kind: "write",
      changes: [{ op: "write", path: "a" }],
    });
    expect(act("fs_many", { paths: ["a", "b"] })).toMatchObject({ changes: [{ path: "a" }, { path: "b" }] });
    expect(act("fs_many", { paths: [] })).toMatchObject({ kind: "unknown", problem: expect.any(String) });
    expect(act("fs_write", { path: "a" })).toMatchObject({ kind: "unknown", problem: expect.any(String) });
  });
});
