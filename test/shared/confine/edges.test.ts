import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadedOutside } from "../../../shared/tree/outside.ts";
import { closing } from "../../lab/cleanup.ts";
import { holdRepo, mechanisms } from "../../lab/held.ts";
import { until } from "../../lab/process.ts";
import { changed, manifest } from "../../lab/repo.ts";

/** Else bash takes a socket as its input (Node's own pipes) for a network daemon's, and reads no BASH_ENV: bash(1). */
const NO_DAEMON = { SHLVL: "2" };

describe.each(mechanisms)("%s", (mechanism) => {
  test("caches that the environment names elsewhere are writable for the run, and stay as they are", async () => {
    const held = closing(
      await holdRepo({
        mechanism,
        at: "work/repo",
        env({ dir }) {
          const cargo = join(dir, "work", "cargo home");
          const go = join(dir, "work", "go");
          for (const folder of [cargo, go]) mkdirSync(folder, { recursive: true });
          writeFileSync(join(go, "old"), "old\n");
          return { CARGO_HOME: cargo, GOPATH: go };
        },
      }),
    );
    const go = join(held.sandbox.dir, "work", "go");
    const done = await held.run('echo new > "$GOPATH/old"; echo x > "$GOPATH/new"; cat "$GOPATH/old"');
    expect(done).toMatchObject({ code: 0, stdout: "new\n", stderr: "" });
    expect((await held.run('cat "$GOPATH/new"')).stdout).toBe("x\n");
    expect(readFileSync(join(go, "old"), "utf8")).toBe("old\n");
    expect(existsSync(join(go, "new"))).toBe(false);
  });

  test("a forbidden name does not keep tools from filling scratch, unless scratch itself is forbidden", async () => {
    const repo = { files: { "package.json": "{}\n", "src/a.ts": "a\n" }, ignore: ["node_modules/", "dist/"] };
    const held = closing(await holdRepo({ mechanism, repo, forbid: ["package.json", "dist"] }));
    const done = await held.run(
      "mkdir -p node_modules/p dist; for f in node_modules/p/package.json dist/o.js package.json; do echo n > $f; done",
    );
    expect(done.scratch).toEqual(["node_modules/p/package.json"]);
    expect(done.refused.map((one) => one.path).sort()).toEqual(["dist/", "dist/o.js", "package.json"]);
    expect(held.repo.read("node_modules/p/package.json")).toBe("n\n");
    expect(held.repo.read("package.json")).toBe("{}\n");
    expect(held.repo.exists("dist")).toBe(false);
  });

  test("a whole .git made anew is seen for what it is", async () => {
    const held = closing(await holdRepo({ mechanism }));
    const before = held.repo.manifest();
    const done = await held.run("rm -rf .git && git init -q && echo x > src/a.ts");
    expect(done.code).toBe(3);
    expect(done.refused.map((one) => one.path)).toContain(".git/refs/heads/main");
    held.repo.write("src/a.ts", "export const a = 1;\n");
    expect(held.repo.manifest()).toEqual(before);
  });

  test("what a command sends to its process group, or to everything, stays with it", async () => {
    const held = closing(await holdRepo({ mechanism }));
    for (const [command, code] of [
      ["kill -9 0", 137],
      ["kill -TERM 0", 143],
    ] as const) {
      const done = await held.run(`echo '${command}' > src/a.ts; echo x > src/b.ts; ${command}`);
      expect(done).toMatchObject({ exitCode: code, applied: ["src/a.ts"] });
      expect(held.repo.read("src/a.ts")).toBe(`${command}\n`);
      expect(done.stderr).toContain("src/b.ts");
    }
  });

  test("what the environment makes programs load is loaded by the command alone", async () => {
    const held = closing(
      await holdRepo({
        mechanism,
        repo: { files: { "src/a.ts": "a\n", "src/b.ts": "b\n" } },
        env: ({ dir }) => ({
          NODE_OPTIONS: `--require ${dir}/repo/src/lib/load.cjs`,
          NODE_V8_COVERAGE: `${dir}/repo/coverage`,
          BASH_ENV: `${dir}/repo/src/lib/load.sh`,
          ...NO_DAEMON,
          LD_LIBRARY_PATH: `${dir}/repo/src/lib`,
          LD_PRELOAD: `${dir}/repo/src/lib/load.so`,
        }),
      }),
    );
    const { root } = held.repo;
    const mark = (name: string) => `${root}/src/b-${name}.ts`;
    const c = `#include <fcntl.h>\n__attribute__((constructor)) void f(void) { creat("${mark("so")}", 0644); }\n`;
    held.repo.write("src/lib/load.c", c);
    held.repo.write("src/lib/load.cjs", `require("fs").writeFileSync(${JSON.stringify(mark("cjs"))}, "");\n`);
    held.repo.write("src/lib/load.sh", `touch ${mark("sh")}\n`);
    const built = spawnSync("cc", ["-shared", "-fPIC", "-o", "src/lib/load.so", "src/lib/load.c"], {
      cwd: root,
    });
    if (built.status !== 0) console.log("no library is tried: there is no C compiler");
    const env: NodeJS.ProcessEnv = { ...process.env, ...loadedOutside(root, process.env) };
    const stdio: ("ignore" | "pipe")[] = [...Array<"ignore">(10).fill("ignore"), "pipe"];
    const spared = spawnSync(held.shell.shellPath, ["-c", "echo x > src/a.ts"], { cwd: root, env, stdio });
    expect(spared.status).toBe(3);
    const done = await held.run("node -e 0; echo y >> src/a.ts");
    expect(held.repo.read("src/a.ts")).toBe("x\ny\n");
    const refused = done.refused.map(({ path }) => path).filter((path) => path.startsWith("src/"));
    expect(refused).toEqual(["src/b-cjs.ts", "src/b-sh.ts"]);
    expect(existsSync(join(root, "coverage"))).toBe(false);
    expect(["cjs", "sh", "so"].filter((name) => existsSync(mark(name)))).toEqual([]);
  });

  test("programs of the same name in PATH are not what holds the command", async () => {
    const held = closing(
      await holdRepo({
        mechanism,
        repo: { files: { "src/a.ts": "a\n", "src/b.ts": "b\n" }, ignore: ["node_modules/"] },
      }),
    );
    const folder = join(held.repo.root, "node_modules/.bin");
    const names = ["cat", "sleep", "kill", "env", "flock", "setsid", "tar", "find", "mount", "bash", "sh"];
    const plant = `mkdir -p ${folder}; for n in ${names.join(" ")}; do printf '#!/bin/sh\\necho $0 >> ${held.repo.root}/src/b.ts\\nexec /usr/bin/%s "$@"\\n' $n > ${folder}/$n; chmod +x ${folder}/$n; done`;
    expect((await held.run(plant)).scratch).toHaveLength(names.length);
    const { repo, shell } = held;
    // Standard input that is a file of the repository goes another way.
    const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` };
    const line = `exec ${shell.shellPath} -c 'read x; echo $x > src/a.ts' < ${repo.root}/src/b.ts`;
    // Inside, the planted ones run, and what they write is refused.
    expect(spawnSync("/bin/sh", ["-c", line], { cwd: repo.root, env }).status).toBe(3);
    expect([repo.read("src/a.ts"), repo.read("src/b.ts")]).toEqual(["b\n", "b\n"]);
  });

  test("what cannot be put in its place leaves nothing behind beside it", async () => {
    const held = closing(
      await holdRepo({
        mechanism,
        repo: { files: { "src/a.ts": "a\n", "src/lib/x.ts": "x\n" } },
        allow: ["src/*"],
      }),
    );
    const before = held.repo.manifest();
    for (const made of ["echo f > src/lib", "ln -s a.ts src/lib"]) {
      const done = await held.run(`rm -r src/lib; ${made}`);
      expect(done).toMatchObject({ code: 3, conflicts: ["src/lib"] });
      expect(held.repo.manifest(), made).toEqual(before);
    }
    const twin = await held.run(
      "mkdir src/new; rmdir src/new; echo f > src/new; rm src/a.ts; ln -s new src/a.ts",
    );
    expect(twin).toMatchObject({ code: 0, applied: ["src/a.ts", "src/new"] });
  });

  test("a quarantined file that has another name in scratch is a copy of its own", async () => {
    const repo = { files: { "src/a.ts": "a\n", "src/b.ts": "b\n" }, ignore: ["node_modules/"] };
    const held = closing(await holdRepo({ mechanism, repo }));
    const done = await held.run(
      "mkdir -p node_modules/p/q; echo new > src/b.ts; ln src/b.ts node_modules/p/q/f; chmod 755 src/b.ts",
    );
    expect(done).toMatchObject({ code: 3, refused: [{ path: "src/b.ts" }] });
    const file = join(held.repo.root, "node_modules/p/q/f");
    expect(statSync(file).mode & 0o777).toBe(0o755);
    writeFileSync(file, "later\n");
    expect(readFileSync(done.refused[0]?.quarantined ?? "", "utf8")).toBe("new\n");
  });

  test("a file beside a repository that lies in a folder of caches does not vanish without a word", async () => {
    const held = closing(await holdRepo({ mechanism, at: "home/go/src/repo" }));
    const { home } = held.sandbox;
    mkdirSync(join(home, "go/src/other"), { recursive: true });
    const done = await held.run("echo x > ../other/f; cat ../other/f");
    expect(done.stdout).toBe("x\n");
    expect(done.stderr).toContain("~/go");
    expect(existsSync(join(home, "go/src/other/f"))).toBe(false);
    expect((await held.run("mkdir -p ~/.cache/x; echo x > ~/.cache/x/f")).stderr).toBe("");
  });

  test("an output that no string can hold is cut to its end, and this is said", async () => {
    const held = closing(await holdRepo({ mechanism }));
    const done = await held.run("yes | head -c 600000000; echo end; echo 1 > src/a.ts");
    expect(done).toMatchObject({ code: 0, applied: ["src/a.ts"] });
    expect(done.stdout.endsWith("y\nend\n")).toBe(true);
    expect(done.stdout.length).toBeLessThan(80 * 1024 ** 2);
    expect(done.stderr).toContain("the last 64 MiB");
  }, 60_000);

  test("a newer file with the same bytes is newer for the next command, too: builds go by it", async () => {
    const repo = {
      files: {
        Makefile: "build/stamp: src/a.ts\n\t@echo made\n\t@touch build/stamp\n",
        ...{ "src/a.ts": "a\n", "src/b.ts": "b\n" },
      },
      ignore: ["build/"],
      ignored: { "build/stamp": "" },
    };
    const held = closing(await holdRepo({ mechanism, repo }));
    const at = (path: string) => join(held.repo.root, path);
    const then = new Date("2020-01-01");
    for (const path of ["build/stamp", "src/b.ts"]) utimesSync(at(path), then, then);
    const made = await held.run("make; touch src/b.ts");
    expect(made).toMatchObject({ code: 0, stdout: "made\n", stderr: "", applied: [], refused: [] });
    expect((await held.run("make")).stdout).toContain("up to date");
    expect(statSync(at("src/b.ts")).mtime).toEqual(then);
    await held.run("touch src/a.ts");
    expect((await held.run("make")).stdout).toBe("made\n");
    expect(held.repo.git("status", "--short")).toBe("");
  });

  test("what was written into a folder in place of a link does not land where the link leads", async () => {
    const held = closing(
      await holdRepo({
        mechanism,
        repo: {
          files: { "src/a.ts": "a\n", "src/lib/x.ts": "x\n", "docs/g.md": "g\n" },
          links: { "src/lib/docs": "../../docs", "src/lib/sub/f": "../../../docs/g.md" },
          ignore: ["node_modules"],
        },
        rules: ["no-delete"],
        arrange(repo, { dir }) {
          // As one has it in a second working tree.
          mkdirSync(join(dir, "shared"));
          writeFileSync(join(dir, "shared/f"), "shared\n");
          symlinkSync(join(dir, "shared"), join(repo.root, "node_modules"));
          return undefined;
        },
      }),
    );
    const shared = join(held.sandbox.dir, "shared");
    const before = [held.repo.manifest(), manifest(shared)];
    for (const [folder, words] of [
      ["src/lib/docs", "a link is in the way"],
      ["src/lib/sub/f", "a link is in the way"],
      ["node_modules", "not in the scope of this task"],
    ]) {
      const done = await held.run(
        `rm ${folder}; mkdir -p ${folder}/new/er; for f in g.md f new/n new/er/n; do echo evil > ${folder}/$f; done; chmod 700 ${folder}`,
      );
      expect(done.code, folder).toBe(3);
      expect(done.applied, folder).toEqual([]);
      expect([held.repo.manifest(), manifest(shared)], folder).toEqual(before);
      expect(done.stderr, folder).toContain(words);
    }
    // A link that may go makes room.
    const free = closing(
      await holdRepo({
        mechanism,
        repo: { files: { "src/a.ts": "a\n", "docs/g.md": "g\n" }, links: { "src/lib/docs": "../../docs" } },
      }),
    );
    const done = await free.run("rm src/lib/docs; mkdir src/lib/docs; echo mine > src/lib/docs/g.md");
    expect(done).toMatchObject({ code: 0, refused: [], conflicts: [] });
    expect([free.repo.read("src/lib/docs/g.md"), free.repo.read("docs/g.md")]).toEqual(["mine\n", "g\n"]);
  });

  test.each([
    ["is made anew", "rm -r src/lib; mkdir src/lib; echo n > src/lib/n", ["src/lib/n", "src/lib/x.ts"]],
    [
      "is renamed in",
      `node -e 'require("fs").renameSync("src/lib/d", "src/lib/e")' src/lib`,
      ["src/lib/d/", "src/lib/d/f", "src/lib/e/", "src/lib/e/f"],
    ],
  ])(
    "a folder that somebody moves, while a command runs, to where it %s stays",
    async (_, command, expected) => {
      const files = {
        "src/lib/x.ts": "x\n",
        "src/lib/d/f": "f\n",
        "mine/old": "old\n",
        "mine/d/old": "old\n",
      };
      const held = closing(await holdRepo({ mechanism, repo: { files } }));
      const { root } = held.repo;
      const before = held.repo.manifest();
      const begun = join(held.shell.policy?.work ?? "", "layer/top/upper/src/lib/begun");
      const running = held.run(`${command}; echo 1 > src/lib/begun; sleep 2`);
      await until("the command to have written", () => existsSync(begun));
      renameSync(join(root, "mine"), join(root, "src/lib/mine"));
      const done = await running;
      const mine = ["old", "d/old"].map((name) => `src/lib/mine/${name}`);
      expect(done.conflicts).toEqual(expect.arrayContaining(mine));
      expect(done.code).toBe(3);
      for (const path of mine) expect(held.repo.read(path)).toBe("old\n");
      const after = changed(before, held.repo.manifest()).filter((path) => !path.includes("mine"));
      expect(after).toEqual(expect.arrayContaining([...expected, "src/lib/begun"]));
    },
  );
});
