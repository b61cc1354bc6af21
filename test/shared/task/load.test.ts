import { execFileSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { HandrailError } from "../../../shared/errors.ts";
import { loadTask } from "../../../shared/task/load.ts";
import { findRoot, locateTask } from "../../../shared/task/locate.ts";

let dir = "";
let root = "";
beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), "handrail-load-")));
  root = join(dir, "repo");
  mkdirSync(join(root, "opencode_tasks"), { recursive: true });
  mkdirSync(join(root, "src"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const task = "Fix it\n\nFiles to modify:\n- src\n- src/a.ts\n";
const put = (name: string, data: string | Buffer) => {
  writeFileSync(join(root, "opencode_tasks", name), data);
  return `opencode_tasks/${name}`;
};

function refusal(file: string): HandrailError {
  try {
    loadTask(file, root);
  } catch (error) {
    if (error instanceof HandrailError) return error;
    throw error;
  }
  throw new Error("it was read");
}

test("a task is read, and what exists is known", () => {
  const file = put("20261121-x.txt", task);
  expect(loadTask(file, root)).toMatchObject({ ok: true, slug: "x", scope: { allow: ["src/", "src/a.ts"] } });
  expect(loadTask(join(root, file), root).slug).toBe("x");
  writeFileSync(join(dir, "20261121-y.txt"), `\ufeff${task}`);
  expect(loadTask(join(dir, "20261121-y.txt"), root)).toMatchObject({ ok: true, slug: "y" });
});

test("a task with errors is returned, not thrown", () => {
  expect(loadTask(put("20261121-x.txt", "Make it faster."), root).ok).toBe(false);
  expect(loadTask(put("20261121-empty.txt", ""), root).errors[0]?.message).toBe("the task is empty");
});

describe("what is no readable text is refused, with a fix", () => {
  test.each<[string, () => string, string]>([
    ["missing", () => "opencode_tasks/none.txt", "no such file"],
    ["a folder", () => "opencode_tasks", "folder"],
    ["a name that is none", () => "opencode_tasks/a\0b", "no such file"],
    ["below a file", () => `${put("x.txt", task)}/y`, "no such file"],
    ["binary", () => put("x.txt", Buffer.from([0x46, 0, 0x69, 0])), "NUL"],
    ["not UTF-8", () => put("x.txt", Buffer.from([0x46, 0xff, 0xfe])), "UTF-8"],
    ["over 1 MiB", () => put("x.txt", "a".repeat(1024 * 1024 + 1)), "1 MiB"],
  ])("%s", (_name, make, part) => {
    const error = refusal(make());
    expect(error.code).toBe("bad-input");
    expect(error.message).toContain(part);
    expect(error.fix).toBeTruthy();
  });

  test("exactly 1 MiB is read", () => {
    const text = `${task}\n\`\`\`\n${"a".repeat(1024 * 1024 - task.length - 9)}\n\`\`\``;
    expect(Buffer.byteLength(text)).toBe(1024 * 1024);
    expect(loadTask(put("x.txt", text), root).ok).toBe(true);
  });

  test("a huge file is refused by its size, unread", () => {
    const descriptor = openSync(join(root, "opencode_tasks/huge.txt"), "w");
    ftruncateSync(descriptor, 1024 ** 4);
    closeSync(descriptor);
    expect(refusal("opencode_tasks/huge.txt").message).toContain("1 MiB");
  });

  test("a pipe is not waited for", () => {
    execFileSync("mkfifo", [join(root, "opencode_tasks/pipe.txt")]);
    expect(refusal("opencode_tasks/pipe.txt").message).toContain("plain file");
  });

  test("a link that leads out, or nowhere; one inside is followed", () => {
    writeFileSync(join(dir, "outside.txt"), task);
    symlinkSync(join(dir, "outside.txt"), join(root, "opencode_tasks/out.txt"));
    symlinkSync("nothing.txt", join(root, "opencode_tasks/dangling.txt"));
    symlinkSync("loop.txt", join(root, "opencode_tasks/loop.txt"));
    symlinkSync("20261121-x.txt", join(root, "opencode_tasks/in.txt"));
    put("20261121-x.txt", task);
    expect(refusal("opencode_tasks/out.txt").message).toContain("out of the repository");
    expect(refusal("opencode_tasks/dangling.txt").message).toContain("nowhere");
    expect(refusal("opencode_tasks/loop.txt").message).toContain("nowhere");
    expect(loadTask("opencode_tasks/in.txt", root).ok).toBe(true);
  });

  test.skipIf(process.getuid?.() === 0)("a file without read permission", () => {
    const file = put("x.txt", task);
    chmodSync(join(root, file), 0);
    expect(refusal(file).message).toContain("EACCES");
  });

  test("a folder that is a link outside: also below it", () => {
    mkdirSync(join(dir, "elsewhere"));
    writeFileSync(join(dir, "elsewhere/x.txt"), task);
    symlinkSync(join(dir, "elsewhere"), join(root, "linked"));
    expect(refusal("linked/x.txt").message).toContain("out of the repository");
  });
});

describe("finding the file that was named", () => {
  beforeEach(() => mkdirSync(join(root, "sub/opencode_tasks"), { recursive: true }));

  test("from the root first, then from the current folder", () => {
    put("a.txt", task);
    writeFileSync(join(root, "sub/b.txt"), task);
    const at = (named: string, cwd = join(root, "sub")) => locateTask(named, root, cwd);
    expect(at("opencode_tasks/a.txt")).toBe("opencode_tasks/a.txt");
    expect(at("b.txt")).toBe("sub/b.txt");
    expect(at("../opencode_tasks/a.txt")).toBe("opencode_tasks/a.txt");
    expect(at(join(root, "sub/b.txt"), dir)).toBe("sub/b.txt");
    expect(at("opencode_tasks/none.txt")).toBe("opencode_tasks/none.txt");
    writeFileSync(join(dir, "c.txt"), task);
    expect(at(join(dir, "c.txt"))).toBe(join(dir, "c.txt"));
  });

  test("two different files are an error, two names of one are not", () => {
    put("a.txt", task);
    writeFileSync(join(root, "sub/opencode_tasks/a.txt"), "other");
    const both = () => locateTask("opencode_tasks/a.txt", root, join(root, "sub"));
    expect(both).toThrow(expect.objectContaining({ code: "ambiguous-path" }));
    rmSync(join(root, "sub/opencode_tasks/a.txt"));
    symlinkSync("../../opencode_tasks/a.txt", join(root, "sub/opencode_tasks/a.txt"));
    expect(both()).toBe("opencode_tasks/a.txt");
  });

  test("the root is the nearest folder with .git, be it a folder or a file", () => {
    mkdirSync(join(root, ".git"));
    expect(findRoot(join(root, "sub/opencode_tasks"))).toBe(root);
    writeFileSync(join(root, "sub/.git"), "gitdir: elsewhere\n");
    expect(findRoot(join(root, "sub/opencode_tasks"))).toBe(join(root, "sub"));
    expect(() => findRoot(dir)).toThrow(expect.objectContaining({ code: "not-a-repository" }));
  });
});
