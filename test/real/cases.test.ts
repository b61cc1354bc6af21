/**
 * Every case of `test/cases`, by everybody and with every mechanism: hours. Environment variables choose a part:
 *   HANDRAIL_CASES        names in `test/cases` (`own.jsonl`), or first and last case (`o943-o1105`)
 *   HANDRAIL_CASES_WHO    one of `everybody` below
 *   HANDRAIL_CONFINEMENT  one mechanism
 *   HANDRAIL_TEST_BWRAP   a bubblewrap that is not installed
 */
import { execFileSync } from "node:child_process";
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { policySchema } from "../../shared/confine/policy.ts";
import { type Bench, openBench, report, TASK, type Who } from "../lab/case-run.ts";
import type { Outcome } from "../lab/case-worker.ts";
import {
  buildFixture,
  type Case,
  differing,
  isInScope,
  isScratch,
  loadCases,
  readTree,
  type Tree,
} from "../lab/cases.ts";
import { closing } from "../lab/cleanup.ts";
import { PLUGIN, runRecords } from "../lab/delegation.ts";
import { mechanisms } from "../lab/held.ts";
import { startOpenAiServer } from "../lab/openai-server.ts";
import { setUpOpencode } from "../lab/opencode.ts";
import { makeSandbox } from "../lab/sandbox.ts";
import { call, type ModelRequest, type Step, text } from "../lab/script.ts";

const LONG = 3_600_000;
const cases = chosen(loadCases("shell.jsonl", "own.jsonl"));
const inSample = new Set(loadCases("shell.jsonl").map(({ id }) => id));
const sample = cases.filter(({ id }) => inSample.has(id));
const everybody: Who[] = ["self", "root on another's files", "root that may not mount", "user"];
const wanted = process.env.HANDRAIL_CASES_WHO;
const isRoot = process.getuid?.() === 0;
let bench: Bench;
let bare: Outcome[];

beforeAll(() => {
  bench = openBench();
  bare = bench.run(cases, "bare");
}, LONG);
afterAll(() => bench.close());

test.each(everybody.filter((who) => wanted === undefined || who === wanted))(
  "every command, held: %s",
  (who) => {
    if (who !== "self" && !isRoot)
      return console.log(`${who} is not tried: only root can become somebody else`);
    for (const { mechanism, works, reason } of bench.probe(who)) {
      if (works) expect(report(cases, bare, bench.run(cases, "held", who, mechanism)), mechanism).toBe("");
      else console.log(`${mechanism} is not tried (${who}): ${reason}`);
    }
  },
  LONG,
);

test.each(mechanisms)(
  "the sample through handrail exec: %s",
  (mechanism) => {
    expect(report(sample, bare, bench.run(sample, "exec", "self", mechanism))).toBe("");
  },
  LONG,
);

test.each(mechanisms)(
  "the sample through the bash tool of the real OpenCode: %s",
  async (mechanism) => {
    const sandbox = closing(makeSandbox());
    const fixture = join(sandbox.dir, "fixture");
    buildFixture(fixture);
    cpSync(join(fixture, "tmp"), sandbox.env.TMPDIR ?? "", { recursive: true });
    writeFileSync(join(fixture, "repo/opencode_tasks/20261121-case.txt"), TASK);
    const lab = new Sheet(sample, fixture, join(sandbox.dir, "kept"));
    const model = closing(await startOpenAiServer((request) => lab.next(request)));
    const env = { HANDRAIL_CONFINEMENT: mechanism };
    const opencode = setUpOpencode({ sandbox, modelUrl: model.url, plugins: [PLUGIN], env });
    const done = await opencode.run(join(fixture, "repo"), ["run", TASK.trimEnd()], { timeout: LONG });
    expect(done.code, done.stderr).toBe(0);
    expect(lab.outcomes).toHaveLength(sample.length);
    expect(lab.report(bare)).toBe("");
    const [run] = runRecords(sandbox);
    expect(run).toMatchObject({ state: "done", verdict: "in_scope" });
    expect(mechanismOf(sandbox.state)).toEqual([mechanism]);
  },
  LONG,
);

