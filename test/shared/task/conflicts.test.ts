import { describe, expect, test } from "vitest";
import { parse, verdict } from "./task.ts";

/** The messages of the errors with their lines: `4: ...`. */
const errorsOf = (text: string, files: string[] = []) =>
  parse(text, files).errors.map((one) => `${one.line ?? "-"}: ${one.message}`);

describe("what cannot be in scope is an error that names its line", () => {
  test.each([
    ["../common/src/x.ts", "leads out"],
    ["src/../../x.ts", "leads out"],
    ["/etc/passwd", "outside"],
    ["/repository/src/x.ts", "outside"],
    ["C:\\other\\x.ts", "outside"],
    ["~/x.ts", "outside"],
    ["$HOME/x.ts", "outside"],
    ["`**`", "whole repository"],
    ["**/*", "whole repository"],
    ["*", "whole repository"],
    [".", "whole repository"],
    ["./", "whole repository"],
    ["/", "whole repository"],
    ["./**", "whole repository"],
    ["/repo", "whole repository"],
    ["everything", "whole repository"],
    ["all files", "whole repository"],
    ["the whole codebase", "whole repository"],
    [".git/hooks/pre-commit", "git's own"],
    ["sub/.GIT/config", "git's own"],
    ["src/a\u0001.ts", "control character"],
    ["src/a\u202ets", "control character"],
    ["src/.../x.ts", "whole path"],
  ])("%s", (path, part) => {
    const errors = errorsOf(`T\n\nFiles to modify:\n- src/a.ts\n- ${path}\n`);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain("5: ");
    expect(errors[0]).toContain(part);
  });

  test("its allowed twin", () => {
    expect(errorsOf("T\n\nFiles:\n- src/../lib/x.ts\n- ./y.ts\n- /repo/src/\n- .gitignore\n")).toEqual([]);
  });
});

test("a list without a path, and placeholders", () => {
  expect(errorsOf("T\n\nFiles to modify:\n\nRequired changes:\n- src/a.ts\n")[0]).toMatch(
    /^3: "Files to modify:" names no file/,
  );
  expect(errorsOf("Files to modify: none yet")[0]).toMatch(/^1: /);
  expect(errorsOf("T\n\nFiles:\n- <path of a file>\n")[0]).toMatch(/^4: no scope yet/);
  expect(errorsOf("T\n\nFiles:\n- src/a.ts\n- <another file>\n")[0]).toMatch(/^5: no scope yet/);
});

test("a file both to modify and to inspect", () => {
  const text = "T\n\nFiles to modify:\n- src/a.ts\n\nFiles to inspect only:\n- src/b.ts\n- ./src/a.ts\n";
  expect(errorsOf(text)).toEqual([expect.stringMatching(/^8: "src\/a\.ts" is listed both/)]);
  expect(errorsOf(text.replace("- ./src/a.ts", "- src/"))).toEqual([]);
  expect(errorsOf(text.replace("Files to inspect only", "Relevant files"))).toEqual([]);
});

test("everything allowed also forbidden is an error, a part of it is not", () => {
  const text = "T\n\nFiles:\n- src/a.ts\n- src/lib/\n\nDo not:\n- touch src/a.ts\n";
  expect(errorsOf(text)).toEqual([]);
  expect(verdict(parse(text), "src/a.ts")).toBe("forbidden");
  expect(parse(text).warnings[0]).toMatchObject({ line: 4 });
  for (const more of ["src/lib/", "src/lib", "src/", "any file in lib/"]) {
    expect(errorsOf(`${text}- change ${more}\n`)[0]).toContain("also forbidden");
  }
  expect(errorsOf("Fix src/a.ts. Do not change anything.")[0]).toContain("forbids everything");
});

test("a task that starts with a hyphen, an empty one, one with lines that are too long", () => {
  expect(errorsOf("- fix src/a.ts")).toEqual([expect.stringMatching(/^1: the task starts with "-"/)]);
  expect(errorsOf("---\nslug: x\n---\nFix src/a.ts.")[0]).toMatch(/^1: the task starts with "-"/);
  expect(errorsOf("\n- fix src/a.ts")).toEqual([]);
  expect(errorsOf(" \n\t\n")).toEqual(["-: the task is empty"]);
  expect(errorsOf(`Fix src/a.ts.\n${"x ".repeat(5000)}`)[0]).toMatch(/^2: the line is longer/);
  expect(errorsOf(`Fix src/a.ts.\n\`\`\`\n${"x ".repeat(5000)}\n\`\`\`\n`)).toEqual([]);
});

test("paths that are not read are pointed out", () => {
  const { warnings } = parse("T\n\nFiles:\n- src/a.ts\n- as in src/b.ts\n- lib\n");
  expect(warnings).toEqual([
    { line: 5, message: expect.stringContaining('"src/b.ts"') },
    { line: 6, message: expect.stringContaining('"lib"') },
  ]);
});

test("slug, title and what is corrected", () => {
  expect(parse("# Add *retry*\n\nModify src/a.ts.", [], "20261121-add-retry.txt")).toMatchObject({
    slug: "add-retry",
    title: "Add *retry*",
  });
  expect(parse("Task: Add retry\n\nModify src/a.ts.", [], "add-retry.md")).toMatchObject({
    slug: "add-retry",
    title: "Add retry",
  });
  expect(parse("**Add retry**\n\nModify src/a.ts.").title).toBe("Add retry");
  expect(parse("Files:\n- src/a.ts\n", [], "20261121-x.json.txt")).toMatchObject({
    slug: "x.json",
    title: "x.json",
  });
  for (const line of [
    "Corrects: add-retry",
    "- **Corrects:** `add-retry`",
    "corrects: 20261120-add-retry.txt",
  ]) {
    expect(parse(`Cap it\n${line}\n\nModify src/a.ts.`).corrects).toBe("add-retry");
  }
  expect(parse("It corrects: nothing\n\nModify src/a.ts.").corrects).toBeUndefined();
});
