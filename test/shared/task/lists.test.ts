import { describe, expect, test } from "vitest";
import { enforced, parse, verdict } from "./task.ts";

const allowOf = (items: string, files: string[] = []) =>
  parse(`T\n\nFiles to modify:\n${items}\n`, files).scope.allow;

describe("one item", () => {
  test.each([
    ["- src/a.ts", ["src/a.ts"]],
    ["* `src/a.ts`", ["src/a.ts"]],
    ["+ src/a.ts", ["src/a.ts"]],
    ["1. src/a.ts", ["src/a.ts"]],
    ["1) src/a.ts", ["src/a.ts"]],
    ["- [ ] `src/a.ts`", ["src/a.ts"]],
    ["src/a.ts", ["src/a.ts"]],
    ["- **src/a.ts**", ["src/a.ts"]],
    ["- **`src/a.ts`**: like src/b.ts", ["src/a.ts"]],
    ["- [src/a.ts](src/a.ts)", ["src/a.ts"]],
    ["- src/a.ts - as in src/b.ts", ["src/a.ts"]],
    ["- src/a.ts — as in src/b.ts", ["src/a.ts"]],
    ["- src/a.ts # as in src/b.ts", ["src/a.ts"]],
    ["- src/a.ts // as in src/b.ts", ["src/a.ts"]],
    ["- src/a.ts: as in src/b.ts", ["src/a.ts"]],
    ["- src/a.ts (see src/b.ts)", ["src/a.ts"]],
    ["- src/a.ts, like src/b.ts", ["src/a.ts"]],
    ["- src/a.ts and its test", ["src/a.ts"]],
    ["- src/a.ts (new)", ["src/a.ts"]],
    ["- (new) src/a.ts", ["src/a.ts"]],
    ["- New: src/a.ts", ["src/a.ts"]],
    ["- Create src/a.ts with the helper from src/b.ts", ["src/a.ts"]],
    ["- M src/a.ts", ["src/a.ts"]],
    ["- Tests: src/a.test.ts", ["src/a.test.ts"]],
    ["- Route handler: src/a.ts", ["src/a.ts"]],
    ["- the helper in src/a.ts", ["src/a.ts"]],
    ["- Only src/a.ts", ["src/a.ts"]],
    ["- ./src/a.ts", ["src/a.ts"]],
    ["- src\\sub\\a.ts", ["src/sub/a.ts"]],
    ["- /repo/src/a.ts", ["src/a.ts"]],
    ["- @src/a.ts", ["src/a.ts"]],
    ["- src/a.ts:12-30", ["src/a.ts"]],
    ["- src/a.ts#L12", ["src/a.ts"]],
    ["- `src/Tax Rules/a.cs`", ["src/Tax Rules/a.cs"]],
    ['- "src/Tax Rules/a.cs"', ["src/Tax Rules/a.cs"]],
    ["- src/Tax Rules/a.cs", ["src/Tax Rules/a.cs"]],
    ["- src/app/(auth)/[id]/page.tsx", ["src/app/(auth)/[id]/page.tsx"]],
    ["- src/**/*.{ts,tsx}", ["src/**/*.{ts,tsx}"]],
    ["- Makefile", ["Makefile"]],
    ["- .env.example", [".env.example"]],
    ["- src/lib/", ["src/lib/"]],
    ["- ./internal/worker/...", ["internal/worker/"]],
    ["- all files in src/lib/", ["src/lib/"]],
    ["- all `.ts` files under src/", ["src/**/*.ts"]],
    ["- all .ts files in src/", ["src/*.ts"]],
    ["- the src/lib folder", ["src/lib/"]],
    ["- src/a.ts, src/b.ts and `src/c.ts`", ["src/a.ts", "src/b.ts", "src/c.ts"]],
    ["- src/a.ts,src/b.ts; src/c.ts", ["src/a.ts", "src/b.ts", "src/c.ts"]],
    ["- src/a.ts / src/b.ts + src/c.ts", ["src/a.ts", "src/b.ts", "src/c.ts"]],
    ["- src/a.ts (new), src/b.ts", ["src/a.ts", "src/b.ts"]],
    ["- src/a.ts → src/b.ts", ["src/a.ts", "src/b.ts"]],
    ["- rename src/a.ts to src/b.ts", ["src/a.ts", "src/b.ts"]],
  ])("%s", (item, allow) => {
    expect(allowOf(item)).toEqual(allow);
  });

  test.each([
    "- see src/b.ts",
    "- Note: src/b.ts stays",
    "- Legacy: src/b.ts",
    "- keep src/b.ts in mind",
    "- https://example.com/src/b.ts",
    "- the pattern in src/b.ts",
  ])("%s allows nothing", (item) => {
    expect(allowOf(`- src/a.ts\n${item}`)).toEqual(["src/a.ts"]);
  });

  test("a name is a folder only where it is one now", () => {
    expect(allowOf("- src/lib\n- src", ["src/lib/x.ts"])).toEqual(["src/lib/", "src/"]);
    expect(allowOf("- src/lib", [])).toEqual(["src/lib"]);
    expect(allowOf("- README", ["README.md"])).toEqual(["README.md"]);
  });
});

