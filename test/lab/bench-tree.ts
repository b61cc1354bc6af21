/**
 * What a baseline and an audit cost beside git's own work on the same tree (node build.mjs bench-tree, then
 * node .build/bench-tree.mjs [files]). Each figure is the median of alternating runs; only the ratios mean
 * something on another machine.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { captureBaseline } from "../../shared/tree/baseline.ts";
import { changesSince } from "../../shared/tree/changes.ts";
import { openRepository } from "../../shared/tree/repository.ts";
import { takeSnapshot } from "../../shared/tree/snapshot.ts";

const FILES = Number(process.argv[2] ?? 50_000);
const ROUNDS = 9;
const dir = mkdtempSync(join(tmpdir(), "handrail-bench-"));
process.env.HANDRAIL_STATE_DIR = join(dir, "state");
process.env.HOME = dir;

try {
  await bench();
} finally {
  rmSync(dir, { recursive: true, force: true });
}

async function bench(): Promise<void> {
  const root = join(dir, "repo");
  makeTree(root);
  const git = (args: string[], index?: string) =>
    execFileSync(
      "git",
      ["-c", "gc.auto=0", "-c", "user.name=B", "-c", "user.email=b@example.invalid", ...args],
      {
        cwd: root,
        env: { PATH: process.env.PATH, HOME: dir, ...(index === undefined ? {} : { GIT_INDEX_FILE: index }) },
      },
    );
  git(["init", "-q"]);
  git(["add", "-A"]);
  git(["commit", "-qm", "one"]);
  git(["status"]);
  const repo = await openRepository(root);
  const scratch = ["node_modules/"];
  const snapshot = await takeSnapshot(repo, join(dir, "snapshot"), { scratch, allow: [] });
  let round = 0;
  const times = await medians({
    "git add -A + write-tree": () => {
      const index = join(dir, "index");
      copyFileSync(join(root, ".git/index"), index);
      git(["add", "-A"], index);
      git(["write-tree"], index);
    },
    baseline: () => captureBaseline(repo, { slug: `round-${round++}` }),
    "git status": () => git(["status"]),
    audit: () => changesSince(snapshot),
  });
  const ratio = (own: string, gits: string) => (times.get(own) ?? 0) / (times.get(gits) ?? 1);
  for (const [name, ms] of times) console.log(`${name.padEnd(24)} ${ms.toFixed(0).padStart(6)} ms`);
  console.log(
    `baseline beside add -A + write-tree: ${ratio("baseline", "git add -A + write-tree").toFixed(2)}x`,
  );
  console.log(`audit beside git status: ${ratio("audit", "git status").toFixed(2)}x`);
}

/** Files as they are after a checkout some time ago: nothing is as new as the index. */
function makeTree(root: string): void {
  for (let at = 0; at < FILES; at++) {
    const file = join(root, `d${at % 50}/e${at % 1000}/f${at}.txt`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${at}\n`.repeat(5));
    utimesSync(file, 1_700_000_000, 1_700_000_000);
  }
  writeFileSync(join(root, ".gitignore"), "node_modules/\n.env\n");
  writeFileSync(join(root, ".env"), "A=1\n");
}

async function medians(works: Record<string, () => unknown>): Promise<Map<string, number>> {
  const taken = new Map(Object.keys(works).map((name) => [name, [] as number[]]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, work] of Object.entries(works)) {
      const start = performance.now();
      await work();
      taken.get(name)?.push(performance.now() - start);
    }
  }
  return new Map(
    [...taken].map(([name, all]) => [name, all.sort((left, right) => left - right)[ROUNDS >> 1] ?? 0]),
  );
}
