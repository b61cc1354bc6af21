import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { captureBaseline } from "../../../shared/tree/baseline.ts";
import { changesSince } from "../../../shared/tree/changes.ts";
import { openRepository } from "../../../shared/tree/repository.ts";
import { takeSnapshot } from "../../../shared/tree/snapshot.ts";
import { alternate, type Bench, type Row } from "./measure.ts";

export function git(root: string, args: string[], index?: string): void {
  const identity = ["-c", "gc.auto=0", "-c", "user.name=B", "-c", "user.email=b@example.invalid"];
  execFileSync("git", [...identity, ...args], {
    cwd: root,
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, ...(index === undefined ? {} : { GIT_INDEX_FILE: index }) },
  });
}

/** A repository with a small project in it. Its files look as after a checkout some time ago: none is as new as the index. */
export function makeTree(root: string, files: number): string {
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
    utimesSync(join(root, path), 1_700_000_000, 1_700_000_000);
  };
  for (let at = 0; at < files; at++) write(`d${at % 50}/e${at % 1000}/f${at}.txt`, `${at}\n`.repeat(5));
  write(".gitignore", "node_modules/\n.env\n");
  write(".env", "A=1\n");
  write("package.json", '{"name":"small","version":"1.0.0","scripts":{"test":"node --test"}}\n');
  write("src/a.js", "exports.a = 1;\n");
  write(
    "src/a.test.js",
    'require("node:test")("a", () => require("node:assert").equal(require("./a.js").a, 1));\n',
  );
  git(root, ["init", "-q"]);
  git(root, ["add", "-A"]);
  git(root, ["commit", "-qm", "one"]);
  git(root, ["status"]);
  return root;
}

/** Baseline and audit beside git's own work on the same tree. */
export async function treeRows({ dir, quick, say }: Bench): Promise<Row[]> {
  const files = quick ? 5_000 : 50_000;
  say(`baseline and audit, ${files} files`);
  const root = makeTree(join(dir, "tree"), files);
  const repo = await openRepository(root);
  const snapshot = await takeSnapshot(repo, join(dir, "snapshot"), { scratch: ["node_modules/"], allow: [] });
  let round = 0;
  const times = await alternate(quick ? 3 : 9, {
    add: () => {
      const index = join(dir, "index");
      copyFileSync(join(root, ".git/index"), index);
      git(root, ["add", "-A"], index);
      git(root, ["write-tree"], index);
    },
    baseline: () => captureBaseline(repo, { slug: `round-${round++}`, allow: [] }),
    status: () => git(root, ["status"]),
    audit: () => changesSince(snapshot),
  });
  return [
    {
      what: `baseline, ${files} files`,
      beside: "git add -A + write-tree on a copied index",
      own: times.baseline,
      base: times.add,
      target: { ratio: 1.3 },
    },
    {
      what: `audit, ${files} files`,
      beside: "git status",
      own: times.audit,
      base: times.status,
      target: { ratio: 1.3 },
    },
  ];
}
