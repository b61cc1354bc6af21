import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { closing } from "../../lab/cleanup.ts";
import { type HeldOptions, holdRepo, mechanisms } from "../../lab/held.ts";
import { until } from "../../lab/process.ts";

// rename(2) of a folder, as `git mv` and programs do it: mv itself copies where that fails.
const rename = (from: string, to: string) =>
  `${process.execPath} -e 'require("fs").renameSync("${from}", "${to}")'`;

const FILES = {
  "src/a.ts": "a\n",
  "src/b.ts": "b\n",
  "src/lib/x.ts": "x\n",
  "src/lib/deep/y.ts": "y\n",
  "docs/d.md": "d\n",
};
const held = async (options: HeldOptions = {}) =>
  closing(await holdRepo({ allow: ["src/"], ...options, repo: { files: FILES, ...options.repo } }));
const names = (paths: readonly string[]) => [...paths].sort();

describe.each(mechanisms)("%s", (mechanism) => {
  test("a small folder in scope is renamed: with modes and links, in a folder that is entered, with a space in its name", async () => {
    const { repo, run } = await held({
      mechanism,
      repo: { files: { ...FILES, "src/my parts/p.sh": "p\n" }, links: { "src/link": "lib" } },
      arrange(repo) {
        repo.write("src/my parts/p.sh", "p\n", 0o755);
        return repo.root;
      },
    });
    const first = await run(rename("src/lib", "src/other"));
    expect(first).toMatchObject({ code: 0, stderr: "", refused: [], conflicts: [] });
    expect(names(first.applied)).toEqual([
      "src/lib/deep/y.ts",
      "src/lib/x.ts",
      "src/other/deep/y.ts",
      "src/other/x.ts",
    ]);
    expect([repo.exists("src/lib"), repo.read("src/other/deep/y.ts")]).toEqual([false, "y\n"]);
    expect((await run(`cd src && ${rename("other", "lib")}`)).code).toBe(0);
    expect((await run(rename("src/my parts", "src/lib/parts"))).code).toBe(0);
    const after = repo.manifest();
    expect(Object.keys(after).filter((path) => path.startsWith("src/"))).toEqual(
      expect.arrayContaining(["src/lib/x.ts", "src/lib/deep/y.ts", "src/lib/parts/p.sh", "src/link"]),
    );
    expect((await run("test -x src/lib/parts/p.sh && cat src/link/x.ts")).stdout).toBe("x\n");
  });

  test("what is only named, or renamed and back, changes nothing", async () => {
    const { repo, run } = await held({ mechanism });
    const before = repo.manifest();
    for (const command of [
      "echo git mv src/lib src; ls -R src/lib > /dev/null",
      `${rename("src/lib", "src/away")}; ${rename("src/away", "src/lib")}`,
    ]) {
      expect(await run(command)).toMatchObject({
        code: 0,
        applied: [],
        refused: [],
        conflicts: [],
        stderr: "",
      });
    }
    expect(repo.manifest()).toEqual(before);
  });

  test("of what it holds out of scope nothing moves, and a folder out of scope or too large is not renamed", async () => {
    const many = Object.fromEntries(Array.from({ length: 2_001 }, (_, nth) => [`src/many/${nth}`, "m\n"]));
    const { repo, run } = await held({
      mechanism,
      forbid: ["src/lib/deep/y.ts"],
      repo: { files: { ...FILES, ...many } },
    });
    const before = repo.manifest();
    for (const folder of ["docs", "src/many"]) {
      const done = await run(rename(folder, "src/moved"));
      expect(done.stderr).toContain("EXDEV");
      expect(done).toMatchObject({ code: 1, applied: [], refused: [] });
    }
    expect(repo.manifest()).toEqual(before);
    const done = await run(rename("src/lib", "src/moved"));
    expect(done.code).toBe(3);
    expect(done.refused).toMatchObject([{ path: "src/lib/deep/y.ts", code: "forbidden" }]);
    expect([repo.read("src/lib/deep/y.ts"), repo.read("src/moved/x.ts")]).toEqual(["y\n", "x\n"]);
  });

  test("what somebody does meanwhile in a folder that is renamed stays, and is told", async () => {
    const { repo, run, shell } = await held({ mechanism });
    const going = run(`${rename("src/lib", "src/other")}; until ls docs | grep -q go; do sleep 0.1; done`);
    const upper = join(shell.policy?.work ?? "", "layer/top/upper/src/other");
    await until("the folder to be renamed", () => existsSync(upper));
    const command = join(repo.root, "src/lib");
    writeFileSync(join(command, "x.ts"), "mine\n");
    writeFileSync(join(command, "new.ts"), "mine\n");
    mkdirSync(join(command, "folder"));
    writeFileSync(join(repo.root, "docs/go"), "");
    const done = await going;
    expect(done.code).toBe(3);
    expect(names(done.conflicts)).toEqual(["src/lib/new.ts", "src/lib/x.ts"]);
    expect([repo.read("src/lib/x.ts"), repo.read("src/lib/new.ts")]).toEqual(["mine\n", "mine\n"]);
    expect([repo.exists("src/lib/deep/y.ts"), repo.read("src/other/x.ts")]).toEqual([false, "x\n"]);
  });

  test("git mv of a folder, where the task may stage", async () => {
    const { repo, run } = await held({ mechanism, rules: ["may-stage"] });
    const done = await run("git mv src/lib src/other");
    expect(done).toMatchObject({ code: 0, stderr: "" });
    expect(repo.git("status", "--short").trim().split("\n").sort()).toEqual([
      "R  src/lib/deep/y.ts -> src/other/deep/y.ts",
      "R  src/lib/x.ts -> src/other/x.ts",
    ]);
  });
});
