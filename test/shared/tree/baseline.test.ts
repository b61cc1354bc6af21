import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { captureBaseline } from "../../../shared/tree/baseline.ts";
import { openRepository } from "../../../shared/tree/repository.ts";
import { at, everything, place, type TestRepo } from "./fixture.ts";

async function capture(repo: TestRepo, more: { slug?: string; allow?: string[]; renew?: boolean } = {}) {
  return captureBaseline(await openRepository(repo.root), { slug: "add-x", ...more });
}

/** What plain git shows against `baseline.txt`, as `status path` lines. */
function shown(repo: TestRepo): string[] {
  const id = repo.read("opencode_tasks/baseline.txt").trim();
  return repo.git("diff", "--name-status", "--no-renames", id).split("\n").filter(Boolean);
}

function tree(repo: TestRepo, commit: string): string[] {
  return repo.git("ls-tree", "-r", "--name-only", "-z", commit).split("\0").filter(Boolean);
}

const FILES = {
  "a.txt": "one\n",
  "b.txt": "two\n",
  "c.txt": "three\n",
  "d.txt": "four\n",
  "run.sh": "#!/bin/sh\n",
  ".gitignore": ".env\nnode_modules/\ngen/\n",
};

/** A working tree with every kind of unfinished work in it. */
function dirty(repo: TestRepo): void {
  repo.write("a.txt", "staged\n");
  repo.git("add", "a.txt");
  repo.write("a.txt", "staged, then edited\n");
  repo.write("b.txt", "edited\n");
  repo.git("rm", "-q", "--cached", "c.txt");
  rmSync(join(repo.root, "d.txt"));
  chmodSync(join(repo.root, "run.sh"), 0o755);
  repo.write("meant.txt", "intent\n");
  repo.git("add", "-N", "meant.txt");
  repo.write("new.txt", "untracked\n");
  repo.write("new dir/ünï.txt", "untracked\n");
  repo.write(".env", "TOKEN=1\n");
  repo.write("node_modules/x.js", "1");
  repo.write("gen/out.ts", "1");
  symlinkSync("nowhere", join(repo.root, "dangling"));
  utimesSync(join(repo.root, "new.txt"), 1000, 1000);
}

test("captures a dirty tree: nothing of the user's changes, and plain git diff shows nothing", async () => {
  const here = place();
  const repo = here.repo(FILES);
  repo.write("a.txt", "for the stash\n");
  repo.git("stash");
  dirty(repo);
  repo.git("status");
  const before = everything(repo.root);
  const refs = repo.git("for-each-ref");
  const result = await capture(repo, { allow: ["gen/out.ts"] });
  expect(everything(repo.root)).toEqual(before);
  expect(repo.git("for-each-ref", "refs/heads", "refs/stash")).toBe(refs);
  expect(result).toMatchObject({ task: "add-x", created: true, notes: [] });
  expect(repo.read("opencode_tasks/baseline.txt")).toBe(`${result.baseline}\n`);
  expect(repo.read("opencode_tasks/.gitignore")).toBe("*\n");
  expect(repo.git("rev-parse", "refs/handrail/add-x/baseline")).toBe(result.baseline);
  expect(repo.git("rev-parse", "refs/handrail/add-x/full")).toBe(result.full);
  expect(shown(repo)).toEqual([]);
  repo.write("b.txt", "edited by the executor\n");
  expect(shown(repo)).toEqual(["M\tb.txt"]);
  expect(tree(repo, result.baseline)).toEqual([".gitignore", "a.txt", "b.txt", "meant.txt", "run.sh"]);
  expect(tree(repo, result.full)).toEqual([
    ".gitignore",
    "a.txt",
    "b.txt",
    "c.txt",
    "dangling",
    "gen/out.ts",
    "meant.txt",
    "new dir/ünï.txt",
    "new.txt",
    "run.sh",
  ]);
  expect(repo.git("show", `${result.baseline}:a.txt`)).toBe("staged, then edited");
});

