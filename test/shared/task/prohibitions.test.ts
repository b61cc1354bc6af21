import { describe, expect, test } from "vitest";
import { enforced, parse, verdict } from "./task.ts";

const withScope = (line: string, files: string[] = []) =>
  parse(`T\n\nFiles to modify:\n- src/a.ts\n- lib/\n\nConstraints:\n- ${line}\n`, files);

describe("each prohibition is held as a path, as a rule, or told", () => {
  test.each<[string, string[]]>([
    ["Do not touch src/x.ts.", ["path src/x.ts"]],
    ["Don't touch `src/x.ts`!", ["path src/x.ts"]],
    ["don’t modify src/x.ts or src/y.ts", ["path src/x.ts src/y.ts"]],
    ["**Do not** change `src/x.ts`, `src/y.ts`, or anything in infra/", ["path src/x.ts src/y.ts infra/"]],
    ["Never change src/x.ts", ["path src/x.ts"]],
    ["You must not touch src/x.ts nor any file in src/plugins", ["path src/x.ts src/plugins"]],
    ["You may not edit src/x.ts", ["path src/x.ts"]],
    ["You are not allowed to edit src/x.ts", ["path src/x.ts"]],
    ["It is forbidden to modify src/x.ts", ["path src/x.ts"]],
    ["Under no circumstances modify src/x.ts", ["path src/x.ts"]],
    ["Make sure not to touch src/x.ts", ["path src/x.ts"]],
    ["Avoid changing src/x.ts", ["path src/x.ts"]],
    ["Refrain from editing src/x.ts", ["path src/x.ts"]],
    ["Fix it without changing src/x.ts", ["path src/x.ts"]],
    ["Wrap it instead of modifying src/x.ts", ["path src/x.ts"]],
    ["Leave src/x.ts unchanged", ["path src/x.ts"]],
    ["Leave src/x.ts alone", ["path src/x.ts"]],
    ["Keep src/x.ts as it is", ["path src/x.ts"]],
    ["src/x.ts must stay as it is", ["path src/x.ts"]],
    ["src/x.ts must not be changed", ["path src/x.ts"]],
    ["src/x.ts must not change", ["path src/x.ts"]],
    ["src/x.ts and src/y.ts are read-only", ["path src/x.ts src/y.ts"]],
    ["The generated client (src/x.ts) is off limits", ["path src/x.ts"]],
    ["src/x.ts is out of scope", ["path src/x.ts"]],
    ["src/x.ts - do not touch", ["path src/x.ts"]],
    ["Hands off src/x.ts", ["path src/x.ts"]],
    ["Stay out of src/legacy/", ["path src/legacy/"]],
    ["Ignore src/legacy/", ["path src/legacy/"]],
    ["No changes to tests/ or docs/", ["path tests/ docs/"]],
    ["We don't want any changes in src/x.ts", ["path src/x.ts"]],
    ["Do not edit files in src/legacy", ["path src/legacy"]],
    ["Do not modify the generated files (src/gen/**, *.pb.go)", ["path src/gen/** *.pb.go"]],
    ["Do not modify .md files", ["path *.md"]],
    ["Do not touch the README", ["path README* readme*"]],
    ["Do not touch the vendor folder", ["path vendor/"]],
    ["Do not change src/x.ts, it is used elsewhere", ["path src/x.ts"]],
    ["Do not change src/x.ts (generated from src/y.ts)", ["path src/x.ts"]],
    ["Do not create src/x.ts", ["path src/x.ts"]],
    ["Do not modify /src/legacy/", ["path src/legacy/"]],
    ["Do not touch src\\legacy\\", ["path src/legacy/"]],
    ["Do not commit", ["rule no-commit"]],
    ["Do not stage or commit any changes.", ["rule no-stage", "rule no-commit"]],
    ["Do not stage/commit", ["rule no-stage", "rule no-commit"]],
    ["Do not run git add or git commit.", ["rule no-stage", "rule no-commit"]],
    ["Don't use git", ["rule no-stage", "rule no-commit"]],
    ["Leave all changes unstaged.", ["rule no-stage"]],
    ["No commits!", ["rule no-commit"]],
    ["Do not create new files", ["rule no-new-files"]],
    ["Do not create any additional files or directories", ["rule no-new-files"]],
    ["Don't add files", ["rule no-new-files"]],
    [
      "No new files, dependencies or tests",
      ["rule no-new-files", "rule no-new-dependencies", "rule no-test-changes"],
    ],
    ["Do not delete files", ["rule no-delete"]],
    ["Do not remove anything", ["rule no-delete"]],
    ["Do not rename or move files", ["rule no-rename"]],
    ["No renames, no deletions", ["rule no-rename", "rule no-delete"]],
    ["No new dependencies.", ["rule no-new-dependencies"]],
    ["Do not add, remove or upgrade dependencies", ["rule no-new-dependencies"]],
    ["Don't install anything", ["rule no-new-dependencies"]],
    ["Do not use external libraries", ["rule no-new-dependencies"]],
    ["no gems", ["rule no-new-dependencies"]],
    ["Do not change any tests", ["rule no-test-changes"]],
    ["Do not modify existing unit tests", ["rule no-test-changes"]],
    ["The tests stay as they are", ["rule no-test-changes"]],
    ["Do not access the network", ["rule no-network"]],
    ["No network access", ["rule no-network"]],
    ["Do not make network requests", ["rule no-network"]],
    ["Do not read or open secrets/ and .env", ["rule no-read secrets/ .env"]],
    ["Do not look at src/private.ts", ["rule no-read src/private.ts"]],
    ["Do not access data/x.csv", ["rule no-read data/x.csv", "path data/x.csv"]],
    ["No other files.", ["path", "rule no-new-files"]],
    ["Touch nothing else.", ["path"]],
    ["All other files are off limits", ["path"]],
    ["Do not modify any other file", ["path"]],
    ["Do not edit files that are not listed above", ["path"]],
    ["Do not make changes outside of the listed files", ["path"]],
    ["touch nothing other than the files above", ["path"]],
    [
      "Do not touch a.md, rename functions or add dependencies",
      ["path a.md", "advisory", "rule no-new-dependencies"],
    ],
    ["Do not change the signature of f in src/a.ts", ["advisory"]],
    ["Do not change the exports of src/a.ts", ["advisory"]],
    ["Do not add comments to src/x.ts", ["advisory"]],
    ["Do not reformat unrelated code", ["advisory"]],
    ["Do not reformat src/a.ts", ["advisory"]],
    ["Do not reformat src/x.ts", ["path src/x.ts"]],
    ["Do not rename functions", ["advisory"]],
    ["Do not change the CSV format", ["advisory"]],
    ["Do not change the /health endpoint", ["advisory"]],
    ["Do not commit the transaction twice", ["advisory"]],
    ["Do not read the whole file into memory", ["advisory"]],
    ["Leave the library crate alone", ["advisory"]],
    ["The handler must not throw", ["advisory"]],
    ["No breaking changes", ["advisory"]],
    ["Do not push", ["advisory"]],
    ["Never use eval", ["advisory"]],
    ["Do not forget to update the docs", []],
    ["You do not need to touch src/x.ts", []],
    ["The client does not retry, and workers do not wait", []],
    ["no change needed in src/x.ts", []],
  ])("%s", (line, expected) => {
    expect(enforced(withScope(line))).toEqual(expected);
  });

  test("below Do not, items need no verb", () => {
    const items = [
      "src/x.ts",
      "package.json: no new deps",
      "src/legacy/ - it will be removed",
      "the billing module (src/billing/)",
      "any `*.snap` file",
      "Changing src/y.ts",
      "tests",
      "new files",
      "commits",
      "`git add`, `git push`",
      "network",
      "the public API",
      "UI changes",
      "formatting of src/a.ts",
    ];
    const spec = parse(`T\n\nFiles:\n- src/a.ts\n\nOut of scope:\n- ${items.join("\n- ")}\n`);
    expect(enforced(spec)).toEqual([
      "path src/x.ts",
      "path package.json",
      "rule no-new-dependencies",
      "path src/legacy/",
      "path src/billing/",
      "path *.snap",
      "path src/y.ts",
      "rule no-test-changes",
      "rule no-new-files",
      "rule no-commit",
      "rule no-stage",
      "advisory",
      "rule no-network",
      "advisory",
      "advisory",
      "advisory",
    ]);
  });

  test("the heading's verb holds for its items", () => {
    const spec = parse(
      "T\n\nFiles:\n- src/a.ts\n\nDo not read:\n- .env\n- secrets/\n\nDo not rename:\n- files\n",
    );
    expect(enforced(spec)).toEqual(["rule no-read .env", "rule no-read secrets/", "rule no-rename"]);
    expect(spec.scope.noRead).toEqual([".env", "secrets/"]);
  });

  test("the text is what the task says", () => {
    const spec = withScope("**Do not** touch `src/x.ts` (it is generated), and never add dependencies.");
    expect(spec.prohibitions.map((one) => one.text)).toEqual([
      "Do not touch `src/x.ts` (it is generated)",
      "never add dependencies",
    ]);
  });

  test("a folder is named by a plain word only where it exists", () => {
    expect(enforced(withScope("Do not touch docs", ["docs/x.md"]))).toEqual(["path docs"]);
    expect(enforced(withScope("Do not touch docs"))).toEqual(["advisory"]);
  });
});

