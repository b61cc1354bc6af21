import { existsSync, mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { putAndDeliver } from "../../../../shared/callback/outbox.ts";
import { createRun, originFromEnv } from "../../../../shared/run/create.ts";
import { moveRun } from "../../../../shared/run/move.ts";
import { identify } from "../../../../shared/run/process.ts";
import type { RunRecord } from "../../../../shared/run/record.ts";
import { registerSession } from "../../../../shared/run/registry.ts";
import { listRunIds, runDir } from "../../../../shared/run/store.ts";
import { type Job, jobFile, newJobId, saveJob } from "../../../../shared/serve/job.ts";
import { saveSessionRecord } from "../../../../shared/serve/session-record.ts";
import { projectDir, stateDir } from "../../../../shared/state/place.ts";
import type { TaskSpec } from "../../../../shared/task/spec.ts";
import { captureBaseline } from "../../../../shared/tree/baseline.ts";
import { quarantine } from "../../../../shared/tree/quarantine.ts";
import { openRepository } from "../../../../shared/tree/repository.ts";
import { samplePayload } from "../../../shared/callback/sample.ts";
import { at, place } from "../../../shared/tree/fixture.ts";
import { handrail } from "../handrail.ts";

const run = handrail();
const LONG_AGO = new Date(Date.now() - 40 * 24 * 60 * 60 * 1000);

const spec = (slug: string): TaskSpec => ({
  ok: true,
  source: "task-file",
  slug,
  title: slug,
  scope: { allow: ["a.txt"], inspect: [], forbid: [], rules: [], noRead: [] },
  prohibitions: [],
  validation: [],
  errors: [],
  warnings: [],
});

/** A run as it is on record, with a baseline, a callback, a session and something in quarantine. */
async function makeRun(root: string, slug: string, ended?: Date): Promise<RunRecord> {
  const { full } = await captureBaseline(await openRepository(root), { slug, allow: ["a.txt"], scratch: [] });
  if (ended) redate(root, full, ended);
  const made = createRun({ root, spec: spec(slug), lane: "cli", origin: originFromEnv({}) });
  quarantine(join(runDir(root, made.run_id), "quarantine"), root, [{ path: "a.txt", code: "out-of-scope" }]);
  registerSession(root, `ses_${slug}`, made.run_id);
  const running = moveRun(made, "running", { turn: 1 });
  if (!ended) return running;
  const payload = samplePayload(`${made.run_id}-t1`, { run_id: made.run_id });
  putAndDeliver(root, payload, {}, {});
  return moveRun(running, "done", { ended: ended.toISOString(), created: ended.toISOString() });
}

/** Lets the refs of a baseline name commits as old as that. */
function redate(root: string, full: string, when: Date): void {
  const repo = at(root);
  for (const ref of repo.git("for-each-ref", "--format=%(refname)", "--points-at", full).split("\n")) {
    for (const name of [ref, ref.replace(/full$/, "baseline")]) {
      vi.stubEnv("GIT_COMMITTER_DATE", when.toISOString());
      repo.git("update-ref", name, repo.git("commit-tree", `${name}^{tree}`, "-m", "old"));
    }
  }
}

/** Makes everything below a folder look as old as that. */
function age(folder: string, when: Date): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) age(join(folder, entry.name), when);
    utimesSync(join(folder, entry.name), when, when);
  }
}

const refs = (root: string) => at(root).git("for-each-ref", "--format=%(refname)", "refs/handrail");

