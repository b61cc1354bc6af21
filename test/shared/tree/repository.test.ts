import { chownSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { findGit } from "../../../shared/tree/git-binary.ts";
import { loadedOutside, pathOutside } from "../../../shared/tree/outside.ts";
import { openRepository } from "../../../shared/tree/repository.ts";
import { at, place } from "./fixture.ts";

test("finds the top level from the root, a sub-folder and through a symlink", async () => {
  const here = place();
  const repo = here.repo({ "src/deep/a.txt": "1" });
  symlinkSync(join(repo.root, "src"), join(here.dir, "way-in"));
  for (const directory of [repo.root, join(repo.root, "src/deep"), join(here.dir, "way-in")]) {
    expect(await openRepository(directory)).toEqual({
      root: repo.root,
      gitDir: join(repo.root, ".git"),
      commonDir: join(repo.root, ".git"),
      head: repo.git("rev-parse", "HEAD"),
      objectFormat: "sha1",
    });
  }
});

test.each(["with space", "ünïcödé-日本", "new\nline", "trailing ", "-dash", "'quote\""])(
  "a repository in a folder named %j",
  async (name) => {
    const repo = place().repo({}, name);
    const opened = await openRepository(repo.root);
    expect(opened.root).toBe(repo.root);
    expect(opened.gitDir).toBe(join(repo.root, ".git"));
  },
);

test("detached HEAD, SHA-256, separate git directory", async () => {
  const here = place();
  const repo = here.repo();
  repo.git("checkout", "-q", "--detach");
  expect((await openRepository(repo.root)).head).toBe(repo.git("rev-parse", "HEAD"));
  const long = here.repo({}, "long", ["--object-format=sha256"]);
  expect(await openRepository(long.root)).toMatchObject({
    objectFormat: "sha256",
    head: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  const apart = here.repo({}, "apart", [`--separate-git-dir=${join(here.dir, "elsewhere.git")}`]);
  expect((await openRepository(apart.root)).gitDir).toBe(join(here.dir, "elsewhere.git"));
});

test("a linked worktree has its own git directory and root", async () => {
  const here = place();
  const repo = here.repo();
  repo.git("worktree", "add", "-q", join(here.dir, "linked"));
  expect(await openRepository(join(here.dir, "linked"))).toMatchObject({
    root: join(here.dir, "linked"),
    gitDir: join(repo.root, ".git/worktrees/linked"),
    commonDir: join(repo.root, ".git"),
  });
});

test("a submodule is a repository of its own", async () => {
  const here = place();
  const inner = here.repo({ "in.txt": "1" }, "inner");
  const outer = here.repo({}, "outer");
  outer.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", inner.root, "sub");
  const opened = await openRepository(join(outer.root, "sub"));
  expect(opened.root).toBe(join(outer.root, "sub"));
  expect(opened.gitDir).toBe(join(outer.root, ".git/modules/sub"));
});

test("says what is wrong: no folder, no repository, bare, no commit, inside .git", async () => {
  const here = place();
  mkdirSync(join(here.dir, "plain"));
  mkdirSync(join(here.dir, "unborn"));
  at(join(here.dir, "unborn")).git("init", "-q");
  mkdirSync(join(here.dir, "bare.git"));
  at(join(here.dir, "bare.git")).git("init", "-q", "--bare");
  const repo = here.repo();
  const codes: [string, string][] = [
    [join(here.dir, "nowhere"), "not-found"],
    [join(repo.root, "a.txt"), "not-found"],
    [join(here.dir, "plain"), "not-a-repository"],
    [join(here.dir, "bare.git"), "bare-repository"],
    [join(here.dir, "unborn"), "no-commit"],
    [join(repo.root, ".git"), "not-a-repository"],
    [join(repo.root, ".git/refs"), "not-a-repository"],
  ];
  for (const [directory, code] of codes) {
    await expect(openRepository(directory), directory).rejects.toMatchObject({ code });
  }
});

test("core.worktree that leads elsewhere is refused; the one of a submodule is fine", async () => {
  const here = place();
  const repo = here.repo({}, "outer/repo");
  repo.git("config", "core.worktree", join(here.dir, "outer"));
  await expect(openRepository(repo.root)).rejects.toMatchObject({ code: "not-a-repository" });
  repo.git("config", "core.worktree", repo.root);
  expect((await openRepository(repo.root)).root).toBe(repo.root);
});

test.skipIf(process.getuid?.() !== 0)("a repository of another owner: names the fix", async () => {
  const repo = place().repo();
  chownSync(repo.root, 12345, 12345);
  chownSync(join(repo.root, ".git"), 12345, 12345);
  await expect(openRepository(repo.root)).rejects.toMatchObject({
    code: "git-failed",
    fix: `git config --global --add safe.directory '${repo.root}'`,
  });
});

test("git variables from outside change nothing", async () => {
  const here = place();
  const repo = here.repo();
  const other = here.repo({}, "other");
  vi.stubEnv("GIT_DIR", join(other.root, ".git"));
  vi.stubEnv("GIT_WORK_TREE", other.root);
  expect((await openRepository(repo.root)).root).toBe(repo.root);
});

test("git is never taken from the repository, node_modules or a relative PATH entry", async () => {
  const here = place();
  const repo = here.repo({ "sub/x": "" });
  const marker = join(here.dir, "ran");
  const fake = `#!/bin/sh\ntouch '${marker}'\n`;
  repo.write("node_modules/.bin/git", fake, 0o755);
  repo.write("tools/git", fake, 0o755);
  mkdirSync(join(here.dir, "node_modules/.bin"), { recursive: true });
  writeFileSync(join(here.dir, "node_modules/.bin/git"), fake, { mode: 0o755 });
  mkdirSync(join(here.dir, "bin"));
  symlinkSync(join(repo.root, "tools/git"), join(here.dir, "bin/git"));
  const real = process.env.PATH ?? "";
  const planted = [
    join(repo.root, "node_modules/.bin"),
    join(repo.root, "tools"),
    join(here.dir, "node_modules/.bin"),
    join(here.dir, "bin"),
    "tools",
    ".",
    "",
  ];
  expect(() => findGit(join(repo.root, "sub"), planted.join(":"))).toThrow(/git was not found/);
  expect(findGit(join(repo.root, "sub"), [...planted, real].join(":")).file).toMatch(/^\/.*git$/);
  const outside = [join(here.dir, "node_modules/.bin"), join(here.dir, "bin"), "/usr/bin"];
  expect(pathOutside(join(repo.root, "sub"), [...planted, "/usr/bin"].join(":"))).toBe(outside.join(":"));
  const lib = join(repo.root, "target/lib");
  const libraries = {
    LD_LIBRARY_PATH: `${lib}:/usr/lib:.:`,
    LD_PRELOAD: `${lib}/x.so libm.so`,
    LD_AUDIT: lib,
  };
  expect(loadedOutside(join(repo.root, "sub"), libraries)).toEqual({
    LD_LIBRARY_PATH: "/usr/lib",
    LD_PRELOAD: "libm.so",
    LD_AUDIT: undefined,
    GCONV_PATH: undefined,
  });
  expect(loadedOutside(repo.root, { LD_LIBRARY_PATH: "/usr/lib:/opt/lib" })).toEqual({});
  vi.stubEnv("PATH", [...planted, real].join(":"));
  expect((await openRepository(join(repo.root, "sub"))).root).toBe(repo.root);
  expect(() => at(repo.root).read("../ran")).toThrow(/ENOENT/);
});
