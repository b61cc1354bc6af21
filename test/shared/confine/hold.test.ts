import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { closing } from "../../lab/cleanup.ts";
import { holdRepo, mechanisms } from "../../lab/held.ts";
import { until } from "../../lab/process.ts";
import { changed, manifest } from "../../lab/repo.ts";

const files = {
  "README.md": "# Readme\n",
  "package.json": '{"name":"x","version":"1.0.0"}\n',
  "src/a.ts": "a\n",
  "src/b.ts": "b\n",
  "src/lib/x.ts": "x\n",
  "src/lib/y.ts": "y\n",
  "src/lib/sub/deep.ts": "deep\n",
  "src/lib/secret.ts": "secret\n",
  "docs/guide.md": "guide\n",
};
const sample = { files, ignore: ["node_modules/", "dist/", "*.log"] };
const forbid = ["src/lib/secret.ts"];

describe.each(mechanisms)("%s", (mechanism) => {
  const hold = async (more: Parameters<typeof holdRepo>[0] = {}) =>
    closing(await holdRepo({ mechanism, repo: sample, forbid, ...more }));

  test("what the task allows is applied, the rest is kept in quarantine and named", async () => {
    const held = await hold();
    const before = held.repo.manifest();
    const done = await held.run("echo 1 >> src/a.ts; echo 2 >> src/b.ts; echo n > src/lib/n.ts; echo out");
    expect(done).toMatchObject({ exitCode: 0, code: 3, stdout: "out\n" });
    expect(changed(before, held.repo.manifest())).toEqual(["src/a.ts", "src/lib/n.ts"]);
    expect(done.applied).toEqual(["src/a.ts", "src/lib/n.ts"]);
    expect(done.refused).toMatchObject([{ path: "src/b.ts", code: "out-of-scope" }]);
    expect(readFileSync(done.refused[0]?.quarantined ?? "", "utf8")).toBe("b\n2\n");
    expect(done.stderr).toContain("src/b.ts");
  });

  test("a command that writes nothing, or only in scope, ends as it would bare", async () => {
    const held = await hold();
    expect(await held.run("cat src/b.ts; exit 5")).toMatchObject({ code: 5, stdout: "b\n", stderr: "" });
    expect(await held.run("echo z > src/a.ts")).toMatchObject({ code: 0, stderr: "" });
    expect(await held.run("echo a; echo b >&2; cat < /dev/null")).toMatchObject({
      stdout: "a\n",
      stderr: "b\n",
    });
    expect((await held.run("kill -9 $$")).code).toBe(137);
    expect((await held.run("pwd", join(held.repo.root, "src"))).stdout).toBe(`${held.repo.root}/src\n`);
  });

  test.each([
    ["a file is deleted", "rm src/lib/x.ts README.md", ["src/lib/x.ts"]],
    ["a file is renamed", "mv src/lib/x.ts src/lib/z.ts", ["src/lib/x.ts", "src/lib/z.ts"]],
    [
      "a folder is replaced by a file",
      "rm -r src/lib/sub && echo f > src/lib/sub",
      ["src/lib/sub", "src/lib/sub/", "src/lib/sub/deep.ts"],
    ],
    [
      "a file is replaced by a folder",
      "rm src/lib/x.ts && mkdir src/lib/x.ts && echo q > src/lib/x.ts/q",
      ["src/lib/x.ts", "src/lib/x.ts/", "src/lib/x.ts/q"],
    ],
    [
      "a folder with something forbidden is deleted and made anew",
      "rm -r src/lib && mkdir src/lib && echo only > src/lib/only.ts",
      ["src/lib/only.ts", "src/lib/sub/", "src/lib/sub/deep.ts", "src/lib/x.ts", "src/lib/y.ts"],
    ],
    [
      "modes change",
      "chmod +x src/a.ts README.md; chmod 700 src/lib; chmod 700 docs",
      ["src/a.ts", "src/lib/"],
    ],
    ["a link is made in scope", "ln -s y.ts src/lib/l.ts; ln -s ../b.ts src/lib/out.ts", ["src/lib/l.ts"]],
    [
      "names are odd",
      "echo 1 > $'src/lib/a\\nb'; echo 3 > \"src/lib/q'\\\"\"",
      ["src/lib/a\nb", "src/lib/q'\""],
    ],
    [
      "everything goes",
      "rm -rf ./* .git",
      ["src/a.ts", "src/lib/sub/", "src/lib/sub/deep.ts", "src/lib/x.ts", "src/lib/y.ts"],
    ],
    ["what is made cannot be read", "echo s > src/lib/s; chmod 0 src/lib/s", ["src/lib/s"]],
  ])("%s", async (_, command, expected) => {
    const held = await hold();
    const before = held.repo.manifest();
    await held.run(command);
    expect(changed(before, held.repo.manifest())).toEqual(expected.sort());
  });

  test("a name need not be UTF-8", async () => {
    const held = await hold();
    await held.run("echo 2 > $'src/lib/\\xff'; echo 3 > $'docs/\\xff'");
    const at = (folder: string) => Buffer.from(`${join(held.repo.root, folder)}/\u00ff`, "latin1");
    expect(readFileSync(at("src/lib"), "utf8")).toBe("2\n");
    expect(existsSync(at("docs"))).toBe(false);
  });

  test.each([
    ["a fifo", "mkfifo src/lib/f"],
    ["a socket", "python3 -c \"import socket; socket.socket(1).bind('src/lib/s')\""],
    ["a setuid file", "cp /bin/true src/lib/t && chmod 4755 src/lib/t"],
    ["a link out of the repository", "ln -s /etc/passwd src/lib/p"],
    ["a link into .git", "ln -s ../../.git/config src/lib/g"],
    ["a link through a link", "ln -s . src/lib/here; ln -s here/../../b.ts src/lib/t"],
    ["the mode of the root", "chmod 700 ."],
  ])("%s does not come in", async (_, command) => {
    const held = await hold();
    const before = held.repo.manifest();
    const done = await held.run(command);
    expect(changed(before, held.repo.manifest()).filter((path) => path !== "src/lib/here")).toEqual([]);
    expect(done.code).not.toBe(0);
  });

  test("outside of the repository nothing changes, and tools work all the same", async () => {
    const held = await hold({ at: "work/repo" });
    const { sandbox } = held;
    const before = manifest(sandbox.home);
    const done = await held.run(
      "touch ../beside; echo h >> ~/.profile; cat ~/.profile; echo t > /tmp/handrail-t",
    );
    expect(done.stderr).toContain("Read-only file system");
    expect(done).toMatchObject({ stdout: "h\n", refused: [] });
    expect(done.stderr).toContain("~/.profile");
    expect(changed(before, manifest(sandbox.home))).toEqual([]);
    expect(existsSync(join(sandbox.dir, "work/beside")) || existsSync("/tmp/handrail-t")).toBe(false);
    const next = await held.run("cat /tmp/handrail-t ~/.profile; echo $TMPDIR; touch $TMPDIR/x; ls $TMPDIR");
    expect(next.stdout).toBe(`t\nh\n${sandbox.env.TMPDIR}\nx\n`);
    expect(existsSync(join(sandbox.env.TMPDIR ?? "", "x"))).toBe(false);
  });

  test("scratch lands and is counted; what git ignores otherwise is left out calmly", async () => {
    const held = await hold();
    const done = await held.run(
      "mkdir -p node_modules/p/.git dist; echo 1 > node_modules/p/i.js; echo e > node_modules/p/.env; echo o > dist/o.js; ln -s ../../src/b.ts node_modules/p/l",
    );
    expect(done).toMatchObject({ code: 0, refused: [], applied: [] });
    expect(done.scratch.sort()).toEqual([
      ...["dist/o.js", "node_modules/p/.env", "node_modules/p/.git/"],
      ...["node_modules/p/i.js", "node_modules/p/l"],
    ]);
    expect(held.repo.read("node_modules/p/i.js")).toBe("1\n");
    expect(await held.run("echo x >> node_modules/p/l; rm dist/o.js")).toMatchObject({ code: 3 });
    expect(held.repo.read("src/b.ts")).toBe("b\n");
    expect(held.repo.exists("dist/o.js")).toBe(false);
    const log = await held.run("echo l > debug.log");
    expect(log).toMatchObject({ code: 0, refused: [{ path: "debug.log" }] });
    expect(log.stderr).toContain("debug.log");
  });

  test("background processes end with the command, and this is said", async () => {
    const held = await hold();
    const done = await held.run("(sleep 30; echo late > src/a.ts) & setsid -f sleep 30; echo started");
    expect(done).toMatchObject({ code: 0, stdout: "started\n" });
    expect(done.stderr).toContain("background");
    expect(done.durationMs).toBeLessThan(20_000);
    expect((await held.run("sleep 0.01 & wait")).stderr).toBe("");
  });

  test("secrets and state are out of sight", async () => {
    const held = await hold({
      env: () => ({ OPENCODE_SERVER_PASSWORD: "s3cret", HANDRAIL_CALLBACK_TOKEN: "t0ken" }),
    });
    const done = await held.run(
      "env; cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'; find $HOME/../state -name policy.json; ls -a $HOME/../state/runs",
    );
    expect(done.stdout).not.toMatch(/s3cret|t0ken|HANDRAIL_STATE_DIR|policy\.json/);
    expect(done.stdout).toContain("HOME=");
  });

  test("a file that somebody else changes meanwhile is left as it is", async () => {
    const held = await hold();
    const { repo } = held;
    const running = held.run("echo mine >> src/a.ts; echo mine >> src/lib/x.ts; rm src/lib/y.ts; sleep 3");
    const upper = join(held.shell.policy?.work ?? "", "layer/top/upper/src/lib/y.ts");
    await until("the command to have written", () => existsSync(upper));
    repo.write("src/a.ts", "theirs\n");
    repo.write("src/lib/y.ts", "theirs too\n");
    const done = await running;
    expect(done.conflicts.sort()).toEqual(["src/a.ts", "src/lib/y.ts"]);
    expect([repo.read("src/a.ts"), repo.read("src/lib/y.ts")]).toEqual(["theirs\n", "theirs too\n"]);
    expect(repo.read("src/lib/x.ts")).toBe("x\nmine\n");
    expect(done.code).toBe(3);
    expect(done.stderr).toContain("somebody else changed it");
  });
});