describe("exceptions and limits", () => {
  test("a test that is excepted is named outright, if it is in scope", () => {
    const spec = parse(
      "T\n\nFiles:\n- tests/\n\nDo not:\n- edit any test other than tests/a.test.ts\n- change tests except spec/b.test.ts\n",
    );
    expect(spec.scope.allow).toEqual(["tests/", "tests/a.test.ts"]);
    expect([
      verdict(spec, "tests/a.test.ts"),
      verdict(spec, "tests/b.test.ts"),
      verdict(spec, "spec/b.test.ts"),
    ]).toEqual(["allow", "rule", "out-of-scope"]);
  });

  test("a forbidden folder keeps its exceptions", () => {
    const spec = parse(
      "T\n\nFiles:\n- src/\n\nDo not:\n- touch src/legacy/ except src/legacy/index.ts and src/legacy/sub/x.ts\n",
    );
    const paths = ["src/legacy/index.ts", "src/legacy/sub/x.ts", "src/a.ts"];
    const refused = [
      "src/legacy/index.tsx",
      "src/legacy/b.ts",
      "src/legacy/sub/y.ts",
      "src/legacy/subs/x.ts",
    ];
    expect(paths.map((path) => verdict(spec, path))).toEqual(paths.map(() => "allow"));
    expect(refused.map((path) => verdict(spec, path))).toEqual(refused.map(() => "forbidden"));
  });

  test("an exception that names no file leaves the whole forbidden", () => {
    const spec = parse(
      "T\n\nFiles:\n- src/a.ts\n- package.json\n\nDo not change package.json except the version field.\n",
    );
    expect(verdict(spec, "package.json")).toBe("forbidden");
  });

  test.each([
    ["Do not touch any file outside src/api/.", ["src/api/x.ts"], ["src/y.ts", "README.md"]],
    ["Nothing outside src/api may change.", ["src/api/x.ts"], ["src/y.ts", "README.md"]],
    ["Do not modify anything except README.md and src/y.ts.", ["README.md", "src/y.ts"], ["src/z.ts"]],
    ["Only src/api/ may be changed.", ["src/api/x.ts"], ["src/y.ts", "README.md"]],
    ["Limit all changes to README.md.", ["README.md"], ["src/y.ts"]],
    ["Do not change anything else in src/.", ["README.md"], ["src/z.ts"]],
  ])("%s", (line, allowed, refused) => {
    const spec = parse(`T\n\nFiles:\n- src/\n- README.md\n\nConstraints:\n- ${line}\n`);
    expect(spec.errors).toEqual([]);
    expect(allowed.map((path) => verdict(spec, path))).toEqual(allowed.map(() => "allow"));
    expect(refused.map((path) => verdict(spec, path)).filter((code) => code === "allow")).toEqual([]);
  });

  test("no new files, and yet those that the task names", () => {
    const spec = parse("Create slugify.py.\n\nDo not create additional files. No other files.");
    expect([verdict(spec, "slugify.py"), verdict(spec, "other.py")]).toEqual(["allow", "out-of-scope"]);
    const folder = parse("T\n\nFiles:\n- src/\n- src/new.ts\n\nDo not create new files.\n", ["src/old.ts"]);
    const files = ["src/old.ts"];
    expect([
      verdict(folder, "src/new.ts", files),
      verdict(folder, "src/x.ts", files),
      verdict(folder, "src/old.ts", files),
    ]).toEqual(["allow", "rule", "allow"]);
  });
});

describe("leave to stage and to commit", () => {
  const rulesOf = (text: string) => parse(`Fix src/a.ts.\n\n${text}`).scope.rules;

  test.each([
    "",
    "Commit the transaction when it is saved.",
    "If you commit, say so.",
    "You may not commit.",
    "Do not commit unless tests pass.",
  ])("none: %j", (text) => {
    expect(rulesOf(text)).toEqual(expect.arrayContaining(["no-stage", "no-commit"]));
    expect(rulesOf(text)).not.toContain("may-commit");
  });

  test.each([
    "You may commit.",
    "Commit the result when tests pass. Do not push.",
    "Commit your changes.",
    "You may stage and commit.",
  ])("to commit, which takes staging: %s", (text) => {
    expect(rulesOf(text).sort()).toEqual(["may-commit", "may-stage"]);
  });

  test("to stage only", () => {
    expect(rulesOf("Stage your changes but do not commit.").sort()).toEqual(["may-stage", "no-commit"]);
    expect(rulesOf("You may stage your changes.").sort()).toEqual(["may-stage", "no-commit"]);
  });
});
