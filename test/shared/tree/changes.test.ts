import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Changes, changesSince } from "../../../shared/tree/changes.ts";
import { openRepository } from "../../../shared/tree/repository.ts";
import { takeSnapshot } from "../../../shared/tree/snapshot.ts";
import { loadSnapshot } from "../../../shared/tree/snapshot-record.ts";
import { at, type Place, place, type TestRepo } from "./fixture.ts";

const SCRATCH = ["node_modules/", "dist/", ".venv/", "*.tsbuildinfo"];
let count = 0;

async function snapshotOf(here: Place, repo: TestRepo, allow: string[] = []) {
  const tree = await openRepository(repo.root);
  const dir = join(here.state, `snapshot-${count++}`);
  await takeSnapshot(tree, dir, { scratch: SCRATCH, allow });
  const snapshot = loadSnapshot(dir);
  if (!snapshot) throw new Error("no snapshot");
  return snapshot;
}

/** `status path` of each change, then the names of what changed in `.git`, then what cannot be told. */
function short({ changes, git, unverifiable }: Changes): string[] {
  return [
    ...changes.map((change) => `${change.status} ${change.path}`),
    ...git.map((change) => change.name),
    ...unverifiable.map((one) => `? ${one.path}`),
  ];
}

/** What `act` changes, as the snapshot sees it. */
async function seen(here: Place, repo: TestRepo, act: () => void, allow: string[] = []): Promise<string[]> {
  const snapshot = await snapshotOf(here, repo, allow);
  expect(short(await changesSince(snapshot))).toEqual([]);
  act();
  return short(await changesSince(snapshot));
}

const FILES = {
  "a.txt": "one\n",
  "src/b.ts": "two\n",
  "src/lib/c.ts": "three\n",
  "run.sh": "#!/bin/sh\n",
  ".gitignore": "node_modules/\ndist/\n.env\n*.log\n",
};

test("sees every kind of change, and neither a touch nor a rewrite with the same bytes", async () => {
  const here = place();
  const repo = here.repo(FILES);
  symlinkSync("a.txt", join(repo.root, "link"));
  repo.write("notes/new.md", "untracked\n");
  repo.write(".env", "TOKEN=1\n");
  expect(
    await seen(here, repo, () => {
      repo.write("a.txt", "one\n");
      utimesSync(join(repo.root, "src/b.ts"), 1, 1);
    }),
  ).toEqual([]);
  expect(
    await seen(here, repo, () => {
      repo.write("a.txt", "changed\n");
      rmSync(join(repo.root, "src/b.ts"));
      repo.write("src/new dir/ünï\nx.ts", "new\n");
      chmodSync(join(repo.root, "run.sh"), 0o755);
      rmSync(join(repo.root, "src/lib/c.ts"));
      symlinkSync("/etc/passwd", join(repo.root, "src/lib/c.ts"));
      repo.write(".env", "TOKEN=2\n");
      repo.write("notes/new.md", "changed\n");
      repo.write("debug.log", "x");
      rmSync(join(repo.root, "link"));
      symlinkSync("src/lib", join(repo.root, "link"));
    }),
  ).toEqual([
    "modified .env",
    "modified a.txt",
    "added debug.log",
    "modified link",
    "modified notes/new.md",
    "mode run.sh",
    "deleted src/b.ts",
    "type src/lib/c.ts",
    "added src/new dir/ünï\nx.ts",
  ]);
});

test("a file for a folder, a folder for a file, a symlink for a folder", async () => {
  const here = place();
  const repo = here.repo({ a: "1", "dir/x": "2", "dir/y": "3", "other/x": "4", "other/y": "5" });
  expect(
    await seen(here, repo, () => {
      rmSync(join(repo.root, "a"));
      repo.write("a/inner", "1");
      rmSync(join(repo.root, "dir"), { recursive: true });
      symlinkSync("other", join(repo.root, "dir"));
      rmSync(join(repo.root, "other/y"));
    }),
  ).toEqual(["deleted a", "added a/inner", "added dir", "deleted dir/x", "deleted dir/y", "deleted other/y"]);
});

test("names that are not UTF-8 keep their bytes", async () => {
  const here = place();
  const repo = here.repo();
  const name = Buffer.concat([Buffer.from(`${repo.root}/`), Buffer.from([0x66, 0xff, 0xe9])]);
  writeFileSync(name, "1");
  expect(await seen(here, repo, () => writeFileSync(name, "2"))).toEqual(["modified f\udcff\udce9"]);
  repo.git("add", "-A");
  expect(await seen(here, repo, () => rmSync(name))).toEqual(["deleted f\udcff\udce9"]);
});

