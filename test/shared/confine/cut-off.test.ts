import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { readCommands } from "../../../shared/confine/commands.ts";
import { finishOpen } from "../../../shared/confine/open.ts";
import { closing } from "../../lab/cleanup.ts";
import { type HeldRepo, holdRepo, mechanisms } from "../../lab/held.ts";
import { killGroup, processesMentioning, until } from "../../lab/process.ts";

const COUNT = 60;
const paths = Array.from({ length: COUNT }, (_, number) => `src/lib/f${number}.txt`);
const old = (path: string) => `old ${path}\n`.repeat(2000);
const renewed = (path: string) => old(path).replaceAll("old", "new");
const sample = {
  files: {
    "src/a.ts": "a\n",
    "src/b.ts": "b\n",
    ...Object.fromEntries(paths.map((path) => [path, old(path)])),
  },
};

describe.each(mechanisms)("%s", (mechanism) => {
  const hold = async () => closing(await holdRepo({ mechanism, repo: sample }));

  /** The shell as OpenCode starts it: a process group of its own. */
  function start(held: HeldRepo, command: string): { child: ChildProcess; ended: Promise<number | null> } {
    const child = spawn(held.shell.shellPath, ["-c", command], {
      cwd: held.repo.root,
      stdio: "ignore",
      detached: true,
    });
    return { child, ended: new Promise((resolve) => child.on("close", (code) => resolve(code))) };
  }
  const written = (held: HeldRepo, path: string) =>
    until(`${path} in the layer`, () =>
      existsSync(join(held.shell.policy?.work ?? "", "layer/top/upper", path)),
    );
  const runningIn = (held: HeldRepo) =>
    (processesMentioning(held.sandbox.dir) ?? []).filter((line) => line.includes("sleep 97"));

  test("asked to end, a command ends, and what it wrote in scope is applied", async () => {
    const held = await hold();
    const { child, ended } = start(
      held,
      "echo 1 >> src/a.ts; echo 1 >> src/b.ts; echo 1 > src/lib/n; sleep 97",
    );
    await written(held, "src/lib/n");
    killGroup(child, "SIGTERM");
    expect(await ended).toBe(143);
    expect(held.repo.read("src/a.ts")).toBe("a\n1\n");
    expect(held.repo.read("src/b.ts")).toBe("b\n");
    expect(runningIn(held)).toEqual([]);
  });

  test("the signal may reach the shell alone, and the command may ignore it", async () => {
    const held = await hold();
    const { child, ended } = start(held, "trap '' TERM; echo 1 >> src/a.ts; echo 1 > src/lib/n; sleep 97");
    await written(held, "src/lib/n");
    child.kill("SIGTERM");
    await ended;
    expect(held.repo.read("src/a.ts")).toBe("a\n1\n");
    expect(runningIn(held)).toEqual([]);
  });

  test("killed, everything it started ends, and whoever comes next applies what it wrote", async () => {
    const held = await hold();
    const command = "echo 1 >> src/a.ts; setsid sleep 97 & echo 1 > src/lib/n; sleep 97; echo 2 >> src/a.ts";
    const { child, ended } = start(held, command);
    await written(held, "src/lib/n");
    child.kill("SIGKILL");
    await ended;
    await until("its processes to end", () => runningIn(held).length === 0, 5000);
    expect(held.repo.read("src/a.ts")).toBe("a\n");
    const next = await held.run("cat src/a.ts; echo 3 > src/lib/m");
    expect(next).toMatchObject({ stdout: "a\n1\n", applied: ["src/lib/m"] });
    expect(readCommands(join(held.runDir, "commands.jsonl"))[0]).toMatchObject({
      exitCode: null,
      applied: ["src/a.ts", "src/lib/n"],
    });
  });

  test("killed while its changes are applied, every file is old or new, and the rest follows", async () => {
    for (const wait of [0, 15, 30, 60, 120]) {
      const held = await holdRepo({ mechanism, repo: sample });
      const { child, ended } = start(
        held,
        "sed -i s/old/new/ src/lib/*.txt; echo 1 >> src/b.ts; rm src/a.ts",
      );
      const cut = join(held.shell.policy?.work ?? "", "cut");
      await until("the applying to begin", () => existsSync(cut) && readdirSync(cut).length > 0);
      await sleep(wait);
      killGroup(child, "SIGKILL");
      await ended;
      for (const path of paths) expect([old(path), renewed(path)]).toContain(held.repo.read(path));
      expect(await finishOpen(held.runDir)).toBe(true);
      for (const path of paths) expect(held.repo.read(path)).toBe(renewed(path));
      expect(held.repo.exists("src/a.ts")).toBe(false);
      expect(held.repo.read("src/b.ts")).toBe("b\n");
      expect(readdirSync(join(held.repo.root, "src/lib")).filter((name) => name.startsWith("."))).toEqual([]);
      const refused = readCommands(join(held.runDir, "commands.jsonl")).flatMap((one) => one.refused);
      expect(readFileSync(refused[0]?.quarantined ?? "", "utf8")).toBe("b\n1\n");
      await held.close();
    }
  });

  test("commands of one working tree wait for each other", async () => {
    const held = await hold();
    const add = "n=$(cat src/lib/n 2>/dev/null || echo 0); sleep 0.1; echo $((n + 1)) > src/lib/n";
    await Promise.all([held.run(add), held.run(add), held.run(add)]);
    expect(held.repo.read("src/lib/n")).toBe("3\n");
  });
});
