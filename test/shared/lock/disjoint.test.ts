import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Claims, claimsOf } from "../../../shared/lock/claims.ts";
import { disjoint, proveDisjoint } from "../../../shared/lock/disjoint.ts";
import { DEFAULT_GROUPS, GroupFinder, groupsWith } from "../../../shared/lock/groups.ts";
import { related } from "../../../shared/lock/modules.ts";
import { frozenMatcher } from "../../../shared/scope/surroundings.ts";
import type { Rule, TaskSpec } from "../../../shared/task/spec.ts";

const around: Claims["around"] = { caseInsensitive: false, kinds: {} };
const scope = (allow: string[], forbid: string[] = [], rules: Rule[] = []) => ({
  scope: { allow, forbid, rules, inspect: [], noRead: [] },
  around,
});

/** The claims of a task file, or of a packet where `packet` says what differs in it. */
function claims(
  allow: string[],
  packet?: { modules?: string[]; parallel?: boolean; locks?: string[] },
): Claims {
  const spec: TaskSpec = {
    ok: true,
    source: packet ? "packet" : "task-file",
    slug: "t",
    title: "t",
    scope: scope(allow).scope,
    prohibitions: [],
    validation: [],
    errors: [],
    warnings: [],
    ...(packet && {
      packet: {
        packet_version: "v1",
        task_id: "T",
        workstream: "feature",
        owner_agent: "fullstack",
        session_key: "coding:T",
        objective: "o",
        scope: { file_paths: allow, ...(packet.modules && { module_boundaries: packet.modules }) },
        conflict_policy: {
          parallel_allowed: packet.parallel ?? true,
          ...(packet.locks && { required_locks: packet.locks }),
        },
      },
    }),
  };
  return claimsOf(spec, around, DEFAULT_GROUPS);
}