test("a baseline stays through later captures, whatever happened since; renew replaces it", async () => {
  const here = place();
  const repo = here.repo(FILES);
  const first = await capture(repo);
  repo.write("a.txt", "executor\n");
  repo.git("commit", "-qam", "executor");
  repo.write("opencode_tasks/baseline.txt", repo.git("rev-parse", "HEAD"));
  expect(await capture(repo)).toMatchObject({ ...first, created: false });
  expect(shown(repo)).toEqual(["M\ta.txt"]);
  const other = await capture(repo, { slug: "other" });
  expect(other.created).toBe(true);
  expect(repo.read("opencode_tasks/baseline.txt").trim()).toBe(other.baseline);
  expect(shown(repo)).toEqual([]);
  const renewed = await capture(repo, { renew: true });
  expect(renewed.created).toBe(true);
  expect(renewed.baseline).not.toBe(first.baseline);
  expect(repo.git("rev-parse", "refs/handrail/other/baseline")).toBe(other.baseline);
});

test("two captures at once agree on one baseline", async () => {
  const repo = place().repo(FILES);
  const all = await Promise.all([capture(repo), capture(repo), capture(repo)]);
  expect(new Set(all.map((one) => one.full)).size).toBe(1);
  expect(all.filter((one) => one.created)).toHaveLength(1);
});

test.each([["autocrlf"], ["attributes"], ["filter"]])(
  "line endings and filters (%s): plain git diff shows only what the executor does",
  async (kind) => {
    const here = place();
    const repo = here.repo({ "win.txt": "a\nb\n", "other.txt": "x\n" });
    if (kind === "autocrlf") repo.git("config", "core.autocrlf", "true");
    if (kind === "attributes") repo.write(".gitattributes", "*.txt text eol=crlf\n");
    if (kind === "filter") {
      repo.write(".gitattributes", "*.txt filter=upper\n");
      repo.git("config", "filter.upper.clean", "tr a-z A-Z");
      repo.git("config", "filter.upper.smudge", "tr A-Z a-z");
      repo.git("config", "filter.upper.required", "true");
    }
    repo.git("add", "-A");
    repo.git("commit", "-q", "--allow-empty", "-m", "conversion");
    rmSync(join(repo.root, "win.txt"));
    rmSync(join(repo.root, "other.txt"));
    repo.git("checkout", "-q", ".");
    const raw = repo.read("win.txt");
    repo.write("other.txt", `${repo.read("other.txt")}dirty\n`);
    const result = await capture(repo);
    expect(shown(repo)).toEqual([]);
    expect(repo.git("cat-file", "blob", `${result.full}:win.txt`)).toBe(raw.replace(/\n$/, ""));
    repo.write("win.txt", `${raw}more\r\n`);
    expect(shown(repo)).toEqual(["M\twin.txt"]);
  },
);

test("a required filter that fails does not stand in the way", async () => {
  const repo = place().repo({ "a.bin": "1", ".gitattributes": "*.bin filter=gone\n" });
  repo.git("config", "filter.gone.clean", "there-is-no-such-program");
  repo.git("config", "filter.gone.required", "true");
  repo.write("a.bin", "2");
  const result = await capture(repo);
  expect(result.notes).toEqual([expect.stringContaining("a filter failed")]);
  expect(repo.git("cat-file", "blob", `${result.baseline}:a.bin`)).toBe("2");
});

