import { execFileSync, spawnSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildSync } from "esbuild";
import type { Mechanism } from "../../shared/confine/policy.ts";
import { removeTree } from "../../shared/confine/remove.ts";
import { applier } from "./applier.ts";
import { problemsOf } from "./case-judge.ts";
import type { Job, Outcome } from "./case-worker.ts";
import { buildFixture, type Case } from "./cases.ts";
import { projectRoot } from "./process.ts";

/**
 * Who works on whose files: oneself on one's own, root on another user's, root as containers have it, who may make
 * mounts in a namespace of its own only, a user who is not root.
 */
export type Who = "self" | "root on another's files" | "root that may not mount" | "user";
const OTHER = "65533";

export const TASK = `Case task

Files to modify:
- src/a.ts
- src/lib/**

Do not:
- touch src/lib/secret.ts, package.json, .env, .github/**, opencode_tasks/**
`;

export interface Bench {
  /** Which mechanisms work for whom here, or why not. */
  probe(who: Who): { mechanism: Mechanism; works: boolean; reason: string }[];
  run(cases: readonly Case[], how: Job["how"], who?: Who, mechanism?: Mechanism): Outcome[];
  close(): void;
}

/** A folder for runs of cases, with the programs they need, readable for other users too. */
export function openBench(): Bench {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "handrail-cases-")));
  chmodSync(dir, 0o755);
  const worker = join(dir, "case-worker.mjs");
  buildSync({
    entryPoints: [join(projectRoot, "test/lab/case-worker.ts")],
    outfile: worker,
    ...{ bundle: true, platform: "node", target: "node20", format: "esm", logLevel: "warning" },
    mainFields: ["module", "main"],
    banner: {
      js: 'import { createRequire as __c } from "node:module"; const require = __c(import.meta.url);',
    },
  });
  const program = join(dir, "shell.cjs");
  copyFileSync(applier().command[1] ?? "", program);
  const original = join(dir, "original");
  buildFixture(original);
  // For `handrail exec`. It lies in a folder that the scope forbids, like any task.
  writeFileSync(join(original, "repo/opencode_tasks/20261121-case.txt"), TASK);
  // Everybody works at the same place, so that paths in outputs are the same.
  const shared = join(dir, "at");
  mkdirSync(shared);
  chmodSync(shared, 0o777);
  let count = 0;

  const place = (who: Who) => {
    const at = join(dir, `run${count++}`);
    mkdirSync(at);
    const template = join(at, "template");
    execFileSync("cp", ["-a", original, template]);
    if (who === "root on another's files") {
      appendFileSync(join(template, "home/.gitconfig"), "[safe]\n\tdirectory = *\n");
      execFileSync("chown", ["-R", "-h", `${OTHER}:${OTHER}`, template]);
    } else if (who === "user") execFileSync("chown", ["-R", "-h", `${OTHER}:${OTHER}`, at]);
    return { at, template };
  };
  const start = (who: Who, args: readonly string[]) => {
    const as: Partial<Record<Who, string[]>> = {
      user: ["setpriv", "--reuid", OTHER, "--regid", OTHER, "--clear-groups"],
      "root that may not mount": ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"],
    };
    const [file = "", ...words] = [...(as[who] ?? []), process.execPath, worker, ...args];
    // Told apart by its environment: see processesMentioning.
    const env = {
      PATH: process.env.PATH,
      HANDRAIL_TEST_BWRAP: process.env.HANDRAIL_TEST_BWRAP,
      HANDRAIL_CONFINEMENT: process.env.HANDRAIL_CONFINEMENT,
      HANDRAIL_CASES: dir,
    };
    return spawnSync(file, words, { cwd: "/", encoding: "utf8", env, maxBuffer: 1 << 28 });
  };

  return {
    probe(who) {
      const { at, template } = place(who);
      const done = start(who, ["--probe", join(template, "repo"), join(at, "state")]);
      if (done.status !== 0) throw new Error(`the probe failed: ${done.stderr}`);
      return JSON.parse(done.stdout);
    },
    run(cases, how, who = "self", mechanism) {
      const { at, template } = place(who);
      const job: Job = {
        ...{ how, cases: [...cases], template, at: join(shared, "fixture"), state: join(at, "state") },
        ...(mechanism ? { mechanism } : {}),
        applier: { command: [process.execPath, program], environment: {} },
        handrail: join(projectRoot, "claude-hooks/dist/handrail.mjs"),
        results: join(at, "results"),
      };
      writeFileSync(join(at, "job.json"), JSON.stringify(job));
      // What somebody else has left there is not the next one's to remove.
      clear(job.at);
      const done = start(who, [join(at, "job.json")]);
      if (done.status !== 0) throw new Error(`the cases ended with ${done.status}: ${done.stderr}`);
      return readFileSync(job.results, "utf8")
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line));
    },
    close: () => clear(dir),
  };
}

function clear(dir: string): void {
  if (existsSync("/usr/bin/chattr")) spawnSync("chattr", ["-R", "-i", dir], { stdio: "ignore" });
  removeTree(dir);
}

/** What is wrong with held runs, as lines to read; "" when nothing is. */
export function report(cases: readonly Case[], bare: readonly Outcome[], held: readonly Outcome[]): string {
  const find = (list: readonly Outcome[], id: string) => list.find((one) => one.id === id);
  return cases
    .flatMap((one) => {
      const [free, kept] = [find(bare, one.id), find(held, one.id)];
      const problems = free && kept ? problemsOf(one, free, kept) : ["it was not run"];
      return problems.map((problem) => `${one.id} ${JSON.stringify(one.cmd)}\n    ${problem}`);
    })
    .join("\n");
}
