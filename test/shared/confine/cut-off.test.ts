import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { readCommands } from "../../../shared/confine/commands.ts";
import { finishOpen } from "../../../shared/confine/open.ts";
import type { Policy } from "../../../shared/confine/policy.ts";
import { pathsChangedBy, readJournal } from "../../../shared/tree/journal.ts";
import { applier } from "../../lab/applier.ts";
import { closing } from "../../lab/cleanup.ts";
import { type HeldRepo, holdRepo, mechanisms } from "../../lab/held.ts";
import { killGroup, processesMentioning, until } from "../../lab/process.ts";
import { changed, type Manifest } from "../../lab/repo.ts";
import type { Sandbox } from "../../lab/sandbox.ts";

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

/** How many steps of the applying lie between two tries; 1 takes minutes on a busy machine. */
const STRIDE = Number(process.env.HANDRAIL_CUT_STRIDE ?? 4);

/** A layer with one of each kind of change. */
const steps = {
  files: Object.fromEntries(
    [
      "src/a.ts",
      "src/b.ts",
      ...["f", "g", "x", "m", "old/p", "old/q/r"].map((name) => `src/lib/${name}`),
    ].map((path) => [path, `${path.slice(4, 5)}\n`]),
  ),
  ignore: ["node_modules/"],
};
const STEPS = [
  "sed -i s/l/new/ src/lib/f; echo more >> src/lib/g; rm src/a.ts; chmod 755 src/lib/m",
  "mkdir -p src/lib/new/d; echo n > src/lib/new/d/n; chmod 750 src/lib/new; ln -s f src/lib/link",
  "rm -r src/lib/old; echo file > src/lib/old; rm src/lib/x; mkdir src/lib/x; echo in > src/lib/x/in",
  "mkdir -p node_modules/p/q; echo s > node_modules/p/q/s; echo refused >> src/b.ts; git config a.b c",
].join("\n");
const STEPPED = [
  ...["node_modules/", "node_modules/p/", "node_modules/p/q/", "node_modules/p/q/s", "src/a.ts"],
  ...["src/lib/f", "src/lib/g", "src/lib/link", "src/lib/m", "src/lib/new/", "src/lib/new/d/"],
  ...["src/lib/new/d/n", "src/lib/old", "src/lib/old/", "src/lib/old/p", "src/lib/old/q/", "src/lib/old/q/r"],
  ...["src/lib/x", "src/lib/x/", "src/lib/x/in"],
];

/** An applier that is killed before one of its calls that change something: the one that `die-at` counts to. */
function mortal({ dir }: Sandbox): Policy["applier"] {
  const file = join(dir, "mortal.cjs");
  const calls = [
    "appendFile",
    "chmod",
    "chown",
    "copyFile",
    "link",
    "mkdir",
    "open",
    "rename",
    "rm",
    "rmdir",
  ];
  const names = [...calls, "symlink", "unlink", "utimes", "writeFile"].map((name) => `${name}Sync`);
  writeFileSync(
    file,
    `const fs = require("node:fs");
const at = ${JSON.stringify(join(dir, "die-at"))};
if (fs.existsSync(at)) {
  let left = Number(fs.readFileSync(at, "utf8"));
  fs.rmSync(at);
  for (const name of ${JSON.stringify(names)}) {
    const real = fs[name];
    fs[name] = (...args) => {
      if (left-- <= 0) process.kill(process.pid, "SIGKILL");
      return real(...args);
    };
  }
  require("node:module").syncBuiltinESMExports();
}
`,
  );
  const { command, environment } = applier();
  return { command: [command[0] ?? "", "--require", file, ...command.slice(1)], environment };
}