describe("several items", () => {
  test("details below an item are not in the list", () => {
    expect(
      allowOf(
        "- src/a.ts\n  - src/b.ts\n  see src/c.ts\n- src/d.ts\n   1. src/e.ts\n\n   ```ts\n   src/f.ts\n   ```\n- src/g.ts",
      ),
    ).toEqual(["src/a.ts", "src/d.ts", "src/g.ts"]);
    expect(allowOf("src/a.ts\n- src/b.ts is the model\nsrc/c.ts")).toEqual(["src/a.ts", "src/c.ts"]);
  });

  test("files below a folder are meant instead of the folder", () => {
    expect(
      allowOf("- src/api/\n  - client.ts\n  - sub/server.ts: the handler\n- src/util/\n  - keep it small"),
    ).toEqual(["src/api/client.ts", "src/api/sub/server.ts", "src/util/"]);
    expect(allowOf("src/\n├── api/\n│   ├── client.ts\n│   └── server.ts\n└── index.ts")).toEqual([
      "src/api/client.ts",
      "src/api/server.ts",
      "src/index.ts",
    ]);
    expect(allowOf("- pkg/ (only client.go and server.go)")).toEqual(["pkg/client.go", "pkg/server.go"]);
  });

  test("groups, tables and a fenced list", () => {
    expect(allowOf("Backend:\n- src/a.ts\nFrontend:\n- web/b.ts")).toEqual(["src/a.ts", "web/b.ts"]);
    expect(allowOf("- Backend:\n  - src/a.ts\n- Frontend:\n  - web/b.ts")).toEqual(["src/a.ts", "web/b.ts"]);
    expect(
      allowOf(
        "| File | Change |\n|---|---|\n| `src/a.ts` | like `src/c.ts` |\n| `src/b.ts` | - |\n| src/d.ts | read only |",
      ),
    ).toEqual(["src/a.ts", "src/b.ts"]);
    expect(allowOf("```\nsrc/a.ts\nsrc/b.ts\n```")).toEqual(["src/a.ts", "src/b.ts"]);
    expect(allowOf("- src/a.ts\n\n```\nsrc/b.ts\n```")).toEqual(["src/a.ts"]);
  });

  test("the list ends with the next heading or rule", () => {
    expect(allowOf("- src/a.ts\n---\n- src/b.ts")).toEqual(["src/a.ts"]);
    expect(allowOf("- src/a.ts\nBackground:\n- src/b.ts")).toEqual(["src/a.ts"]);
  });

  test("what is to be left as it is is not allowed", () => {
    const spec = parse(
      "T\n\nFiles:\n- src/a.ts\n- src/b.ts (do not modify)\n- src/c.ts (read only)\n- src/d.ts - for reference\n- src/e.ts (unchanged)\n- src/f.ts (do not change the signature of f)\n- Do not touch: src/g.ts\n",
    );
    expect(spec.scope).toMatchObject({
      allow: ["src/a.ts", "src/f.ts"],
      inspect: ["src/c.ts", "src/d.ts"],
    });
    expect(spec.scope.forbid.sort()).toEqual(["src/b.ts", "src/e.ts", "src/g.ts"]);
    expect(spec.prohibitions.find((one) => one.text.includes("src/b.ts"))?.enforcement).toBe("path");
  });
});

describe("exceptions take away", () => {
  test.each([
    ["- src/** (except src/gen.ts)", "src/gen.ts"],
    ["- src/ except gen", "src/gen/x.ts"],
    ["- src/, but not src/gen/", "src/gen/x.ts"],
    ["- src/ (excluding src/gen/x.ts)", "src/gen/x.ts"],
    ["- everything in src/ other than src/gen.ts", "src/gen.ts"],
    ["- src/\n  - except src/gen.ts", "src/gen.ts"],
    ["- src/\n- !src/gen/**", "src/gen/x.ts"],
    ["- src/, except for src/gen/** and src/old.ts", "src/old.ts"],
    ["- src/ (except tests)", "src/tests/x.ts"],
    ["- src/ (except api/old.ts)", "src/api/old.ts"],
  ])("%s", (item, path) => {
    const spec = parse(`T\n\nFiles:\n${item}\n`);
    expect(verdict(spec, path)).toBe("forbidden");
    expect(verdict(spec, "src/other.ts")).toBe("allow");
    expect(enforced(spec)[0]).toMatch(/^path/);
  });

  test("an exception that names no file is only told", () => {
    const spec = parse("T\n\nFiles:\n- src/ (except the generated parts)\n");
    expect(enforced(spec)).toEqual(["advisory"]);
    expect(spec.warnings[0]?.message).toContain("generated parts");
  });
});