describe("two scopes", () => {
  test.each([
    [["src/a.ts"], ["src/b.ts"]],
    [["src/a/"], ["src/b/"]],
    [["src/a/"], ["src/ab.ts"]],
    [["src/a.ts"], ["src/*.css"]],
    [["src/a/*.ts"], ["src/b/*.ts"]],
    [["src/**/*.ts"], ["src/**/*.css"]],
    [["docs/**"], ["src/"]],
    [["src/{a,b}.ts"], ["src/{c,d}.ts"]],
  ])("%j and %j are told apart", (left, right) => {
    expect(disjoint(scope(left), scope(right)).disjoint).toBe(true);
    expect(disjoint(scope(right), scope(left)).disjoint).toBe(true);
  });

  test.each([
    [["src/a.ts"], ["src/a.ts"], '"src/a.ts" is in both'],
    [["src/"], ["src/a.ts"], '"src/a.ts" lies in "src/"'],
    [["src/"], ["src/lib/"], '"src/lib/" lies in "src/"'],
    [["src/"], ["src/"], '"src/" is in both'],
    [["src/*.ts"], ["src/a.ts"], '"src/a.ts" lies in "src/*.ts"'],
    [["src/*.ts"], ["src/a*.ts"], "cannot be proven"],
    [["**/*.ts"], ["src/lib/"], '"**/*.ts" may mean files in "src/lib/"'],
    [["src/{a,b}.ts"], ["src/{b,c}.ts"], "is in both"],
    [["src/lib"], ["src/lib/a.ts"], "a file for one and a folder for the other"],
    [["src/x"], ["src/x/*.ts"], "a file for one and a folder for the other"],
    [["src/x"], ["src/x/"], "a file for one and a folder for the other"],
  ])("%j and %j are not: %s", (left, right, reason) => {
    for (const [one, other] of [
      [left, right],
      [right, left],
    ] as const) {
      const compared = disjoint(scope(one), scope(other));
      expect(compared.disjoint).toBe(false);
      expect(compared.reason).toContain(reason);
    }
  });

  test("what one of them must not touch is the other's alone", () => {
    const wide = (forbid: string[]) => scope(["src/"], forbid);
    expect(disjoint(wide(["src/lib/"]), scope(["src/lib/"])).disjoint).toBe(true);
    expect(disjoint(wide(["src/lib/"]), scope(["src/lib/deep/"])).disjoint).toBe(true);
    expect(disjoint(wide(["src/lib/a.ts"]), scope(["src/lib/a.ts"])).disjoint).toBe(true);
    expect(disjoint(wide(["src/lib/"]), scope(["src/**/*.ts"])).disjoint).toBe(false);
    expect(disjoint(wide(["src/lib/"]), scope(["src/other/"])).disjoint).toBe(false);
  });

  test("where case makes no difference, it tells nothing apart", () => {
    const folded = (allow: string[]) => ({ ...scope(allow), around: { caseInsensitive: true, kinds: {} } });
    expect(disjoint(folded(["SRC/A.ts"]), folded(["src/a.ts"])).disjoint).toBe(false);
    expect(disjoint(folded(["SRC/A.ts"]), scope(["src/b.ts"])).disjoint).toBe(false);
    expect(disjoint(scope(["SRC/A.ts"]), scope(["src/a.ts"])).disjoint).toBe(true);
  });

  test("no path is allowed by two scopes that are proven disjoint", () => {
    const segment = fc.constantFrom("a", "b", "c", "*", "a*", "**", "[ab]", "{a,c}");
    const name = fc.constantFrom("a.ts", "b.ts", "*.ts", "*.css", "a*", "c", "{a,b}.ts", "");
    const pattern = fc
      .tuple(fc.array(segment, { minLength: 1, maxLength: 3 }), name)
      .map(([folders, file]) => `${folders.join("/")}/${file}`);
    const side = fc.record({
      allow: fc.array(pattern, { minLength: 1, maxLength: 3 }),
      forbid: fc.array(pattern, { maxLength: 2 }),
    });
    const paths = ["a", "b", "c", "ab"].flatMap((one) =>
      ["a.ts", "b.ts", "x.css", "c", "a/a.ts", "b/x.css", "ab/a.ts", "c/a/b.ts", "a/b/c/a.ts"].map(
        (rest) => `${one}/${rest}`,
      ),
    );
    let proven = 0;
    fc.assert(
      fc.property(side, side, (left, right) => {
        const [one, other] = [scope(left.allow, left.forbid), scope(right.allow, right.forbid)];
        const compared = disjoint(one, other);
        expect(disjoint(other, one).disjoint).toBe(compared.disjoint);
        if (!compared.disjoint) return;
        proven += 1;
        const [mine, theirs] = [one, other].map((each) => frozenMatcher(each.scope, each.around));
        for (const path of paths) {
          const both = [mine, theirs].every((each) => each?.classify(path).decision === "allow");
          expect(both ? path : undefined).toBeUndefined();
        }
      }),
      { numRuns: 1500 },
    );
    expect(proven).toBeGreaterThan(100);
  });
});

