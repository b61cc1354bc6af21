import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { reviewedChanges } from "../../../shared/review/changes.ts";
import { openRepository } from "../../../shared/tree/repository.ts";
import { closing } from "../../lab/cleanup.ts";
import { changed, makeRepo, type RepoOptions } from "../../lab/repo.ts";
import { makeSandbox } from "../../lab/sandbox.ts";

const FILES: RepoOptions = {
  files: { "src/a.ts": "one\n", "src/b.ts": "two\n", "gone.ts": "x\n", ".env": "TOKEN=old\n" },
  ignore: ["node_modules/", "*.log"],
};

function setUp(options: RepoOptions = FILES) {
  const sandbox = closing(makeSandbox());
  process.env.HANDRAIL_STATE_DIR = sandbox.state;
  const repo = makeRepo(join(sandbox.dir, "my repo ü"), options);
  return {
    sandbox,
    repo,
    see: async (how: Parameters<typeof reviewedChanges>[1]) =>
      reviewedChanges(await openRepository(repo.root), how),
  };
}

describe("what a review sees", () => {
  test("the working tree: staged, unstaged, deleted and untracked; no ignored files, no secrets", async () => {
    const { repo, see, sandbox } = setUp();
    repo.write("src/a.ts", "one more\n");
    repo.write("src/b.ts", "staged\n");
    repo.git("add", "src/b.ts");
    repo.git("rm", "-q", "gone.ts");
    repo.write("src/new ü.ts", 'const key = "AKIAABCDEFGHIJKLMNOP";\n');
    repo.write(".env", "TOKEN=new\n");
    repo.write("deploy.pem", "private\n");
    repo.write("debug.log", "noise\n");
    const before = repo.manifest();
    const seen = await see({ scope: "working-tree" });
    expect(changed(before, repo.manifest())).toEqual([]);
    expect(seen.files.map(({ path }) => path)).toEqual(["gone.ts", "src/a.ts", "src/b.ts", "src/new ü.ts"]);
    expect(seen.secret).toEqual([".env", "deploy.pem"]);
    const all = JSON.stringify(seen);
    expect(all).not.toMatch(/TOKEN|private|noise|AKIAABC/);
    expect(seen.files[1]?.text).toContain("+one more");
    expect(seen.stat).toContain("4 files changed");
    expect(
      readdirSync(
        join(sandbox.state, "projects", readdirSync(join(sandbox.state, "projects"))[0] ?? ""),
      ).filter((name) => name.startsWith("review-")),
    ).toEqual([]);
  });

  test("a branch: everything since the base, committed or not", async () => {
    const { repo, see } = setUp();
    repo.git("checkout", "-q", "-b", "work");
    repo.write("src/a.ts", "committed\n");
    repo.git("commit", "-qam", "two");
    repo.write("src/c.ts", "untracked\n");
    const seen = await see({ scope: "branch", base: "main" });
    expect(seen).toMatchObject({ scope: "branch", base: repo.git("rev-parse", "main") });
    expect(seen.files.map(({ path }) => path)).toEqual(["src/a.ts", "src/c.ts"]);
    // without a base: where the branch began
    expect((await see({ scope: "branch" })).files.map(({ path }) => path)).toEqual(["src/a.ts", "src/c.ts"]);
  });

  test("auto: the working tree while it is dirty, else the branch", async () => {
    const { repo, see } = setUp();
    repo.git("checkout", "-q", "-b", "work");
    repo.write("src/a.ts", "committed\n");
    repo.git("commit", "-qam", "two");
    expect(await see({ scope: "auto" })).toMatchObject({ scope: "branch", files: [{ path: "src/a.ts" }] });
    repo.write("src/b.ts", "dirty\n");
    expect(await see({ scope: "auto" })).toMatchObject({
      scope: "working-tree",
      files: [{ path: "src/b.ts" }],
    });
    expect(await see({ scope: "auto", base: "main" })).toMatchObject({ scope: "branch" });
  });

  test("nothing changed is nothing to see", async () => {
    const { see } = setUp();
    expect(await see({ scope: "working-tree" })).toMatchObject({ files: [], secret: [], stat: "" });
  });

  test("a base that is none is an error; so is one that looks like an option", async () => {
    const { see } = setUp();
    await expect(see({ scope: "branch", base: "nope" })).rejects.toThrow(/no commit/);
    await expect(see({ scope: "branch", base: "--output=x" })).rejects.toThrow(/no commit/);
    await expect(see({ scope: "working-tree", base: "main" })).rejects.toThrow(/--scope branch/);
  });

  test("runs nothing that the repository names: filters, diff programs, monitors", async () => {
    const { repo, see } = setUp();
    const mark = join(repo.root, "..", "ran");
    repo.write(".gitattributes", "*.ts filter=evil diff=evil\n");
    for (const key of [
      "filter.evil.clean",
      "filter.evil.smudge",
      "diff.evil.textconv",
      "diff.evil.command",
      "core.fsmonitor",
      "diff.external",
    ])
      repo.git("config", key, `touch "${mark}"; cat`);
    repo.write("src/a.ts", "changed\n");
    const seen = await see({ scope: "working-tree" });
    expect(seen.files.map(({ path }) => path)).toEqual([".gitattributes", "src/a.ts"]);
    expect(existsSync(mark)).toBe(false);
  });

  test("whatever a file is called, or holds, it is shown as the file that it is", async () => {
    const { repo, see } = setUp();
    const odd = [
      "a b/c.ts",
      'quo"te.ts',
      "tab\there.ts",
      "line\nbreak.ts",
      "x b/src/a.ts",
      "日本 é.ts",
      "-dash.ts",
    ];
    for (const name of odd) repo.write(name, `export const ${"n"} = 1;\n`);
    // What looks like the header of another file stands in the middle of a line for git.
    repo.write(
      "src/a.ts",
      "one\rdiff --git a/gone.ts b/gone.ts\r@@ -1 +1 @@\u2028diff --git a/src/b.ts b/src/b.ts\n",
    );
    repo.write("bytes.bin", "\0\0binary\n");
    const { files } = await see({ scope: "working-tree" });
    expect(files.map(({ path }) => path).sort()).toEqual([...odd, "src/a.ts", "bytes.bin"].sort());
    expect(files.find(({ path }) => path === "src/a.ts")?.text).toContain("+one\rdiff --git");
    expect(files.find(({ path }) => path === "bytes.bin")?.text).toContain("Binary files");
    for (const { path, text } of files)
      if (odd.includes(path)) expect(text, path).toContain("+export const n");
  });

  test("a name that is not UTF-8 is shown, too", async () => {
    const { repo, see } = setUp();
    writeFileSync(
      Buffer.concat([Buffer.from(`${repo.root}/caf`), Buffer.from([0xe9]), Buffer.from(".ts")]),
      "x\n",
    );
    repo.write("src/a.ts", "changed\n");
    const { files } = await see({ scope: "working-tree" });
    expect(files).toHaveLength(2);
    expect(files.find(({ path }) => path.startsWith("caf"))?.text).toContain("+x");
  });

  test("more than anybody can hold in memory: what fits is shown, the rest is named", async () => {
    const { repo, see } = setUp();
    repo.write("src/a.ts", "changed\n");
    const line = `${"x".repeat(1023)}\n`;
    repo.write("big/one.ts", line.repeat(40 * 1024));
    repo.write("big/two.ts", line.repeat(40 * 1024));
    repo.write("zed.ts", "last\n");
    const { files, large, stat } = await see({ scope: "working-tree" });
    expect(large).toEqual(["big/one.ts", "big/two.ts"]);
    expect(files).toMatchObject([
      { path: "src/a.ts", text: expect.stringContaining("+changed") },
      { path: "zed.ts", text: expect.stringContaining("+last") },
    ]);
    expect(stat).toContain("4 files changed");
  }, 120_000);

  test("line ends that git converts are no change", async () => {
    const { repo, see } = setUp();
    repo.git("config", "core.autocrlf", "true");
    repo.write("src/a.ts", "one\r\n");
    repo.write("src/b.ts", "two\r\nthree\r\n");
    const seen = await see({ scope: "working-tree" });
    expect(seen.files.find(({ path }) => path === "src/b.ts")?.text).toMatch(/\+three/);
    expect(seen.files.find(({ path }) => path === "src/b.ts")?.text).not.toMatch(/^-two/m);
  });
});
