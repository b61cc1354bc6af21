import { describe, expect, test } from "vitest";
import { parse, verdict } from "./task.ts";

describe("sentences before the first heading say what may be changed", () => {
  test.each([
    ["Modify src/api/client.ts.", ["src/api/client.ts"]],
    ["In src/x.ts, add a retry with backoff.", ["src/x.ts"]],
    [
      "In the file `src/x.py`, replace requests with httpx. Also update `requirements.txt`.",
      ["src/x.py", "requirements.txt"],
    ],
    ["Create a file named fibonacci.py in the current directory", ["fibonacci.py"]],
    ["Fix src/cart/total.ts: applyDiscount() takes the discount off twice.", ["src/cart/total.ts"]],
    ["src/cart/total.ts: fix the rounding of negative totals.", ["src/cart/total.ts"]],
    ["Update a.py and b.py so that both use c.py.", ["a.py", "b.py"]],
    ["Only touch src/a.ts. Fix the rounding.", ["src/a.ts"]],
    ["Touch only these files: src/a.ts, src/b.ts. Rename x to y.", ["src/a.ts", "src/b.ts"]],
    ["Edit only `src/a.ts` and `src/b.ts`.", ["src/a.ts", "src/b.ts"]],
    ["Only `a.ts` may change. Make add() commutative.", ["a.ts"]],
    ["You may only edit src/a.ts.", ["src/a.ts"]],
    ["The only file you may edit is `src/app.py`. Fix paginate().", ["src/app.py"]],
    ["Work on src/app.ts only.", ["src/app.ts"]],
    ["Limit the changes to src/net/. Add jitter.", ["src/net/"]],
    ["Keep all changes inside src/net/ and test/net/. Rework the retry.", ["src/net/", "test/net/"]],
    ["Add tests to tests/cart.test.ts for src/cart/discount.ts.", ["tests/cart.test.ts"]],
    ["Add retry with backoff to the client in src/net/client.ts.", ["src/net/client.ts"]],
    [
      "Rename src/a.ts to src/b.ts and update the import in src/index.ts.",
      ["src/a.ts", "src/b.ts", "src/index.ts"],
    ],
    ["Rename the folder src/foo to src/bar.", ["src/foo/", "src/bar/"]],
    ["Move src/a.ts to src/lib/.", ["src/a.ts", "src/lib/a.ts"]],
    ["Move foo() from src/a.ts to src/b.ts.", ["src/a.ts", "src/b.ts"]],
    ["Extract the parser from src/a.ts into src/b.ts.", ["src/a.ts", "src/b.ts"]],
    ["Split src/big.ts into src/one.ts and src/two.ts.", ["src/big.ts", "src/one.ts", "src/two.ts"]],
    ["Rewrite scripts/deploy.sh in Python as scripts/deploy.py.", ["scripts/deploy.sh", "scripts/deploy.py"]],
    ["Copy src/a.ts to src/b.ts.", ["src/b.ts"]],
    ["Delete src/old.ts and remove its import from src/index.ts.", ["src/old.ts", "src/index.ts"]],
    ["Create slug.py and test_slug.py in src/utils/.", ["src/utils/slug.py", "src/utils/test_slug.py"]],
    ["Create a component called Button.tsx under src/components/.", ["src/components/Button.tsx"]],
    ["Change the signature of f in src/a.ts, and adapt the callers in src/b.ts.", ["src/a.ts", "src/b.ts"]],
    ["Refactor `parse` in `src/config.c` and its header `src/config.h`.", ["src/config.c", "src/config.h"]],
    ["Refactor the retry loop of src/net/client.ts.", ["src/net/client.ts"]],
    ["Implement the design in docs/design.md in src/engine.ts.", ["src/engine.ts"]],
    ["Add an endpoint GET /health to src/server.ts that returns src/data.json.", ["src/server.ts"]],
    ["Fix the crash in src/x.ts caused by src/y.ts.", ["src/x.ts"]],
    ["Update src/a.ts to import from src/b.ts.", ["src/a.ts"]],
    ["Update src/a.ts (the loop) and src/b.ts (the caller), see src/c.ts.", ["src/a.ts", "src/b.ts"]],
    ["Please fix `src/parser.rs` (see `src/lexer.rs`).", ["src/parser.rs"]],
    ["Your task is to port src/date.js to TypeScript.", ["src/date.js"]],
    ["I want you to update src/config.ts, as in src/env.ts.", ["src/config.ts"]],
    ["To fix the login, edit src/auth.ts. If that does not help, edit src/store.ts.", ["src/auth.ts"]],
    ["Open src/app.ts and change the port to 8080.", ["src/app.ts"]],
    ["Have a look at src/report.py. Fix that in src/report.py.", ["src/report.py"]],
    ["Generate src/schema.ts from schema.graphql.", ["src/schema.ts"]],
    ["Fix typos in docs/.", ["docs/"]],
    ["Update all .ts files in src/api/ to use the new logger.", ["src/api/*.ts"]],
    [
      "Tidy up .eslintrc.json, .prettierrc and tsconfig*.json.",
      [".eslintrc.json", ".prettierrc", "tsconfig*.json"],
    ],
    ["Task: fix it\n\nUpdate src/a.ts.", ["src/a.ts"]],
    ["# Fix src/a.ts\n\nIt is slow, like src/b.ts.", ["src/a.ts"]],
    [
      "Please do the following:\n1. In src/a.ts, rename foo to bar.\n2. Update src/b.ts.",
      ["src/a.ts", "src/b.ts"],
    ],
    [
      "Fix the importer. Do not modify any file except lib/a.rb and spec/a_spec.rb.",
      ["lib/a.rb", "spec/a_spec.rb"],
    ],
  ])("%s", (text, allow) => {
    const spec = parse(text);
    expect(spec.errors).toEqual([]);
    expect(spec.scope.allow).toEqual(allow);
  });

  test.each([
    "Make the product list load faster.",
    "The file src/x.ts has a bug. Find it.",
    "Add tests for src/parser.ts.",
    "In src/types.ts, RetryOptions already has the field.",
    "See src/b.ts for an example.",
    "Run npx prettier on src/a.ts.",
    "Make tests/a.test.ts pass.",
    "Use src/helper.ts.",
    "Modify everything.",
    "Add GET /health.",
    "Use Node.js, console.log and i/o.",
    "Do not touch anything outside src/cart/.",
    "Fix the retry loop (src/net/client.ts).",
  ])("no scope: %s", (text) => {
    const spec = parse(text);
    expect(spec.ok).toBe(false);
    expect(spec.scope.allow).toEqual([]);
    expect(spec.errors[0]?.message).toContain("Files to modify:\n- src/api/client.ts");
  });

  test("a plain word is a folder where it is one now", () => {
    expect(parse("Fix all files in src.", ["src/a.ts"]).scope.allow).toEqual(["src/"]);
    expect(parse("Fix all files in src.").ok).toBe(false);
  });

  test("exceptions are taken away", () => {
    const spec = parse("Clean up imports in src/**/*.py (except src/vendor/**).");
    expect([verdict(spec, "src/a.py"), verdict(spec, "src/vendor/a.py")]).toEqual(["allow", "forbidden"]);
  });

  test("a list of files is the whole list, whatever sentences say", () => {
    const spec = parse("Fix src/b.ts and update src/c.ts.\n\nFiles:\n- src/a.ts\n");
    expect(spec.scope.allow).toEqual(["src/a.ts"]);
  });

  test("the error names what the task mentions", () => {
    expect(parse("Add a flag to the CLI (src/cli.rs).").errors[0]?.message).toContain('"src/cli.rs"');
  });
});

describe("a section of tests", () => {
  const allowOf = (tests: string) => parse(`T\n\nFiles:\n- src/a.ts\n\n${tests}\n`).scope.allow.slice(1);

  test.each([
    [
      "Tests:\n- Add a regression test to tests/a.test.ts like those in tests/b.test.ts.",
      ["tests/a.test.ts"],
    ],
    ["Tests:\n- Extend `tests/a_test.py` with a case for empty input", ["tests/a_test.py"]],
    ["Tests:\nRun `npm test`. Cover both in tests/a.test.ts.", ["tests/a.test.ts"]],
    ["Tests:\n- New tests go in tests/a.test.ts", ["tests/a.test.ts"]],
    ["Tests to add:\n- tests/a.test.ts: wrong password", ["tests/a.test.ts"]],
    ["Tests:\n- npx vitest run tests/a.test.ts", []],
    ["Tests:\n- Run `npx vitest run tests/a.test.ts`", []],
    ["Tests:\n- tests/a.test.ts must pass", []],
    ["Tests:\n- Add tests for src/b.ts", []],
  ])("%s", (tests, allow) => {
    expect(allowOf(tests)).toEqual(allow);
  });
});