/** The part of the cases that `HANDRAIL_CASES` names. */
function chosen(all: Case[]): Case[] {
  const part = process.env.HANDRAIL_CASES;
  if (part === undefined) return all;
  if (part.endsWith(".jsonl")) {
    const ids = loadCases(...part.split(",")).map(({ id }) => id);
    return all.filter(({ id }) => ids.includes(id));
  }
  const [first, last = first] = part.split("-");
  const start = all.findIndex(({ id }) => id === first);
  const end = all.findIndex(({ id }) => id === last);
  if (start < 0 || end < start) throw new Error(`HANDRAIL_CASES=${part}: there are no such cases`);
  return all.slice(start, end + 1);
}

/** Gives a model its commands one after the other, and looks at the fixture after each. */
class Sheet {
  readonly outcomes: { id: string; said: string; leaked: string[]; inScope: Tree }[] = [];
  readonly #cases: readonly Case[];
  readonly #fixture: string;
  readonly #kept: string;
  #before: Tree = {};

  constructor(cases: readonly Case[], fixture: string, kept: string) {
    this.#cases = cases;
    this.#fixture = fixture;
    this.#kept = kept;
  }

  /** The first command does nothing: by its end the baseline is captured. */
  next(request: ModelRequest): Step {
    const number = request.step - 1;
    if (number < 0) return bash("true");
    if (number === 0) {
      execFileSync("cp", ["-a", join(this.#fixture, "repo"), this.#kept]);
      this.#before = readTree(this.#fixture);
    } else this.#look(number - 1, request.messages.at(-1)?.toolResults.at(-1) ?? "");
    const one = this.#cases[number];
    return one === undefined ? text("Done.") : bash(one.cmd);
  }

  report(bare: readonly Outcome[]): string {
    const problems = this.outcomes.map(({ id, said, leaked, inScope }) => {
      const one = this.#cases.find((known) => known.id === id);
      const free = bare.find((known) => known.id === id);
      const wrong: string[] = leaked.length > 0 ? [`leaked: ${leaked.join(", ")}`] : [];
      if (one?.effect === "violates") {
        const quiet = /2> ?\/dev\/null|>\/dev\/null 2>&1/.test(one.cmd);
        if (!quiet && !/handrail|read-only|EROFS/i.test(said)) wrong.push(`nothing said: ${said}`);
      } else {
        // `git log --all` shows the two commits of the baseline, by their subjects.
        if (/Handrail(?!: (tracked files|everything) when)/.test(said)) wrong.push(`refused: ${said}`);
        const same =
          JSON.stringify(Object.entries(inScope).sort()) ===
          JSON.stringify(Object.entries(free?.inScope ?? {}).sort());
        if (!same) wrong.push(`in scope: ${JSON.stringify(inScope)}, not ${JSON.stringify(free?.inScope)}`);
      }
      return wrong.map((problem) => `${id} ${JSON.stringify(one?.cmd)}\n    ${problem}`);
    });
    return problems.flat().join("\n");
  }

  #look(number: number, said: string): void {
    const after = readTree(this.#fixture);
    const changed = differing(this.#before, after);
    this.outcomes.push({
      id: this.#cases[number]?.id ?? "",
      said,
      leaked: changed.filter((path) => !isInScope(path) && !isScratch(path)),
      inScope: Object.fromEntries(changed.filter(isInScope).map((path) => [path, after[path] ?? "gone"])),
    });
    for (const name of ["src", "node_modules", "dist"]) {
      rmSync(join(this.#fixture, "repo", name), { recursive: true, force: true });
    }
    execFileSync("cp", ["-a", join(this.#kept, "src"), join(this.#fixture, "repo/src")]);
    this.#before = readTree(this.#fixture);
  }
}

/** What held the commands of the runs on record. */
function mechanismOf(state: string): string[] {
  const records = readdirSync(state, { recursive: true, encoding: "utf8" });
  const policies = records.filter((name) => name.endsWith("/confine/policy.json"));
  return policies.map(
    (name) => policySchema.parse(JSON.parse(readFileSync(join(state, name), "utf8"))).mechanism,
  );
}

function bash(command: string): Step {
  return call("bash", { command, description: "run" });
}