test("a forged modification time, in the same second too, hides nothing", async () => {
  const here = place();
  const repo = here.repo({ "a.txt": "aaaa\n", "b.txt": "bbbb\n" });
  utimesSync(join(repo.root, "a.txt"), 1000, 1000);
  repo.git("add", "-A");
  repo.write("late.txt", "aaaa\n");
  utimesSync(join(repo.root, "late.txt"), 1000, 1000);
  expect(
    await seen(here, repo, () => {
      for (const name of ["a.txt", "late.txt"]) {
        repo.write(name, "AAAA\n");
        utimesSync(join(repo.root, name), 1000, 1000);
      }
      const { atime, mtime } = statSync(join(repo.root, "b.txt"));
      repo.write("b.txt", "BBBB\n");
      utimesSync(join(repo.root, "b.txt"), atime, mtime);
    }),
  ).toEqual(["modified a.txt", "modified b.txt", "modified late.txt"]);
});

test("flags, attributes, filters, excludes and a planted monitor hide nothing and run nothing", async () => {
  const here = place();
  const repo = here.repo({ ...FILES, "crlf.txt": "x\r\ny\r\n" });
  const marker = join(here.dir, "ran");
  const evil = join(here.dir, "evil.sh");
  at(here.dir).write("evil.sh", `#!/bin/sh\ntouch '${marker}'\ncat\n`, 0o755);
  const hiding = () => {
    repo.git("update-index", "--assume-unchanged", "a.txt");
    repo.git("update-index", "--skip-worktree", "src/b.ts");
    repo.write("a.txt", "hidden\n");
    repo.write("src/b.ts", "hidden\n");
    repo.write(".gitattributes", "* filter=evil text=auto diff=evil -diff\n");
    repo.write("build/.gitignore", "*\n");
    repo.write("build/evil.ts", "evil");
    repo.write("evil.ts", "evil");
    repo.write("crlf.txt", "x\ny\n");
    repo.write(".git/info/exclude", "evil.ts\n");
    repo.git("config", "filter.evil.clean", evil);
    repo.git("config", "diff.evil.textconv", evil);
    repo.git("config", "core.fsmonitor", evil);
    repo.git("config", "core.untrackedCache", "true");
    repo.git("config", "core.trustctime", "false");
    repo.git("config", "core.checkStat", "minimal");
    repo.git("config", "core.fileMode", "false");
    chmodSync(join(repo.root, "run.sh"), 0o755);
  };
  const result = await seen(here, repo, hiding);
  expect(result).toEqual([
    "added .gitattributes",
    "modified a.txt",
    "added build/.gitignore",
    "added build/evil.ts",
    "modified crlf.txt",
    "added evil.ts",
    "mode run.sh",
    "modified src/b.ts",
    ".git/config",
    ".git/index:a.txt",
    ".git/index:src/b.ts",
    ".git/info/exclude",
  ]);
  expect(existsSync(marker)).toBe(false);
  // The same plant works on plain git.
  repo.git("status");
  expect(existsSync(marker)).toBe(true);
  // And a snapshot taken of a tree in that state sees the next change as well.
  rmSync(marker);
  expect(await seen(here, repo, () => repo.write("a.txt", "again\n"))).toEqual(["modified a.txt"]);
  expect(existsSync(marker)).toBe(false);
});

test("scratch is what git ignored at the snapshot and matches the patterns; a rule written later opens nothing", async () => {
  const here = place();
  const repo = here.repo(FILES);
  repo.write("dist/kept.js", "tracked despite its name");
  repo.git("add", "-f", "dist/kept.js");
  repo.write("node_modules/x/index.js", "1");
  repo.write(".venv/.gitignore", "*\n");
  repo.write(".venv/bin/python", "1");
  const writes = () => {
    repo.write("node_modules/x/index.js", "2");
    repo.write("node_modules/y/index.js", "2");
    repo.write("packages/p/node_modules/z/index.js", "2");
    repo.write(".venv/bin/python", "2");
    repo.write(".venv/lib/site.py", "2");
    repo.write("dist/out.js", "2");
    repo.write("dist/kept.js", "changed");
    repo.write("x.tsbuildinfo", "not ignored");
  };
  expect(await seen(here, repo, writes)).toEqual(["modified dist/kept.js", "added x.tsbuildinfo"]);
  const named = await seen(
    here,
    repo,
    () => {
      repo.write("dist/out.js", "3");
      repo.write("dist/other.js", "3");
    },
    ["dist/out.js"],
  );
  expect(named).toEqual(["modified dist/out.js"]);
  const other = here.repo({ "a.txt": "1" }, "other");
  expect(
    await seen(here, other, () => {
      other.write(".gitignore", "node_modules/\n");
      other.write("node_modules/evil.js", "1");
      other.write("dist/.gitignore", "*\n");
      other.write("dist/evil.js", "1");
    }),
  ).toEqual([
    "added .gitignore",
    "added dist/.gitignore",
    "added dist/evil.js",
    "added node_modules/evil.js",
  ]);
});