test("assume-unchanged, skip-worktree and sparse checkouts", async () => {
  const repo = place().repo({ ...FILES, "far/x.txt": "far\n", "near/y.txt": "near\n" });
  repo.git("update-index", "--assume-unchanged", "a.txt");
  repo.git("update-index", "--skip-worktree", "b.txt");
  repo.write("a.txt", "hidden\n");
  repo.write("b.txt", "hidden\n");
  const first = await capture(repo);
  expect(shown(repo)).toEqual([]);
  expect(repo.git("show", `${first.baseline}:a.txt`)).toBe("one");
  expect(repo.git("show", `${first.full}:b.txt`)).toBe("hidden");
  repo.git("update-index", "--no-assume-unchanged", "a.txt");
  repo.git("update-index", "--no-skip-worktree", "b.txt");
  repo.git("checkout", "-q", ".");
  repo.git("sparse-checkout", "set", "--cone", "--sparse-index", "near");
  expect(existsSync(join(repo.root, "far"))).toBe(false);
  const index = readFileSync(join(repo.root, ".git/index"));
  const second = await capture(repo, { slug: "sparse" });
  expect(readFileSync(join(repo.root, ".git/index")).equals(index)).toBe(true);
  expect(shown(repo)).toEqual([]);
  expect(tree(repo, second.baseline)).toContain("far/x.txt");
  expect(tree(repo, second.full)).not.toContain("far/x.txt");
});

test("conflicts in the index, renames, a folder for a file, a symlink for a folder", async () => {
  const repo = place().repo({ ...FILES, "dir/x": "1", "dir/y": "2", "other/x": "3" });
  repo.git("checkout", "-qb", "side");
  repo.write("a.txt", "side\n");
  repo.git("commit", "-qam", "side");
  repo.git("checkout", "-q", "main");
  repo.write("a.txt", "main\n");
  repo.git("commit", "-qam", "main");
  expect(() => repo.git("merge", "-q", "side")).toThrow();
  repo.git("mv", "b.txt", "renamed.txt");
  renameSync(join(repo.root, "c.txt"), join(repo.root, "moved.txt"));
  rmSync(join(repo.root, "d.txt"));
  repo.write("d.txt/inner", "1");
  rmSync(join(repo.root, "dir"), { recursive: true });
  symlinkSync("other", join(repo.root, "dir"));
  const before = everything(repo.root);
  const result = await capture(repo);
  expect(everything(repo.root)).toEqual(before);
  expect(repo.git("show", `${result.baseline}:a.txt`)).toMatch(/<<<<<<</);
  expect(tree(repo, result.baseline)).toEqual([".gitignore", "a.txt", "other/x", "renamed.txt", "run.sh"]);
  expect(tree(repo, result.full)).toEqual(
    [".gitignore", "a.txt", "d.txt/inner", "dir", "moved.txt", "other/x", "renamed.txt", "run.sh"].sort(),
  );
});

test.each(["4", "split", "untracked cache", "fsmonitor"])("an index of another kind: %s", async (kind) => {
  const here = place();
  const repo = here.repo({ ...FILES, "dir/one.txt": "1", "dir/two.txt": "2" });
  if (kind === "4") repo.git("update-index", "--index-version", "4");
  if (kind === "split") repo.git("update-index", "--split-index");
  if (kind === "untracked cache") repo.git("config", "core.untrackedCache", "true");
  if (kind === "fsmonitor") {
    at(here.dir).write("monitor.sh", "#!/bin/sh\nprintf 'token\\0'\n", 0o755);
    repo.git("config", "core.fsmonitor", join(here.dir, "monitor.sh"));
  }
  repo.write("b.txt", "edited\n");
  repo.git("add", "b.txt");
  repo.git("status");
  repo.write("a.txt", "edited\n");
  repo.write("new.txt", "new\n");
  const before = everything(repo.root);
  const result = await capture(repo);
  // git itself freshens the shared part of a split index whenever it reads one.
  const shared = (path: string) => path.startsWith(".git/sharedindex.");
  const without = (files: Record<string, string>) =>
    Object.fromEntries(Object.entries(files).filter(([path]) => !shared(path)));
  expect(without(everything(repo.root))).toEqual(without(before));
  repo.git("config", "core.fsmonitor", "false");
  expect(shown(repo)).toEqual([]);
  expect(tree(repo, result.full)).toContain("new.txt");
  expect(repo.git("show", `${result.baseline}:a.txt`)).toBe("edited");
});

