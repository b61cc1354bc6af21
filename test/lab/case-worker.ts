/**
 * Runs cases as whoever starts it: `node case-worker.mjs JOB`, JOB being a JSON file. Bundled, so that it runs
 * where another user cannot read the project. Writes one line of JSON for each case.
 */
import { spawnSync } from "node:child_process";
import { appendFileSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DEFAULT_SCRATCH } from "../../shared/config/config.ts";
import type { Mechanism } from "../../shared/confine/policy.ts";
import { prepareRun } from "../../shared/confine/prepare.ts";
import { probe } from "../../shared/confine/probe.ts";
import { removeTree } from "../../shared/confine/remove.ts";
import { runConfined } from "../../shared/confine/run.ts";
import { sh } from "../../shared/confine/text.ts";
import { openRepository } from "../../shared/tree/repository.ts";
import {
  CASE_SCOPE,
  type Case,
  caseEnvironment,
  copyFixture,
  differing,
  gitState,
  isInScope,
  readTree,
  type Tree,
} from "./cases.ts";

export interface Job {
  /** `bare`: in namespaces of its own, but free; `exec`: through the command `handrail`. */
  how: "bare" | "held" | "exec";
  mechanism?: Mechanism;
  cases: Case[];
  /** The fixture as built; a copy is made at `at` for each case. */
  template: string;
  at: string;
  state: string;
  applier: { command: string[]; environment: Record<string, string> };
  /** The built `handrail`, for `exec`. */
  handrail?: string;
  /** Where the results go. */
  results: string;
}

/** What one case came to. */
export interface Outcome {
  id: string;
  code: number | null;
  stdout: string;
  stderr: string;
  /** Names whose entries differ from before. */
  changed: string[];
  /** Of these, what lies in scope now. */
  inScope: Tree;
  /** Of refs, HEAD and index, which differ. */
  git: string[];
}

const NONE = "HANDRAIL_CONFINEMENT";
const LONGEST = 60_000;

async function main(file: string): Promise<void> {
  const job: Job = JSON.parse(readFileSync(file, "utf8"));
  const { at } = job;
  const clean = { ...process.env };
  let before: Tree | undefined;
  let git: Tree | undefined;
  for (const one of job.cases) {
    if (before === undefined) copyFixture(job.template, at);
    for (const name of Object.keys(process.env)) delete process.env[name];
    Object.assign(process.env, caseEnvironment(at), { HANDRAIL_STATE_DIR: job.state });
    if (job.mechanism) process.env[NONE] = job.mechanism;
    process.chdir(join(at, "repo"));
    before ??= readTree(at, "tmp");
    // Every copy of the fixture has the same refs and the same index.
    git ??= gitState(at);
    const done =
      job.how === "bare" ? bare(one, at) : job.how === "exec" ? exec(one, job) : await held(one, job);
    process.chdir("/");
    Object.assign(process.env, clean);
    const after = readTree(at, "tmp");
    const all = differing(before, after);
    const changed = all.filter((path) => !path.startsWith("tmp/"));
    const outcome: Outcome = {
      ...{ id: one.id, ...done, changed },
      inScope: Object.fromEntries(changed.filter(isInScope).map((path) => [path, after[path] ?? "gone"])),
      git: changed.some((path) => path.startsWith("repo/.git")) ? differing(git, gitState(at)) : [],
    };
    appendFileSync(job.results, `${JSON.stringify(outcome)}\n`);
    // A held command that changed nothing leaves the fixture for the next.
    if (job.how === "bare" || all.length > 0) before = undefined;
  }
}

type Ended = Pick<Outcome, "code" | "stdout" | "stderr">;

/** Free to do anything to the fixture; what else there is on the machine, its settings too, is read-only or a copy. */
function bare({ cmd }: Case, at: string): Ended {
  const isRoot = process.getuid?.() === 0;
  const settings =
    "mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys && mount -o remount,bind,ro /sys";
  const script = `exec 3< ${sh(at)}
mount -t tmpfs none /tmp && mount -t tmpfs none /var/tmp && mkdir -p ${sh(at)} && mount --no-canonicalize --bind /proc/self/fd/3 ${sh(at)} || exit 99
exec 3<&-
${isRoot ? `${settings} || exit 99` : ""}
mount -o remount,bind,ro / && cd ${sh(`${at}/repo`)} || exit 99
setsid bash -c "$1"
code=$?
# What it left running in the background goes on for a while.
for _ in 1 2 3 4 5 6 7 8; do
  set -- /proc/[0-9]*
  [ "$#" -gt 2 ] || break
  sleep 0.2
done
exit "$code"`;
  const user = isRoot ? [] : ["--user", "--map-root-user"];
  const words = [...user, "--mount", "--pid", "--ipc", "--fork", "--kill-child", "--mount-proc"];
  const done = spawnSync("unshare", [...words, "sh", "-c", `(${script}\n); exit $?`, "sh", cmd], {
    encoding: "latin1",
    input: "",
    timeout: LONGEST,
    killSignal: "SIGKILL",
  });
  return { code: done.status, stdout: done.stdout, stderr: done.stderr };
}

function exec({ cmd }: Case, job: Job): Ended {
  const task = "20261121-case.txt";
  const words = [job.handrail ?? "", "exec", "--json", "--task", join("opencode_tasks", task), "--", cmd];
  const done = spawnSync(process.execPath, words, { encoding: "latin1", input: "", timeout: LONGEST });
  try {
    const answer = JSON.parse(done.stdout);
    const problem = answer.confinement === "overlay" ? "" : `confinement ${answer.confinement}`;
    return { code: answer.exitCode, stdout: answer.stdout, stderr: answer.stderr + problem };
  } catch {
    return { code: done.status, stdout: done.stdout, stderr: `no answer: ${done.stderr}` };
  }
}

/** The same for every copy of the fixture. */
let repository: Awaited<ReturnType<typeof openRepository>> | undefined;

async function held(one: Case, job: Job): Promise<Ended> {
  repository ??= await openRepository(process.cwd());
  const runDir = join(job.state, "runs", one.id);
  mkdirSync(runDir, { recursive: true });
  const shell = prepareRun({
    ...repository,
    ...{ runDir, scratch: DEFAULT_SCRATCH, applier: job.applier, lock: join(runDir, "lock") },
    scope: { ...CASE_SCOPE, inspect: [], rules: ["no-commit", "no-stage"], noRead: [] },
    mechanism: job.mechanism ?? "util-linux",
  });
  const cwd = process.cwd();
  const done = await runConfined({ ...shell, runDir, command: one.cmd, cwd, buffer: true });
  removeTree(shell.policy.work);
  const latin = (text: string) => Buffer.from(text).toString("latin1");
  return { code: done.exitCode, stdout: latin(done.stdout), stderr: latin(done.stderr) };
}

/** Asked by `--probe REPO STATE`: which mechanisms work for whoever starts it. */
async function say(repo: string, state: string): Promise<void> {
  Object.assign(process.env, caseEnvironment(join(repo, "..")), { HANDRAIL_STATE_DIR: state });
  const tree = await openRepository(repo);
  const found = (["bwrap-overlay", "bwrap-mount", "util-linux"] as const).map((one) => {
    const answer = probe(tree, [one]);
    return {
      mechanism: one,
      works: answer.kind === "overlay",
      reason: answer.kind === "none" ? answer.reason : "",
    };
  });
  process.stdout.write(JSON.stringify(found));
}

const [first = "", second = "", third = ""] = process.argv.slice(2);
await (first === "--probe" ? say(second, third) : main(first));
