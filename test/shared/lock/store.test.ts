import { type ChildProcess, fork } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Claims } from "../../../shared/lock/claims.ts";
import { DEFAULT_GROUPS, GroupFinder } from "../../../shared/lock/groups.ts";
import { expiryOf, isHeld, LEASE_MS } from "../../../shared/lock/lease.ts";
import { LeaseGuard } from "../../../shared/lock/permit.ts";
import {
  acquire,
  changeLease,
  type LeaseRequest,
  readLease,
  readLeases,
  releaseLease,
  renew,
  undoLease,
} from "../../../shared/lock/store.ts";
import { identify } from "../../../shared/run/process.ts";
import { frozenMatcher } from "../../../shared/scope/surroundings.ts";

const shared = Object.fromEntries(Object.entries(DEFAULT_GROUPS).map(([name, list]) => [name, [...list]]));

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), "handrail-leases-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

function request(name: string, allow: string[], more: Partial<LeaseRequest> = {}): LeaseRequest {
  const claims: Claims = {
    scope: { allow, inspect: [], forbid: [], rules: [], noRead: [] },
    around: { caseInsensitive: false, kinds: {} },
    groups: [...new Set(allow.flatMap((path) => new GroupFinder(shared, false).of(path)))],
    parallel: true,
  };
  return { run_id: `r-${name}`, task_id: name, owner: "t", confirm_minutes: 60, claims, shared, ...more };
}

/** A process that has ended. */
async function gone(): Promise<ReturnType<typeof identify>> {
  const child = fork("-e", [], { execArgv: ["--eval", ""] });
  const who = identify(child.pid);
  await new Promise((resolve) => child.on("exit", resolve));
  return who;
}

const modules = {};

test("a lease excludes what overlaps, lets by what does not, and ends when it is given back", async () => {
  const dir = folder();
  expect((await acquire(dir, request("one", ["src/a.ts"]), modules)).ok).toBe(true);
  const refused = await acquire(dir, request("two", ["src/"]), modules);
  expect(refused).toMatchObject({ ok: false, by: { run_id: "r-one" }, reason: '"src/a.ts" lies in "src/"' });
  expect((await acquire(dir, request("three", ["src/b.ts"]), modules)).ok).toBe(true);
  await releaseLease(dir, "r-one");
  await releaseLease(dir, "r-three");
  expect((await acquire(dir, request("two", ["src/"]), modules)).ok).toBe(true);
  expect(readLeases(dir).map((lease) => lease.run_id)).toEqual(["r-two"]);
});

test("a run that asks again keeps its lease; another run of the same task waits for it to end", async () => {
  const dir = folder();
  await acquire(dir, request("one", ["src/a.ts"]), modules);
  expect((await acquire(dir, request("one", ["src/a.ts", "src/b.ts"]), modules)).ok).toBe(true);
  const second = request("one", ["src/a.ts"], { run_id: "r-again" });
  expect(await acquire(dir, second, modules)).toMatchObject({
    ok: false,
    reason: "it works for the same task",
  });
  await changeLease(dir, "r-one", (lease) => ({ ...lease, awaiting: awaiting(60_000) }));
  expect((await acquire(dir, second, modules)).ok).toBe(true);
  expect(readLeases(dir).map((lease) => lease.run_id)).toEqual(["r-again"]);
});

const awaiting = (ms: number) => ({
  state: "done",
  since: new Date().toISOString(),
  until: new Date(Date.now() + ms).toISOString(),
});

test("an ended packet's lease holds until it is confirmed, or its time is up", async () => {
  const dir = folder();
  await acquire(dir, request("one", ["src/a.ts"], { holder: await gone() }), modules);
  await changeLease(dir, "r-one", (lease) => ({ ...lease, awaiting: awaiting(60_000) }));
  expect((await acquire(dir, request("two", ["src/a.ts"]), modules)).ok).toBe(false);
  await changeLease(dir, "r-one", (lease) => ({ ...lease, awaiting: awaiting(-1) }));
  expect((await acquire(dir, request("two", ["src/a.ts"]), modules)).ok).toBe(true);
});

test("a run that never began leaves what it superseded as it was; one that began has taken its place", async () => {
  const dir = folder();
  const again = (name: string) => request("one", ["src/a.ts"], { run_id: name, holder });
  const holder = await gone();
  await acquire(dir, again("r-one"), modules);
  const waits = await changeLease(dir, "r-one", (lease) => ({ ...lease, awaiting: awaiting(60_000) }));
  // It asks twice, once for itself and once for its OpenCode.
  for (const _ of [1, 2]) expect((await acquire(dir, again("r-again"), modules)).ok).toBe(true);
  await undoLease(dir, "r-again");
  expect(readLeases(dir)).toMatchObject([{ ...waits, awaiting: waits?.awaiting }]);
  expect((await acquire(dir, request("two", ["src/a.ts"]), modules)).ok).toBe(false);

  await acquire(dir, again("r-again"), modules);
  await undoLease(dir, "r-none");
  await releaseLease(dir, "r-again");
  await undoLease(dir, "r-again");
  expect(readLeases(dir)).toEqual([]);
});