describe("shared groups", () => {
  const finder = new GroupFinder(DEFAULT_GROUPS, false);

  test.each([
    ["package.json", "package manifests"],
    ["packages/x/package-lock.json", "package manifests"],
    ["requirements/dev.txt", "package manifests"],
    ["tsconfig.build.json", "shared config"],
    ["src/types/index.ts", "global types/contracts"],
    ["src/env.d.ts", "global types/contracts"],
    [".github/workflows/ci.yml", "build pipeline files"],
    ["Dockerfile", "build pipeline files"],
  ])("%s belongs to %s", (path, group) => expect(finder.of(path)).toContain(group));

  test("ordinary sources belong to none", () => {
    for (const path of ["src/a.ts", "src/package.ts", "lib/typesetting/a.c", "README.md"]) {
      expect(finder.of(path)).toEqual([]);
    }
  });

  test("a project replaces a group, adds one, or takes one away", () => {
    const own = new GroupFinder(
      groupsWith({ "shared config": ["app.toml"], "package manifests": [], schema: ["db/"] }),
      false,
    );
    expect(own.of("app.toml")).toEqual(["shared config"]);
    expect(own.of("tsconfig.json")).toEqual([]);
    expect(own.of("package.json")).toEqual([]);
    expect(own.of("db/1.sql")).toEqual(["schema"]);
  });

  test("two tasks that touch one group wait for each other, though their files differ", () => {
    const compared = proveDisjoint(claims(["a/package.json"]), claims(["b/package-lock.json"]), {});
    expect(compared).toEqual({ disjoint: false, reason: 'both touch the shared group "package manifests"' });
    expect(proveDisjoint(claims(["a/x.ts"]), claims(["b/package-lock.json"]), {}).disjoint).toBe(true);
  });

  test("a group may be named by required_locks alone", () => {
    const left = claims(["a/x.ts"], { modules: ["a"], locks: ["shared:release notes"] });
    const right = claims(["b/x.ts"], { modules: ["b"], locks: ["shared:release notes"] });
    const modules = { a: { dependsOn: [] }, b: { dependsOn: [] } };
    expect(proveDisjoint(left, right, modules).reason).toContain('"release notes"');
  });
});

describe("modules", () => {
  const map = {
    billing: { dependsOn: ["core"] },
    "ui.checkout": { dependsOn: ["design"] },
    core: { dependsOn: [] },
    design: { dependsOn: [] },
    docs: { dependsOn: [] },
    shop: { dependsOn: ["billing"] },
  };

  test.each([
    ["billing", "billing", "both are in module"],
    ["ui", "ui.checkout", "lie in each other"],
    ["billing", "core", 'module "billing" depends on module "core"'],
    ["core", "shop", 'module "shop" depends on module "core"'],
    ["billing", "search", 'what module "search" depends on is not known'],
  ])("%s and %s ripple: %s", (one, other, reason) => {
    expect(related(one, other, map)).toContain(reason);
    expect(related(other, one, map)).toBeDefined();
  });

  test("so do two that depend on a third", () => {
    expect(
      related("a", "b", { a: { dependsOn: ["c"] }, b: { dependsOn: ["c"] }, c: { dependsOn: [] } }),
    ).toContain("both depend on");
  });

  test("others do not", () => {
    expect(related("billing", "ui.checkout", map)).toBeUndefined();
    expect(related("billing", "docs", map)).toBeUndefined();
  });
});

describe("packets side by side", () => {
  const modules = { a: { dependsOn: [] }, b: { dependsOn: [] } };
  const one = claims(["a/x.ts"], { modules: ["a"] });

  test("only where both allow it, and paths, modules and groups are apart", () => {
    expect(proveDisjoint(one, claims(["b/x.ts"], { modules: ["b"] }), modules)).toEqual({
      disjoint: true,
      reason: "paths, modules and shared groups do not overlap",
    });
  });

  test.each([
    [
      "one does not allow it",
      claims(["b/x.ts"], { modules: ["b"], parallel: false }),
      "does not allow other work beside",
    ],
    ["it names no modules", claims(["b/x.ts"], {}), "names no modules"],
    ["it is a task file", claims(["b/x.ts"]), "names no modules"],
    ["a module is related", claims(["b/x.ts"], { modules: ["a.deep"] }), "lie in each other"],
    [
      "a module is only in required_locks",
      claims(["b/x.ts"], { modules: ["b"], locks: ["module:a"] }),
      "both are in module",
    ],
  ])("not where %s", (_name, other, reason) => {
    const compared = proveDisjoint(one, other, modules);
    expect(compared.disjoint).toBe(false);
    expect(compared.reason).toContain(reason);
  });

  test("nor where one may commit: the index is everybody's", () => {
    const committing = { ...claims(["b/x.ts"]), ...scope(["b/x.ts"], [], ["may-commit"]) };
    expect(proveDisjoint(claims(["a/x.ts"]), committing, {}).reason).toContain("stage or commit");
  });
});
