import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { effectOf } from "../../lab/case-judge.ts";
import { type Bench, openBench, report } from "../../lab/case-run.ts";
import type { Outcome } from "../../lab/case-worker.ts";
import { loadCases } from "../../lab/cases.ts";
import { mechanisms } from "../../lab/held.ts";

/** Every so many of the cases; `test/real/cases.test.ts` runs all of them. */
const EVERY = 16;
const cases = loadCases("shell.jsonl", "own.jsonl").filter((_, index) => index % EVERY === 0);

/** A free run needs namespaces of its own, so that it harms nothing but its copy of the fixture. */
describe.runIf(mechanisms.length > 0)("some commands, each free and held", () => {
  let bench: Bench;
  let bare: Outcome[];
  beforeAll(() => {
    bench = openBench();
    bare = bench.run(cases, "bare");
  }, 300_000);
  afterAll(() => bench.close());

  test("free, they do what they say", () => {
    expect(bare.filter((one) => one.code === 127 || one.code === null).map((one) => one.id)).toEqual([]);
    const wrong = cases.filter((one, index) => effectOf(bare[index] as Outcome) !== one.effect);
    expect(wrong).toEqual([]);
  });

  test.each(mechanisms)(
    "%s: nothing out of scope, in scope the same, and a word on the rest",
    (mechanism) => {
      expect(report(cases, bare, bench.run(cases, "held", "self", mechanism))).toBe("");
    },
    300_000,
  );
});
