import { execFileSync } from "node:child_process";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { closing } from "../../lab/cleanup.ts";
import { type HeldOptions, holdRepo, mechanisms } from "../../lab/held.ts";
import { makeRepo, manifest } from "../../lab/repo.ts";

const COMMAND = "echo 1 >> src/a.ts; echo 1 >> src/b.ts; mkdir -p src/lib; echo x > src/lib/f; pwd";
const git = (cwd: string, ...args: string[]) =>
  execFileSync("git", ["-c", "protocol.file.allow=always", ...args], {
    cwd,
    encoding: "utf8",
    stdio: "pipe",
  }).trim();

describe.each(mechanisms)("%s", (mechanism) => {
  const hold = async (more: HeldOptions) => closing(await holdRepo({ mechanism, ...more }));
  const expected = {
    code: 3,
    applied: ["src/a.ts", "src/lib/f"],
    refused: [{ path: "src/b.ts", code: "out-of-scope" }],
  };

  test.each([
    "with space",
    "quo'te\"s",
    "new\nline",
    "ünïcode-日本",
    "a:b,c\\d",
    "gl[o]b*",
    "$(x)`y`",
    "#%@",
  ])("a repository in %j", async (name) => {
    const held = await hold({ at: `${name}/repo` });
    const done = await held.run(COMMAND);
    expect(done).toMatchObject({ ...expected, stdout: `${held.repo.root}\n` });
    expect(held.repo.read("src/b.ts")).toBe("export const b = 2;\n");
  });

  test("a working tree that is reached through a link", async () => {
    const held = await hold({ at: "real/repo" });
    symlinkSync(held.repo.root, join(held.sandbox.dir, "link"));
    const done = await held.run("pwd; echo 2 >> a.ts", join(held.sandbox.dir, "link/src"));
    expect(done).toMatchObject({ code: 0, applied: ["src/a.ts"] });
    expect(done.stdout).toBe(`${held.sandbox.dir}/link/src\n`);
  });

  test("a linked working tree: the shared git directory is held too", async () => {
    const held = await hold({
      arrange(repo, sandbox) {
        repo.git("worktree", "add", "-q", join(sandbox.dir, "linked"), "-b", "linked");
        return join(sandbox.dir, "linked");
      },
    });
    const { repo } = held;
    const before = repo.manifest();
    expect(await held.run(`${COMMAND}; git status --short; git diff > /dev/null`)).toMatchObject(expected);
    const done = await held.run(
      "git -c core.hooksPath=/x commit -qam x; echo y > ../repo/src/a.ts; git config a.b c",
    );
    expect(done.refused.map((one) => one.path)).toEqual([
      ".git/refs/heads/linked",
      ".git/index:src/a.ts",
      ".git/config",
    ]);
    expect(repo.manifest()).toEqual(before);
  });

  test("a working tree below another one, and above it", async () => {
    const inner = (root: string) => join(root, ".trees/inner");
    const below = await hold({
      arrange(repo) {
        repo.git("worktree", "add", "-q", inner(repo.root), "-b", "inner");
        return inner(repo.root);
      },
    });
    expect(await below.run(COMMAND)).toMatchObject(expected);
    await below.run("echo x >> ../../src/a.ts");
    expect(below.repo.read("src/a.ts")).toBe("export const a = 1;\n");
    const above = await hold({
      arrange(repo) {
        repo.git("worktree", "add", "-q", inner(repo.root), "-b", "inner");
        return undefined;
      },
    });
    expect((await above.run("echo x >> .trees/inner/src/a.ts; echo y >> src/a.ts")).applied).toEqual([
      "src/a.ts",
    ]);
    expect(above.repo.read(".trees/inner/src/a.ts")).toBe("export const a = 1;\n");
  });

  test("a submodule, from outside and from inside", async () => {
    const arrange = (within: boolean): NonNullable<HeldOptions["arrange"]> => {
      return (repo, sandbox) => {
        const other = makeRepo(join(sandbox.dir, "other"));
        git(repo.root, "submodule", "--quiet", "add", other.root, "sub");
        repo.git("commit", "-qam", "sub");
        return within ? join(repo.root, "sub") : undefined;
      };
    };
    const outer = await hold({ arrange: arrange(false) });
    const done = await outer.run("echo x > sub/src/a.ts; echo y > src/a.ts");
    expect(done).toMatchObject({ applied: ["src/a.ts"], refused: [{ path: "sub/src/a.ts" }] });
    const inner = await hold({ arrange: arrange(true) });
    expect(await inner.run(`${COMMAND}; git status > /dev/null`)).toMatchObject(expected);
    expect(
      (await inner.run("git -c core.hooksPath=/x -c user.name=x -c user.email=x commit -qam x")).refused,
    ).not.toEqual([]);
  });

  test.each<[string, HeldOptions]>([
    ["the home folder lies in the repository", { env: ({ dir }) => ({ HOME: join(dir, "repo/.h") }) }],
    ["the repository lies in the home folder", { at: "home/code/repo" }],
    ["the home folder is the repository", { at: "home" }],
    ["there is no home folder", { env: () => ({ HOME: "/nonexistent" }) }],
    ["temporary files go beside the repository", { env: ({ dir }) => ({ TMPDIR: dir }) }],
    ["temporary files go into the repository", { env: ({ dir }) => ({ TMPDIR: join(dir, "repo/t") }) }],
    ["temporary files go nowhere", { env: () => ({ TMPDIR: "/nonexistent" }) }],
    [
      "the state lies in the repository",
      { env: ({ dir }) => ({ HANDRAIL_STATE_DIR: join(dir, "repo/.s") }) },
    ],
  ])("%s", async (_, more) => {
    const held = await hold({
      ...more,
      repo: { files: { "src/a.ts": "a\n", "src/b.ts": "b\n", ".h/.keep": "", "t/.keep": "" } },
    });
    const before = manifest(join(held.repo.root, "src"));
    const done = await held.run(
      `${COMMAND}; mkdir -p ~/.cache/x 2>/dev/null && echo c > ~/.cache/x/y; echo t > "$(mktemp 2>/dev/null || echo /tmp/t)"`,
    );
    expect(done).toMatchObject(expected);
    expect(held.repo.read("src/b.ts")).toBe("b\n");
    expect(Object.keys(manifest(join(held.repo.root, "src")))).toEqual([
      ...Object.keys(before),
      "lib/",
      "lib/f",
    ]);
    expect(held.repo.git("status", "--short", "--", ":!src", ":!.s")).toBe("");
  });

  test("a repository directly in a folder for temporary files", async () => {
    const held = await hold({ env: ({ dir }) => ({ TMPDIR: dir }) });
    expect(await held.run(`${COMMAND}; echo b > ../beside; cat ../beside`)).toMatchObject(expected);
  });
});