/** An applier beside which somebody works: as soon as it has put its first file into the tree. */
function crowded({ dir }: Sandbox): Policy["applier"] {
  const file = join(dir, "crowded.cjs");
  writeFileSync(
    file,
    `const fs = require("node:fs");
const real = fs.renameSync;
fs.renameSync = (from, to) => {
  real(from, to);
  if (!/\\.handrail-/.test(from)) return;
  fs.renameSync = real;
  require("node:module").syncBuiltinESMExports();
  for (const name of ["changed", "deleted", "made"]) fs.writeFileSync(${JSON.stringify(dir)} + "/repo/src/lib/" + name, "theirs\\n");
};
require("node:module").syncBuiltinESMExports();
`,
  );
  const { command, environment } = applier();
  return { command: [command[0] ?? "", "--require", file, ...command.slice(1)], environment };
}

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

  test("killed before any step of the applying, no file is half, and the next one finishes it", async () => {
    const held = closing(await holdRepo({ mechanism, repo: steps, applier: mortal }));
    const { repo, sandbox } = held;
    const before = repo.manifest();
    const kept = join(sandbox.dir, "kept");
    execFileSync("cp", ["-a", repo.root, kept]);
    let wanted: Manifest | undefined;
    let known = 0;
    for (let step = 0; ; step += step === 0 ? 1 : STRIDE) {
      // The first time nothing is cut off: that is what the others have to come to.
      if (wanted) writeFileSync(join(sandbox.dir, "die-at"), String(step - 1));
      const { code } = await held.run(STEPS);
      const after = repo.manifest();
      if (!wanted) {
        expect(code).toBe(3);
        expect(changed(before, after)).toEqual(STEPPED);
        wanted = after;
      } else {
        for (const [path, entry] of Object.entries(after)) {
          // Folders get their mode last; a temporary file is not in anybody's way.
          if (path.endsWith("/") || /(^|\/)\.handrail-[0-9a-f]{16}$/.test(path)) continue;
          expect([before[path], wanted[path]], `step ${step}: ${path}`).toContain(entry);
        }
        expect(await finishOpen(held.runDir), `step ${step}`).toBe(true);
        expect(changed(wanted, repo.manifest()), `step ${step}`).toEqual([]);
      }
      const records = readCommands(join(held.runDir, "commands.jsonl")).slice(known);
      known += records.length;
      const refused = records.flatMap((one) => one.refused).find((one) => one.path === "src/b.ts");
      expect(readFileSync(refused?.quarantined ?? "", "utf8"), `step ${step}`).toBe("b\nrefused\n");
      if (step > 1 && code !== 137) break;
      for (const name of ["src", "node_modules"])
        rmSync(join(repo.root, name), { recursive: true, force: true });
      execFileSync("cp", ["-a", join(kept, "src"), join(repo.root, "src")]);
    }
  }, 300_000);

  test("what somebody changes while changes are applied stays theirs, and the rest comes in", async () => {
    const repo = {
      files: Object.fromEntries(
        ["src/a.ts", "src/lib/changed", "src/lib/deleted", "src/lib/z"].map((path) => [path, "old\n"]),
      ),
    };
    const held = closing(await holdRepo({ mechanism, repo, applier: crowded }));
    const done = await held.run(
      "for f in src/a.ts src/lib/changed src/lib/made src/lib/z; do echo mine > $f; done; rm src/lib/deleted",
    );
    expect(done).toMatchObject({ code: 3, applied: ["src/a.ts", "src/lib/z"] });
    expect(done.conflicts.sort()).toEqual(["src/lib/changed", "src/lib/deleted", "src/lib/made"]);
    expect(done.stderr).toContain('"src/lib/changed": somebody else changed it meanwhile');
    for (const name of ["changed", "deleted", "made"]) {
      expect(held.repo.read(`src/lib/${name}`), name).toBe("theirs\n");
    }
    expect(held.repo.read("src/lib/z")).toBe("mine\n");
    const kept = readdirSync(join(held.runDir, "quarantine/files"));
    expect(kept.map((name) => readFileSync(join(held.runDir, "quarantine/files", name), "utf8"))).toEqual([
      "mine\n",
    ]);
    // Theirs is not taken for the command's.
    expect([...pathsChangedBy(readJournal(held.runDir))].sort()).toEqual(["src/a.ts", "src/lib/z"]);
  });

  test("commands of one working tree wait for each other", async () => {
    const held = await hold();
    const add = "n=$(cat src/lib/n 2>/dev/null || echo 0); sleep 0.1; echo $((n + 1)) > src/lib/n";
    await Promise.all([held.run(add), held.run(add), held.run(add)]);
    expect(held.repo.read("src/lib/n")).toBe("3\n");
  });
});