test("what happens in .git: commit, staging, branches, hooks, stash; a mere status is nothing", async () => {
  const here = place();
  const repo = here.repo(FILES);
  repo.write("a.txt", "dirty\n");
  expect(
    await seen(here, repo, () => {
      utimesSync(join(repo.root, "src/b.ts"), 5, 5);
      repo.git("status");
      repo.git("update-ref", "refs/handrail/x/full", "HEAD");
    }),
  ).toEqual([]);
  expect(await seen(here, repo, () => repo.git("add", "a.txt"))).toEqual([".git/index:a.txt"]);
  expect(await seen(here, repo, () => repo.git("commit", "-qm", "two"))).toEqual([".git/refs/heads/main"]);
  expect(await seen(here, repo, () => repo.git("checkout", "-qb", "other"))).toEqual([
    ".git/HEAD",
    ".git/refs/heads/other",
  ]);
  expect(await seen(here, repo, () => repo.git("pack-refs", "--all"))).toEqual([]);
  repo.write("a.txt", "stashed\n");
  expect(await seen(here, repo, () => repo.git("stash"))).toEqual([
    "modified a.txt",
    ".git/logs/refs/stash",
    ".git/refs/stash",
  ]);
  expect(await seen(here, repo, () => repo.write(".git/hooks/pre-commit", "x", 0o755))).toEqual([
    ".git/hooks/pre-commit",
  ]);
});

test("large files are known by their hash, fifos by being one; neither is read twice or waited for", async () => {
  const here = place();
  const repo = here.repo(FILES);
  repo.write("huge.bin", "");
  truncateSync(join(repo.root, "huge.bin"), 101 * 1024 * 1024);
  mkdirSync(join(repo.root, "pipes"));
  execFileSync("mkfifo", [join(repo.root, "pipes/one")]);
  expect(
    await seen(here, repo, () => {
      utimesSync(join(repo.root, "huge.bin"), 5, 5);
      rmSync(join(repo.root, "a.txt"));
      execFileSync("mkfifo", [join(repo.root, "a.txt")]);
      mkdirSync(join(repo.root, "more"));
      execFileSync("mkfifo", [join(repo.root, "more/two")]);
    }),
  ).toEqual(["type a.txt", "added more/two"]);
  rmSync(join(repo.root, "a.txt"));
  expect(
    await seen(here, repo, () => {
      truncateSync(join(repo.root, "huge.bin"), 101 * 1024 * 1024 + 1);
      rmSync(join(repo.root, "pipes/one"));
    }),
  ).toEqual(["modified huge.bin", "deleted pipes/one"]);
});

test("a fifo in the place of a ref, an ignore file or the index holds nobody up", async () => {
  const here = place();
  const repo = here.repo(FILES);
  const result = await seen(here, repo, () => {
    execFileSync("mkfifo", [join(repo.root, ".git/refs/heads/pipe")]);
    execFileSync("mkfifo", [join(repo.root, "src/.gitignore")]);
    rmSync(join(repo.root, ".git/index"));
    execFileSync("mkfifo", [join(repo.root, ".git/index")]);
  });
  expect(result).toContain(".git/refs/heads/pipe");
  expect(result).toContain(".git/index:a.txt");
});

test("ten thousand files, and a folder of a thousand new ones", async () => {
  const here = place();
  const files = Object.fromEntries(
    Array.from({ length: 10_000 }, (_none, at) => [`d${at % 40}/e${at % 7}/f${at}.txt`, `${at}\n`]),
  );
  const repo = here.repo(files);
  const snapshot = await snapshotOf(here, repo);
  repo.write("d3/e3/f3.txt", "changed\n");
  rmSync(join(repo.root, "d5"), { recursive: true });
  for (let at = 0; at < 1000; at++) repo.write(`new/f${at}`, "x");
  const { changes } = await changesSince(snapshot);
  const gone = Object.keys(files).filter((path) => path.startsWith("d5/")).length;
  const count = (status: string) => changes.filter((change) => change.status === status).length;
  expect([count("modified"), count("deleted"), count("added")]).toEqual([1, gone, 1000]);
});

test("objects from elsewhere, OpenCode's note and git's own housekeeping", async () => {
  const here = place();
  const repo = here.repo(FILES);
  expect(await seen(here, repo, () => repo.write(".git/objects/info/alternates", "/elsewhere\n"))).toEqual([
    ".git/objects/info/alternates",
  ]);
  rmSync(join(repo.root, ".git/objects/info/alternates"));
  expect(
    await seen(here, repo, () => {
      repo.write(".git/opencode", "id");
      repo.git("gc", "-q", "--prune=now");
    }),
  ).toEqual([]);
});
