import fc from "fast-check";
import { expect, test } from "vitest";
import type { Claims } from "../../../shared/lock/claims.ts";
import { proveDisjoint } from "../../../shared/lock/disjoint.ts";
import { planSchedule, ready } from "../../../shared/lock/schedule.ts";

const modules = {
  a: { dependsOn: ["core"] },
  b: { dependsOn: [] },
  c: { dependsOn: [] },
  core: { dependsOn: [] },
};

function claims(allow: string[], own: string[], groups: string[], parallel: boolean): Claims {
  return {
    scope: { allow, inspect: [], forbid: [], rules: [], noRead: [] },
    around: { caseInsensitive: false, kinds: {} },
    modules: own,
    groups,
    parallel,
  };
}

const candidate = fc
  .record({
    allow: fc.uniqueArray(fc.constantFrom("a/x.ts", "a/", "b/*.ts", "b/y.ts", "c/"), {
      minLength: 1,
      maxLength: 2,
    }),
    modules: fc.uniqueArray(fc.constantFrom("a", "b", "c", "core", "nobody knows"), {
      minLength: 1,
      maxLength: 2,
    }),
    groups: fc.uniqueArray(fc.constantFrom("package manifests", "shared config"), { maxLength: 1 }),
    parallel: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, fc.constant(false)),
    task: fc.integer({ min: 0, max: 9 }),
  })
  .map((one) => ({
    task_id: `t${one.task}`,
    claims: claims(one.allow, one.modules, one.groups, one.parallel),
  }));

test("whatever packets are scheduled, and however they end: all run once, in order, and none beside what it may not", () => {
  let beside = 0;
  fc.assert(
    fc.property(
      fc.array(candidate, { maxLength: 9 }),
      fc.integer({ min: 1, max: 9 }),
      fc.infiniteStream(fc.nat()),
      (candidates, most, choices) => {
        const plan = planSchedule(candidates, modules);
        const started = new Set<number>();
        const ended = new Set<number>();
        const order: number[] = [];
        while (ended.size < candidates.length) {
          for (const task of ready(plan, { started, ended }, most)) {
            const running = [...started].filter((one) => !ended.has(one));
            for (const other of running) {
              beside += 1;
              const [left, right] = [candidates[Math.min(task, other)], candidates[Math.max(task, other)]];
              expect(left?.task_id).not.toBe(right?.task_id);
              expect(left && right && proveDisjoint(left.claims, right.claims, modules).disjoint).toBe(true);
            }
            started.add(task);
            order.push(task);
          }
          const running = [...started].filter((one) => !ended.has(one));
          expect(running.length).toBeGreaterThan(0);
          expect(running.length).toBeLessThanOrEqual(most);
          const next = running[(choices.next().value ?? 0) % running.length];
          if (next !== undefined) ended.add(next);
        }
        expect([...order].sort((a, b) => a - b)).toEqual(candidates.map((_, task) => task));
        for (const [task, { after }] of plan.entries()) {
          for (const one of after) {
            expect(order.indexOf(one.task)).toBeLessThan(order.indexOf(task));
            expect(one.reason).not.toBe("");
          }
        }
      },
    ),
    { numRuns: 1000 },
  );
  expect(beside).toBeGreaterThan(50);
});

test("the plan says of each pair why, or why not", () => {
  const plan = planSchedule(
    [
      { task_id: "one", claims: claims(["a/x.ts"], ["a"], [], true) },
      { task_id: "two", claims: claims(["b/y.ts"], ["b"], [], true) },
      { task_id: "three", claims: claims(["a/"], ["c"], [], true) },
      { task_id: "four", claims: claims(["c/"], ["core"], [], true) },
      { task_id: "one", claims: claims(["d/"], ["c"], [], true) },
    ],
    modules,
  );
  expect(plan.map((one) => one.after)).toEqual([
    [],
    [],
    [{ task: 0, reason: '"a/x.ts" lies in "a/"' }],
    [{ task: 0, reason: 'module "a" depends on module "core"' }],
    [
      { task: 0, reason: "they are the same task" },
      { task: 2, reason: 'both are in module "c"' },
    ],
  ]);
  expect(plan[1]?.beside).toEqual([{ task: 0, reason: "paths, modules and shared groups do not overlap" }]);
});