test("the lease of a process that is gone ends a minute after its last heartbeat, a living one's does not", async () => {
  const dir = folder();
  await acquire(dir, request("dead", ["src/a.ts"], { holder: await gone() }), modules);
  await acquire(dir, request("alive", ["src/b.ts"]), modules);
  const old = new Date(Date.now() - LEASE_MS - 1000);
  expect((await acquire(dir, request("two", ["src/a.ts"]), modules)).ok).toBe(false);
  for (const name of ["dead", "alive"]) utimesSync(join(dir, `r-${name}.json`), old, old);
  expect((await acquire(dir, request("three", ["src/b.ts"]), modules)).ok).toBe(false);
  expect((await acquire(dir, request("two", ["src/a.ts"]), modules)).ok).toBe(true);
  expect(
    readLeases(dir)
      .map((lease) => lease.task_id)
      .sort(),
  ).toEqual(["alive", "two"]);
});

test("a heartbeat moves the expiry; there is none for a lease that was given back", async () => {
  const dir = folder();
  await acquire(dir, request("one", ["src/a.ts"], { holder: await gone() }), modules);
  const old = new Date(Date.now() - LEASE_MS - 1000);
  utimesSync(join(dir, "r-one.json"), old, old);
  const before = readLease(dir, "r-one");
  expect(before && isHeld(before)).toBe(false);
  expect(renew(dir, "r-one")).toBe(true);
  const after = readLease(dir, "r-one");
  expect(after && isHeld(after) && expiryOf(after) > Date.now()).toBe(true);
  await releaseLease(dir, "r-one");
  expect(renew(dir, "r-one")).toBe(false);
});

test("a lease that does not parse is not taken for none, and can be given back by name", async () => {
  const dir = folder();
  await acquire(dir, request("one", ["src/a.ts"]), modules);
  writeFileSync(join(dir, "r-one.json"), '{"schema":1,');
  await expect(acquire(dir, request("two", ["src/b.ts"]), modules)).rejects.toMatchObject({
    code: "state-unreadable",
    fix: "handrail lock release r-one",
  });
  await releaseLease(dir, "r-one");
  expect((await acquire(dir, request("two", ["src/b.ts"]), modules)).ok).toBe(true);
});

test("a run id that is none becomes no path", async () => {
  await expect(releaseLease(folder(), "../../x")).rejects.toMatchObject({ code: "bad-input" });
});

describe("a write", () => {
  const on = (dir: string, run: string | undefined) => new LeaseGuard(dir, run);

  test("to a file under another run's lease is refused, with the owner's name; to one's own it is not", async () => {
    const dir = folder();
    await acquire(dir, request("one", ["src/a.ts"]), modules);
    const two = on(dir, "r-two");
    expect(await two.refusal(["src/b.ts"])).toBeUndefined();
    expect(await two.refusal(["src/a.ts"])).toMatchObject({ code: "leased", path: "src/a.ts" });
    expect((await two.refusal(["src/a.ts"]))?.detail).toContain('run r-one of task "one" works on it');
    expect(await on(dir, undefined).refusal(["src/a.ts"])).toMatchObject({ code: "leased" });
    expect(await on(dir, "r-one").refusal(["src/a.ts"])).toBeUndefined();
    await releaseLease(dir, "r-one");
    expect(await two.refusal(["src/a.ts"])).toBeUndefined();
  });

  test("takes a shared group into the lease, and waits for nobody who has it", async () => {
    const dir = folder();
    await acquire(dir, request("one", ["one/"]), modules);
    await acquire(dir, request("two", ["two/"]), modules);
    expect(await on(dir, "r-one").refusal(["one/package.json"])).toBeUndefined();
    expect(readLease(dir, "r-one")?.claims.groups).toEqual(["package manifests"]);
    const refused = await on(dir, "r-two").refusal(["two/package.json"]);
    expect(refused?.detail).toContain('as part of the shared group "package manifests"');
    await releaseLease(dir, "r-one");
    expect(await on(dir, "r-two").refusal(["two/package.json"])).toBeUndefined();
    expect(await acquire(dir, request("three", ["go.mod"]), modules)).toMatchObject({ ok: false });
  });

  test("to what was handed over is the other task's, and nobody else's", async () => {
    const dir = folder();
    await acquire(dir, request("one", ["src/"]), modules);
    await changeLease(dir, "r-one", (lease) => ({
      ...lease,
      given: [
        {
          to: "two",
          paths: ["src/lib/"],
          modules: [],
          groups: [],
          checkpoint: "MID",
          at: new Date().toISOString(),
        },
      ],
    }));
    expect((await acquire(dir, request("three", ["src/lib/"]), modules)).ok).toBe(false);
    expect((await acquire(dir, request("two", ["src/lib/x.ts"]), modules)).ok).toBe(true);
    expect(await on(dir, "r-one").refusal(["src/lib/x.ts"])).toMatchObject({ code: "leased" });
    expect(await on(dir, "r-one").refusal(["src/lib/y.ts"])).toMatchObject({
      detail: 'this run has handed it over to task "two"',
    });
    expect(await on(dir, "r-one").refusal(["src/a.ts"])).toBeUndefined();
    expect(await on(dir, "r-two").refusal(["src/lib/x.ts"])).toBeUndefined();
  });

  test("a run whose lease was taken from it sees that", async () => {
    const dir = folder();
    await acquire(dir, request("one", ["src/"]), modules);
    const guard = on(dir, "r-one");
    expect(guard.holds()).toBe(true);
    await releaseLease(dir, "r-one");
    expect(guard.holds()).toBe(false);
  });
});

