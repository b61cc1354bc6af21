import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { projectRoot } from "../../../lab/process.ts";
import { place } from "../../../shared/tree/fixture.ts";
import { handrail } from "../handrail.ts";

const run = handrail();

/** A PATH with git and Node, and of the two hosts only what is named. */
function pathWith(dir: string, ...hosts: string[]): string {
  const bin = join(dir, `bin-${hosts.join("-")}`);
  mkdirSync(bin, { recursive: true });
  for (const host of hosts) symlinkSync(join(projectRoot, "node_modules/.bin", host), join(bin, host));
  return [bin, dirname(process.execPath), "/usr/bin", "/bin"]
    .filter(
      (folder) => folder === bin || !["opencode", "claude"].some((name) => existsSync(join(folder, name))),
    )
    .join(":");
}

test("without opencode or claude on PATH: said by name, with the fix, by run, serve and doctor", () => {
  const here = place();
  const repo = here.repo({ "src/a.ts": "a\n" });
  const task = "opencode_tasks/20261121-a.txt";
  mkdirSync(join(repo.root, "opencode_tasks"));
  writeFileSync(join(repo.root, task), "Change a\n\nFiles to modify:\n- src/a.ts\n");
  // OpenCode makes a folder of its own where temporary files go.
  const TMPDIR = here.dir;
  const env = { PATH: pathWith(here.dir, "claude"), TMPDIR };
  for (const args of [
    ["run", task],
    ["run", task, "--lane", "serve"],
    ["serve", "start"],
  ]) {
    const without = run(repo.root, [...args, "--json"], env);
    expect([args, without.code, without.json.error]).toEqual([
      args,
      5,
      {
        code: "opencode-missing",
        message: expect.stringContaining("`opencode`"),
        fix: expect.stringContaining("npm install"),
      },
    ]);
  }
  expect(run(repo.root, ["runs", "--json"], env).json.runs ?? []).toEqual([]);

  const NAMES = { opencode: "problem", claude: "warning" };
  for (const [missing, status] of Object.entries(NAMES)) {
    const others = Object.keys(NAMES).filter((name) => name !== missing);
    const { parts } = run(repo.root, ["doctor", "--json"], {
      PATH: pathWith(join(here.dir, missing), ...others),
      TMPDIR,
    }).json;
    const told = parts.find((part: { name: string }) => part.name === missing);
    expect(told).toMatchObject({ status, fix: expect.stringContaining("npm install") });
  }
});
