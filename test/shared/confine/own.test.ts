import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { ownPlaces } from "../../../shared/confine/own.ts";
import type { Policy } from "../../../shared/confine/policy.ts";
import { applier } from "../../lab/applier.ts";
import { closing } from "../../lab/cleanup.ts";
import { holdRepo, mechanisms } from "../../lab/held.ts";
import type { Sandbox } from "../../lab/sandbox.ts";

// What runs unconfined when a command's changes are applied must not be for a command to write.

const PACKAGE = "repo/node_modules/opencode-handrail";

/** Handrail as a development dependency of the repository that it holds commands in. */
function installed({ dir }: Sandbox): Policy["applier"] {
  const { command, environment } = applier();
  const file = join(dir, PACKAGE, "claude-hooks/dist/opencode-plugin/shell.cjs");
  mkdirSync(dirname(file), { recursive: true });
  copyFileSync(command[1] ?? "", file);
  return { command: [command[0] ?? "", file], environment };
}

test("the package or the build that a program lies in is Handrail's own, as far as it is in the tree", () => {
  const known = ownPlaces("/usr", ["/usr/bin/env", "/etc/passwd", "--require", "/usr/nosuch"]);
  expect(known).toEqual(["bin"]);
});

describe.each(mechanisms)("%s", (mechanism) => {
  const repo = {
    files: { "src/a.ts": "a\n", "src/b.ts": "b\n", "src/lib/x.ts": "x\n" },
    ignore: ["node_modules/"],
  };

  test("a Handrail that is installed in the repository cannot be changed by a command", async () => {
    const held = closing(await holdRepo({ mechanism, repo, applier: installed }));
    const { repo: tree, sandbox } = held;
    const file = "node_modules/opencode-handrail/claude-hooks/dist/opencode-plugin/shell.cjs";
    const before = tree.read(file);
    const evil = `import { writeFileSync } from "node:fs"; writeFileSync("${sandbox.dir}/loot", "x");`;
    for (const [index, attempt] of [
      `echo '${evil}' > ${file}`,
      `echo '${evil}' > /tmp/evil.mjs; mv /tmp/evil.mjs ${file}`,
      "rm -rf node_modules",
      `rm -rf node_modules/opencode-handrail; ln -s /tmp/e node_modules/opencode-handrail`,
      `echo new > node_modules/opencode-handrail/new.js; chmod 000 ${file}`,
    ].entries()) {
      const done = await held.run(
        `${attempt}; mkdir -p node_modules/other; echo ${index} > node_modules/other/f`,
      );
      expect(done.code, attempt).toBe(3);
      expect(
        done.refused.map(({ code }) => code),
        attempt,
      ).toContain("control-file");
      expect(done.stderr, attempt).toContain("Handrail itself runs it");
      expect(tree.read(file), attempt).toBe(before);
      // What else lies in scratch comes in all the same.
      expect(done.scratch, attempt).toContain("node_modules/other/f");
      expect(tree.read("node_modules/other/f")).toBe(`${index}\n`);
    }
    expect(await held.run("echo 1 > src/a.ts")).toMatchObject({ code: 0, applied: ["src/a.ts"] });
    expect(existsSync(join(sandbox.dir, "loot"))).toBe(false);
    // Written anew with the same bytes (`npm ci`) it is as it was.
    const same = `cp -a node_modules /tmp/nm && rm -rf node_modules && cp -a /tmp/nm node_modules`;
    expect(await held.run(same)).toMatchObject({ code: 0, refused: [] });
  });

  test("what the environment has loaded first is for the command, not for what applies its changes", async () => {
    const held = closing(
      await holdRepo({
        mechanism,
        repo: {
          files: {
            ...repo.files,
            "src/lib/first.cjs": 'require("node:fs").appendFileSync(process.env.LOOT, "node ");\n',
            "src/lib/first.sh": 'echo bash >> "$LOOT"\n',
          },
        },
        env: ({ dir }) => ({ LOOT: join(dir, "repo/src/lib/loot") }),
      }),
    );
    const { root } = held.repo;
    const start = (env: NodeJS.ProcessEnv, command: string) =>
      spawnSync(held.shell.shellPath, ["-c", command], {
        cwd: root,
        // With SHLVL bash takes a socket as its input (Node's own pipes) for no network daemon's: bash(1).
        env: { ...process.env, SHLVL: "2", ...env },
        encoding: "utf8",
        // One more descriptor than the shell has names for.
        stdio: [...Array.from({ length: 10 }, () => "pipe" as const), "pipe"],
      });
    // Relative names, too: they are meant from the command's folder.
    for (const file of ["./src/lib/first.cjs", join(root, "src/lib/first.cjs")]) {
      const done = start({ NODE_OPTIONS: `--require ${file}` }, "echo 1 >> src/a.ts");
      expect([done.status, done.stderr]).toEqual([0, ""]);
    }
    expect(start({ BASH_ENV: join(root, "src/lib/first.sh") }, "echo 1 >> src/a.ts").status).toBe(0);
    // In the command itself it was loaded, and once.
    expect(readFileSync(join(root, "src/lib/loot"), "utf8")).toBe("bash\n");
    expect(held.repo.read("src/a.ts")).toBe("a\n1\n1\n1\n");
    writeFileSync(join(root, "src/lib/loot"), "");
    start({ NODE_OPTIONS: "--require ./src/lib/first.cjs" }, "node -e 0");
    expect(held.repo.read("src/lib/loot")).toBe("node ");
  });
});
