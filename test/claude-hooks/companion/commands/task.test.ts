import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { handrail } from "../handrail.ts";

const run = handrail();
let dir = "";
let root = "";
beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), "handrail-task-")));
  root = join(dir, "repo");
  mkdirSync(join(root, ".git"), { recursive: true });
  mkdirSync(join(root, "opencode_tasks"));
  mkdirSync(join(root, "src/deep"), { recursive: true });
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const task =
  "Fix it\n\nFiles to modify:\n- src/a.ts\n\nTests:\n- npm test\n\nDo not:\n- touch src/b.ts\n- rename functions\n- commit\n";
const file = "opencode_tasks/20261121-fix.txt";

describe("task check", () => {
  test("says what was understood, for programs and for people", () => {
    writeFileSync(join(root, file), task);
    const answer = run(root, ["task", "check", file, "--json"]);
    expect(answer.code).toBe(0);
    expect(answer.json).toMatchObject({
      ok: true,
      file,
      slug: "fix",
      title: "Fix it",
      scope: { allow: ["src/a.ts"], inspect: [], forbid: ["src/b.ts"], rules: ["no-commit", "no-stage"] },
      prohibitions: [
        { text: "touch src/b.ts", enforcement: "path", paths: ["src/b.ts"] },
        { text: "rename functions", enforcement: "advisory" },
        { text: "commit", enforcement: "rule", rule: "no-commit" },
      ],
      validation: ["npm test"],
      errors: [],
      warnings: [],
    });
    const plain = run(join(root, "src/deep"), ["task", "check", file]);
    expect(plain.code).toBe(0);
    expect(plain.stdout).toContain("touch src/b.ts\n    enforced as path: src/b.ts");
    expect(plain.stdout).toContain("rename functions\n    advice");
    expect(plain.stdout).toContain("commit\n    enforced as rule no-commit");
  });

  test("errors give the line, and the exit code 2", () => {
    writeFileSync(join(root, file), "Fix it\n\nFiles to modify:\n- ../x.ts\n- a\u001b[31m.ts\n");
    const answer = run(root, ["task", "check", file, "--json"]);
    expect(answer.code).toBe(2);
    expect(answer.json).toMatchObject({ ok: false, errors: [{ line: 4 }, { line: 5 }] });
    const plain = run(root, ["task", "check", file]);
    expect(plain.code).toBe(2);
    expect(plain.stdout).toContain(`${file}:4: error: "../x.ts" leads out`);
    expect(plain.stdout).not.toContain("\u001b");
  });

  test("what cannot be read is an error with a fix", () => {
    expect(run(root, ["task", "check", "none.txt", "--json"])).toMatchObject({
      code: 2,
      json: { error: { code: "bad-input", fix: expect.any(String) } },
    });
    expect(run(dir, ["task", "check", file, "--json"])).toMatchObject({
      code: 2,
      json: { error: { code: "not-a-repository" } },
    });
    writeFileSync(join(root, "src/x.txt"), task);
    writeFileSync(join(root, "x.txt"), `${task} `);
    expect(run(join(root, "src"), ["task", "check", "x.txt", "--json"])).toMatchObject({
      code: 2,
      json: { error: { code: "ambiguous-path" } },
    });
  });
});

describe("task new", () => {
  const only = () => readdirSync(join(root, "opencode_tasks")).filter((name) => name.endsWith(".txt"));

  test("writes a task that allows nothing until it is filled in", () => {
    const answer = run(join(root, "src/deep"), [
      "task",
      "new",
      "add-retry",
      "--title",
      "Add retry",
      "--json",
    ]);
    expect(answer.code).toBe(0);
    const [name] = only();
    expect(name).toMatch(/^\d{8}-add-retry\.txt$/);
    expect(answer.json).toEqual({ file: `opencode_tasks/${name}`, slug: "add-retry", title: "Add retry" });
    expect(readFileSync(join(root, "opencode_tasks/.gitignore"), "utf8")).toBe("*\n");
    const check = run(root, ["task", "check", answer.json.file, "--json"]);
    expect(check.code).toBe(2);
    expect(check.json).toMatchObject({
      title: "Add retry",
      scope: { allow: [], inspect: [] },
      validation: [],
    });
    expect(check.json.errors[0].message).toContain("no scope yet");
    const text = readFileSync(join(root, answer.json.file), "utf8");
    writeFileSync(
      join(root, answer.json.file),
      text
        .replace("<path of a file to change or to create>", "src/a.ts")
        .replace("<command that shows that it works>", "npm test"),
    );
    expect(run(root, ["task", "check", answer.json.file, "--json"]).json).toMatchObject({
      ok: true,
      scope: { allow: ["src/a.ts"], inspect: [] },
      validation: ["npm test"],
    });
  });

  test("never overwrites a task or a .gitignore", () => {
    writeFileSync(join(root, "opencode_tasks/.gitignore"), "mine\n");
    expect(run(root, ["task", "new", "x"]).code).toBe(0);
    const [name = ""] = only();
    writeFileSync(join(root, "opencode_tasks", name), "edited");
    expect(run(root, ["task", "new", "x", "--json"])).toMatchObject({
      code: 2,
      json: { error: { code: "bad-usage" } },
    });
    expect(readFileSync(join(root, "opencode_tasks", name), "utf8")).toBe("edited");
    expect(readFileSync(join(root, "opencode_tasks/.gitignore"), "utf8")).toBe("mine\n");
  });

  test.each([
    ["../x"],
    ["A B"],
    [".."],
    [""],
    ["x", "--title", "-x"],
    ["x", "--dir", "../out"],
    ["x", "--dir", "linked/tasks"],
  ])("refuses %j %s %s and writes nothing", (...args) => {
    mkdirSync(join(dir, "elsewhere"));
    symlinkSync(join(dir, "elsewhere"), join(root, "linked"));
    expect(run(root, ["task", "new", ...args]).code).toBe(2);
    expect([only(), readdirSync(join(dir, "elsewhere")), existsSync(join(dir, "out"))]).toEqual([
      [],
      [],
      false,
    ]);
  });

  test("another folder is made, and ignores itself", () => {
    expect(run(root, ["task", "new", "x", "--dir", "work/tasks"]).code).toBe(0);
    expect(readFileSync(join(root, "work/tasks/.gitignore"), "utf8")).toBe("*\n");
    expect(run(root, ["task", "new", "x", "--dir", "src"]).code).toBe(0);
    expect(existsSync(join(root, "src/.gitignore"))).toBe(false);
  });
});