test("linked working trees keep their own baselines; detached HEAD, SHA-256 and a locked index do not matter", async () => {
  const here = place();
  const repo = here.repo(FILES);
  repo.git("worktree", "add", "-q", "--detach", join(here.dir, "linked"));
  const linked = at(join(here.dir, "linked"));
  linked.write("a.txt", "linked\n");
  writeFileSync(join(repo.root, ".git/index.lock"), "");
  const [one, two] = [await capture(repo), await capture(linked)];
  expect(one.created && two.created).toBe(true);
  expect(two.baseline).not.toBe(one.baseline);
  expect(repo.git("rev-parse", "refs/handrail/add-x@linked/baseline")).toBe(two.baseline);
  expect(shown(linked)).toEqual([]);
  expect((await capture(linked)).created).toBe(false);
  const long = here.repo(FILES, "long", ["--object-format=sha256"]);
  dirty(long);
  expect((await capture(long)).baseline).toMatch(/^[0-9a-f]{64}$/);
  expect(shown(long)).toEqual([]);
});

test("submodules and nested repositories are left as they are and reported", async () => {
  const here = place();
  const inner = here.repo({ "in.txt": "1" }, "inner");
  const repo = here.repo(FILES);
  repo.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", inner.root, "sub");
  repo.git("commit", "-qam", "sub");
  const sub = at(join(repo.root, "sub"));
  sub.git("commit", "-q", "--allow-empty", "-m", "moved");
  here.repo({ "nested.txt": "1" }, "repo/nest");
  mkdirSync(join(repo.root, "unborn"));
  at(join(repo.root, "unborn")).git("init", "-q");
  const before = everything(repo.root);
  const result = await capture(repo);
  expect(everything(repo.root)).toEqual(before);
  expect(result.notes.map((note) => note.split(" ")[0])).toEqual(['"nest/"', '"sub/"', '"unborn/"']);
  // Not --name-status: git lists a submodule that differs from the index there, changed or not.
  expect(repo.git("diff", result.baseline)).toBe("");
  sub.git("commit", "-q", "--allow-empty", "-m", "moved again");
  expect(repo.git("diff", result.baseline)).toContain("+Subproject commit");
});

test("odd files are no obstacle: unreadable, fifo, large, odd names", async () => {
  const repo = place().repo(FILES);
  repo.git("config", "core.quotePath", "false");
  at(repo.root).write("sub/new\nline.txt", "1");
  at(repo.root).write("sub/ leading and trailing ", "1");
  at(repo.root).write("sub/:(top)magic", "1");
  at(repo.root).write("sub/-dash", "1");
  writeFileSync(Buffer.concat([Buffer.from(`${repo.root}/`), Buffer.from([0xff])]), "1");
  const result = await capture(repo);
  expect(tree(repo, result.full)).toEqual(
    expect.arrayContaining([
      "sub/ leading and trailing ",
      "sub/-dash",
      "sub/:(top)magic",
      "sub/new\nline.txt",
    ]),
  );
});

test("only a task folder of the repository is written, and only in it; a slug must be a name", async () => {
  const here = place();
  const repo = here.repo(FILES);
  for (const slug of ["", "../x", "a..b", "a b", "x.lock", "-x", "a/b", "a@b"]) {
    await expect(capture(repo, { slug }), slug).rejects.toMatchObject({ code: "bad-input" });
  }
  repo.write("opencode_tasks/.gitignore", "!*\n");
  at(here.dir).write("victim.txt", "mine\n");
  symlinkSync(join(here.dir, "victim.txt"), join(repo.root, "opencode_tasks/baseline.txt"));
  const { baseline } = await capture(repo);
  expect(repo.read("opencode_tasks/baseline.txt")).toBe(`${baseline}\n`);
  expect(at(here.dir).read("victim.txt")).toBe("mine\n");
  expect(repo.read("opencode_tasks/.gitignore")).toBe("!*\n");
  const other = here.repo(FILES, "other");
  mkdirSync(join(here.dir, "elsewhere"));
  symlinkSync(join(here.dir, "elsewhere"), join(other.root, "opencode_tasks"));
  await expect(capture(other)).rejects.toMatchObject({ code: "bad-input" });
});