describe("gc", () => {
  test("removes what is old and closed, says so, and leaves what is open or young", async () => {
    const repo = place().repo();
    const young = await makeRun(repo.root, "young-task", new Date());
    const old = await makeRun(repo.root, "old-task", LONG_AGO);
    age(projectDir(repo.root), LONG_AGO);
    const before = repo.git("status", "--short");
    const dry = run(repo.root, ["gc", "--dry-run", "--json"]);
    expect(dry).toMatchObject({ code: 0, json: { dryRun: true, olderThanDays: 14, failed: [] } });
    expect(listRunIds(repo.root)).toEqual([old.run_id, young.run_id].sort());
    const done = run(repo.root, ["gc", "--json"]);
    expect(done.json).toMatchObject({ dryRun: false, removed: dry.json.removed, bytes: dry.json.bytes });
    const kinds = done.json.removed.map(
      ({ kind, name }: { kind: string; name: string }) => `${kind} ${name}`,
    );
    expect(kinds).toContain(`run ${old.run_id}`);
    expect(kinds).toContain("baseline refs/handrail/old-task");
    expect(kinds).toContain(`callback ${old.run_id}-t1`);
    expect(kinds).toContain("session ses_old-task");
    expect(done.json.bytes).toBeGreaterThan(0);
    expect(listRunIds(repo.root)).toEqual([young.run_id]);
    expect(refs(repo.root)).not.toContain("old-task");
    expect(refs(repo.root)).toContain("refs/handrail/young-task/full");
    expect(repo.git("status", "--short")).toBe(before);
    expect(run(repo.root, ["gc"]).stdout).toBe("nothing to remove\n");
  });

  test("a run that has not ended stays, whatever its age, with all that is its own", async () => {
    const repo = place().repo();
    const open = await makeRun(repo.root, "open-task");
    // A process that lives holds it: it is not lost.
    moveRun(open, "running", { executor: (await import("../../../../shared/run/process.ts")).identify() });
    age(projectDir(repo.root), LONG_AGO);
    const done = run(repo.root, ["gc", "--older-than", "0", "--json"]);
    expect(done.json.kept).toContainEqual({ kind: "run", name: open.run_id, why: "it is running" });
    expect(listRunIds(repo.root)).toEqual([open.run_id]);
    expect(existsSync(join(runDir(repo.root, open.run_id), "quarantine/manifest.json"))).toBe(true);
    expect(refs(repo.root)).toContain("refs/handrail/open-task/full");
  });

  test("jobs and sessions of the companion go with their runs; what is open, or needed for a run, stays", async () => {
    const repo = place().repo();
    const young = await makeRun(repo.root, "young-task", new Date());
    const old = await makeRun(repo.root, "old-task", LONG_AGO);
    const job = (patch: Partial<Job>): string => {
      const job_id = newJobId();
      const made = { schema: 1, job_id, kind: "session", directory: repo.root } as const;
      saveJob({ ...made, state: "done", started: LONG_AGO.toISOString(), ...patch });
      writeFileSync(jobFile(repo.root, job_id).replace(/json$/, "log"), "what it printed");
      return job_id;
    };
    const over = job({ run_id: old.run_id });
    const asked = job({ run_id: young.run_id, state: "timed_out" });
    const runs = job({ state: "running", worker: identify() });
    const broken = job({});
    writeFileSync(jobFile(repo.root, broken), "{");
    const session = (session_id: string, run: string) =>
      saveSessionRecord({
        ...{ schema: 1, session_id, directory: repo.root, title: "x", held: "task", runs: [run] },
        ...{ prompts: [{ at: LONG_AGO.toISOString(), text: "Do it." }], created: LONG_AGO.toISOString() },
      });
    session("ses_old", old.run_id);
    session("ses_young", young.run_id);
    age(projectDir(repo.root), LONG_AGO);
    const done = run(repo.root, ["gc", "--json"]);
    const removed = done.json.removed.map(
      ({ kind, name }: { kind: string; name: string }) => `${kind} ${name}`,
    );
    expect(removed).toEqual(expect.arrayContaining([`job ${over}`, `job ${broken}`, "session ses_old"]));
    const left = (folder: string) => readdirSync(join(projectDir(repo.root), folder)).sort();
    expect(left("jobs")).toEqual([asked, runs].flatMap((id) => [`${id}.json`, `${id}.log`]).sort());
    expect(left("companion-sessions")).toEqual(["ses_young.json"]);
  });

  test("in linked working trees: each removes its own, and what one left that is gone", async () => {
    const here = place();
    const repo = here.repo();
    const linked = join(here.dir, "linked");
    const gone = join(here.dir, "gone");
    repo.git("worktree", "add", "-q", linked, "-b", "linked");
    repo.git("worktree", "add", "-q", gone, "-b", "gone");
    const there = await makeRun(linked, "task", LONG_AGO);
    await makeRun(gone, "task", LONG_AGO);
    age(join(stateDir(), "projects"), LONG_AGO);
    repo.git("worktree", "remove", "--force", gone);
    const done = run(repo.root, ["gc", "--json"]);
    expect(done.json.removed.map((one: { kind: string }) => one.kind).sort()).toEqual([
      "baseline",
      "project",
    ]);
    expect(refs(repo.root)).toBe("refs/handrail/task@linked/baseline\nrefs/handrail/task@linked/full");
    expect(listRunIds(linked)).toEqual([there.run_id]);
    expect(run(linked, ["gc"]).stdout).toMatch(/^removed 1 run, 1 baseline, /);
    expect(refs(repo.root)).toBe("");
    expect(listRunIds(linked)).toEqual([]);
    expect(existsSync(join(linked, "a.txt"))).toBe(true);
  });

  test("old copies of the plugins go, but not what a host loads", () => {
    const here = place();
    const repo = here.repo();
    const copies = ["0.0.1-aaaaaaaaaaaa", "0.0.2-bbbbbbbbbbbb", "0.0.3-cccccccccccc"];
    for (const [index, name] of copies.entries()) {
      const folder = join(here.state, "plugin", name);
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, "index.js"), "");
      const when = new Date(LONG_AGO.getTime() + index * 1000);
      utimesSync(folder, when, when);
    }
    const plugins = join(here.home, ".claude/plugins");
    mkdirSync(plugins, { recursive: true });
    writeFileSync(join(plugins, "known_marketplaces.json"), JSON.stringify({ path: `/x/${copies[1]}` }));
    const done = run(repo.root, ["gc", "--json"], { CLAUDE_CONFIG_DIR: join(here.home, ".claude") });
    expect(done.json.removed.map((one: { name: string }) => one.name)).toEqual([
      join(here.state, "plugin", copies[0] ?? ""),
    ]);
    expect(readdirSync(join(here.state, "plugin")).sort()).toEqual(copies.slice(1));
  });

  test("bad arguments are refused before anything is removed", async () => {
    const repo = place().repo();
    const old = await makeRun(repo.root, "old-task", LONG_AGO);
    for (const days of ["x", "-1", ""]) {
      expect(run(repo.root, ["gc", "--older-than", days, "--json"])).toMatchObject({
        code: 2,
        json: { error: { code: "bad-usage" } },
      });
    }
    expect(listRunIds(repo.root)).toEqual([old.run_id]);
    rmSync(join(repo.root, "a.txt"));
  });
});