test("whatever tasks ask and give back, no two that hold a lease may write one path", async () => {
  const path = fc.constantFrom(
    "a/x.ts",
    "a/",
    "a/b/",
    "a/b/y.ts",
    "c/*.ts",
    "c/z.ts",
    "package.json",
    "d/package.json",
  );
  const step = fc.record({
    task: fc.integer({ min: 0, max: 7 }),
    allow: fc.array(path, { minLength: 1, maxLength: 3 }),
    act: fc.constantFrom("take", "take", "give back", "end"),
  });
  const probes = ["a/x.ts", "a/b/y.ts", "a/new.ts", "c/z.ts", "c/n.ts", "package.json", "d/package.json"];
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const dir = mkdtempSync(join(tmpdir(), "handrail-leases-"));
      try {
        for (const { task, allow, act } of steps) {
          const run = `r-${task}`;
          if (act === "take") await acquire(dir, request(String(task), allow), modules);
          else if (act === "give back") await releaseLease(dir, run);
          else await changeLease(dir, run, (lease) => ({ ...lease, awaiting: awaiting(60_000) }));
          const held = readLeases(dir).filter((lease) => isHeld(lease));
          for (const probe of probes) {
            const owners = held.filter(
              ({ claims }) => frozenMatcher(claims.scope, claims.around).classify(probe).decision === "allow",
            );
            expect(owners.length).toBeLessThan(2);
          }
          const groups = held.flatMap(({ claims }) => claims.groups);
          expect(groups).toEqual([...new Set(groups)]);
        }
      } finally {
        rmSync(dir, { recursive: true, force: true });
      }
    }),
    { numRuns: 60 },
  );
}, 120_000);

test("processes that race for overlapping leases never hold them together, and a killed one's is succeeded", async () => {
  const dir = folder();
  const script = join(dir, "race.mjs");
  await build({
    stdin: {
      contents: `
        import { closeSync, openSync, appendFileSync, rmSync } from "node:fs";
        import { acquire, releaseLease } from "./shared/lock/store.ts";
        const [leases, guard, log, name, rounds] = process.argv.slice(2);
        const claims = { scope: { allow: ["src/"], inspect: [], forbid: [], rules: [], noRead: [] },
          around: { caseInsensitive: false, kinds: {} }, groups: [], parallel: true };
        for (let won = 0; won < Number(rounds); ) {
          const run_id = "r-" + name + "-" + won;
          const got = await acquire(leases, { run_id, task_id: run_id, owner: name, claims, shared: {}, confirm_minutes: 1 }, {});
          if (!got.ok) { await new Promise((r) => setTimeout(r, 1)); continue; }
          won++;
          closeSync(openSync(guard, "wx")); // EEXIST: somebody else is inside
          appendFileSync(log, name + "\\n");
          process.send?.("inside");
          if (name === "killed") await new Promise(() => setInterval(() => {}, 1000));
          rmSync(guard);
          await releaseLease(leases, run_id);
        }
        process.exit(0);`,
      resolveDir: process.cwd(),
      loader: "ts",
    },
    bundle: true,
    platform: "node",
    format: "esm",
    mainFields: ["module", "main"],
    outfile: script,
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    },
  });
  const leases = join(dir, "leases");
  const [guard, log] = [join(dir, "guard"), join(dir, "log")];
  const start = (name: string, rounds = 8) => fork(script, [leases, guard, log, name, String(rounds)]);
  const killed = start("killed", 1);
  await new Promise((resolve) => killed.on("message", resolve));
  killed.kill("SIGKILL");
  await ended(killed);
  expect(readLeases(leases).map((lease) => lease.owner)).toEqual(["killed"]);
  // Nobody is inside any more; its lease lasts until it expires, which is now.
  rmSync(guard);
  const old = new Date(Date.now() - LEASE_MS - 1000);
  for (const name of readdirSync(leases).filter((one) => one.endsWith(".json")))
    utimesSync(join(leases, name), old, old);
  expect(await Promise.all(["a", "b", "c"].map((name) => ended(start(name))))).toEqual([0, 0, 0]);
  expect(readLeases(leases)).toEqual([]);
});

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.on("exit", resolve));
}
