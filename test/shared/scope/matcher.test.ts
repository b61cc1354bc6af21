import { describe, expect, test } from "vitest";
import type { Kind } from "../../../shared/scope/around.ts";
import { type Change, createMatcher } from "../../../shared/scope/matcher.ts";
import type { Scope } from "../../../shared/task/spec.ts";
import { scopeOf } from "./scope.ts";

function verdict(parts: Partial<Scope>, path: string, change?: Change, existing: Record<string, Kind> = {}) {
  const answer = createMatcher(scopeOf(parts), { kindOf: (name) => existing[name] }).classify(path, change);
  return answer.decision === "allow" ? "allow" : answer.code;
}

describe("allow takes the narrower reading", () => {
  test.each([
    ["src/a.ts", "src/a.ts", "allow"],
    ["src/a.ts", "src/a.ts/x", "out-of-scope"],
    ["src/a.ts", "x/src/a.ts", "out-of-scope"],
    ["./src/a.ts", "src/a.ts", "allow"],
    ["src/", "src/deep/a.ts", "allow"],
    ["src/", "src", "out-of-scope"],
    ["src/", "srcx/a.ts", "out-of-scope"],
    ["src/**", "src/.hidden/a.ts", "allow"],
    ["src/**", "src", "out-of-scope"],
    ["src/*.ts", "src/a.ts", "allow"],
    ["src/*.ts", "src/deep/a.ts", "out-of-scope"],
    ["src/*", "src/deep/a.ts", "out-of-scope"],
    ["*.md", "README.md", "allow"],
    ["*.md", "docs/README.md", "out-of-scope"],
    ["package.json", "packages/a/package.json", "out-of-scope"],
    ["crates/*/benches/*.rs", "crates/lexer/benches/speed.rs", "allow"],
    ["crates/*/benches/*.rs", "crates/lexer/src/speed.rs", "out-of-scope"],
    ["src/{a,b}.ts", "src/b.ts", "allow"],
    ["src/{a,b}.ts", "src/c.ts", "out-of-scope"],
    ["{src/a,lib/{b,c}}/x.ts", "lib/c/x.ts", "allow"],
    ["src/[0-9]*.ts", "src/1x.ts", "allow"],
    ["src/[!a].ts", "src/b.ts", "allow"],
    ["src/[!a].ts", "src/a.ts", "out-of-scope"],
    ["!src/a.ts", "src/b.ts", "out-of-scope"],
    ["@(src|lib)/*.ts", "src/b.ts", "out-of-scope"],
    ["app/[id]/page.tsx", "app/[id]/page.tsx", "allow"],
    ["app/[id]/page.tsx", "app/i/page.tsx", "out-of-scope"],
    ["app/[user-id]/*.tsx", "app/[user-id]/page.tsx", "allow"],
    ["app/[...rest]/*.tsx", "app/[...rest]/page.tsx", "allow"],
    ["app/[[...rest]]/*.tsx", "app/[[...rest]]/page.tsx", "allow"],
    ["pages/[id].vue", "pages/[id].vue", "allow"],
    ["app/(group)/*.tsx", "app/(group)/page.tsx", "allow"],
    ["app/(group)/*.tsx", "app/group/page.tsx", "out-of-scope"],
    ["app/(group)/x.tsx", "app/(group)/x.tsx", "allow"],
    ["src/routes/+page*.svelte", "src/routes/+page.server.svelte", "allow"],
    ["a b/c&d/*.ts", "a b/c&d/x.ts", "allow"],
    ["**", "a.ts", "out-of-scope"],
    ["*", "a.ts", "out-of-scope"],
    ["**/*", "a/b.ts", "out-of-scope"],
    ["*/**", "a/b.ts", "out-of-scope"],
    ["{**,*}", "a/b.ts", "out-of-scope"],
    [".", "a.ts", "out-of-scope"],
    ["/", "a.ts", "out-of-scope"],
    ["../x/a.ts", "x/a.ts", "out-of-scope"],
    ["src/*a*b*c*d*e*f*g", "src/abcdefg", "out-of-scope"],
    ["src/caf\u00e9.ts", "src/cafe\u0301.ts", "allow"],
    ["src/cafe\u0301/", "src/caf\u00e9/a.ts", "allow"],
  ])("allow %s: write to %s: %s", (pattern, path, expected) => {
    expect(verdict({ allow: [pattern] }, path)).toBe(expected);
  });

  test("a name is a folder only where it is one when the run starts", () => {
    expect(verdict({ allow: ["src/lib"] }, "src/lib/a.ts")).toBe("out-of-scope");
    expect(verdict({ allow: ["src/lib"] }, "src/lib/a.ts", "write", { "src/lib": "directory" })).toBe(
      "allow",
    );
    expect(verdict({ allow: ["src/lib"] }, "src/lib", "create")).toBe("allow");
  });

  test("brackets that exist under their own name are that name, else a class of existing files", () => {
    const literal = { "src/[0-9].ts": "file" as const };
    expect(verdict({ allow: ["src/[0-9].ts"] }, "src/[0-9].ts", "write", literal)).toBe("allow");
    expect(verdict({ allow: ["src/[0-9].ts"] }, "src/1.ts", "write", literal)).toBe("out-of-scope");
    const files = { "src/a.ts": "file" as const };
    expect(verdict({ allow: ["src/[ab].ts"] }, "src/b.ts", "write", files)).toBe("allow");
    expect(verdict({ allow: ["src/[ab].ts"] }, "src/b.ts")).toBe("out-of-scope");
  });
});

describe("forbid takes the wider reading and beats allow", () => {
  test.each([
    ["src/b.ts", "src/b.ts"],
    ["src/generated", "src/generated/x.ts"],
    ["src/generated", "src/generated"],
    ["src/generated/", "src/generated"],
    ["package.json", "src/package.json"],
    ["package.json", "package.json"],
    ["legacy", "src/legacy/x.ts"],
    ["legacy/", "src/legacy/x.ts"],
    ["src/gen*", "src/generated"],
    ["src/gen*", "src/generated/x.ts"],
    ["src/prod.?*", "src/prod.json"],
    ["*.sql", "src/db/a.sql"],
    ["*.sql", "src/x.sql/inner.ts"],
    ["**/*.pb.go", "src/x.pb.go"],
    ["src/*/private", "src/a/private/deep/x.ts"],
    ["src/**.ts", "src/a/b/c.ts"],
    ["src/{a,b}/", "src/b/x.ts"],
    ["src/[id]/x.ts", "src/[id]/x.ts"],
    ["src/[id]/x.ts", "src/i/x.ts"],
    ["src/(g)/x.ts", "src/(g)/x.ts"],
    ["src/@(a|b).ts", "src/b.ts"],
    ["src/[!a].ts", "src/b.ts"],
    ["src/a*b*c*d*e*f*g", "src/deep/x.ts"],
    ["src/caf\u00e9.ts", "src/cafe\u0301.ts"],
    ["**/secret.ts", "src/line\nbreak/secret.ts"],
    ["*", "src/b.ts"],
    [".", "src/b.ts"],
  ])("forbid %s: %s", (pattern, path) => {
    expect(verdict({ allow: ["src/", "package.json"], forbid: [pattern] }, path)).toBe("forbidden");
  });

  test.each([
    ["src/b.ts", "src/b.tsx"],
    ["src/generated", "src/generated.ts"],
    ["legacy", "src/legacy.ts"],
    ["*.sql", "src/a.sql.ts"],
    ["src/*.ts", "src/a.js"],
    ["lib/**", "src/lib.ts"],
    ["!src/a.ts", "src/a.ts"],
  ])("forbid %s leaves %s", (pattern, path) => {
    expect(verdict({ allow: ["src/"], forbid: [pattern] }, path)).toBe("allow");
  });
});

describe("inspect", () => {
  test.each([
    [{ allow: ["src/"], inspect: ["src/types.ts"] }, "src/types.ts", "inspect-only"],
    [{ allow: ["src/"], inspect: ["src/types.ts"] }, "src/other.ts", "allow"],
    [{ allow: ["src/a.ts"], inspect: ["src/"] }, "src/a.ts", "allow"],
    [{ allow: ["src/a.ts"], inspect: ["src/"] }, "src/b.ts", "inspect-only"],
    [{ allow: ["src/*.ts"], inspect: ["src/"] }, "src/b.ts", "allow"],
    [{ allow: ["src/"], inspect: ["src/lib"] }, "src/lib/b.ts", "inspect-only"],
    [{ allow: ["src/lib/"], inspect: ["src"] }, "src/lib/b.ts", "allow"],
    [{ allow: ["src/a.ts"], inspect: ["src/a.ts"] }, "src/a.ts", "inspect-only"],
    [{ allow: ["src/"], inspect: ["types.ts"] }, "src/types.ts", "allow"],
  ])("%j: %s: %s", (parts, path, expected) => {
    expect(verdict(parts, path)).toBe(expected);
  });
});

describe("control files and .git", () => {
  test.each([
    ["src/.env", ["src/"]],
    ["src/.env.local", ["src/**"]],
    [".envrc", ["*rc", ".*"]],
    [".github/workflows/ci.yml", [".github/**"]],
    [".github/workflows/ci.yml", ["**/*.yml"]],
    ["src/CLAUDE.md", ["src/"]],
    ["src/AGENTS.md", ["src/"]],
    ["src/.claude/settings.json", ["src/"]],
    ["src/opencode.jsonc", ["src/"]],
    ["src/.gitignore", ["src/"]],
    ["src/.Gitattributes", ["src/"]],
    ["opencode_tasks/x.txt", ["**/*.txt"]],
    [".github/.env", [".github/"]],
    [".github/workflows/ci.yml", [".github/{workflows,x}/"]],
    [".env", [".env.example"]],
    ["src/x/.husky/pre-commit", ["src/x"]],
    ["handrail.config.json", ["*.json"]],
  ])("%s stays closed with allow %j", (path, allow) => {
    expect(verdict({ allow }, path, "write", { "src/x": "directory" })).toBe("control-file");
  });

  test.each([
    [".github/workflows/ci.yml", [".github/workflows/ci.yml"]],
    [".github/workflows/ci.yml", [".github/"]],
    [".github/CODEOWNERS", [".github"]],
    ["pkg/.env.example", ["pkg/.env.example"]],
    [".env.example", [".env.example"]],
    ["src/environment.ts", ["src/"]],
    ["docs/agents.md", ["docs/"]],
    ["src/claude.ts", ["src/"]],
    [".editorconfig", [".editorconfig"]],
  ])("%s is open with allow %j", (path, allow) => {
    expect(verdict({ allow }, path, "write", { ".github": "directory" })).toBe("allow");
  });

  test.each([
    ".git/config",
    ".git",
    ".GIT/config",
    "src/.git/hooks/x",
    "src/.Git",
    ".git /x",
    ".git./x",
    "git~1/config",
  ])("%s is never open", (path) => {
    expect(verdict({ allow: [path, "src/", ".git/", ".git"] }, path)).toBe("git-dir");
  });

  test.each([".g\u200cit/config", ".git::$INDEX_ALLOCATION/x", "a\\.git\\config"])(
    "%j is git's own, too",
    (path) => {
      expect(verdict({ allow: [path] }, path)).toBe("git-dir");
    },
  );

  test.each(["src/git/x.ts", "src/.gitkeep", "src/digit~1.ts", "src/x.git"])("%s is not git's", (path) => {
    expect(verdict({ allow: ["src/"] }, path)).toBe("allow");
  });

  test.each(["../x", "", "/etc/passwd", "src/../../x", "..", "."])("%j lies outside", (path) => {
    expect(verdict({ allow: [path, "src/"] }, path)).toBe("outside-repository");
  });
});

describe("rules", () => {
  test.each<[Partial<Scope>, string, Change, string]>([
    [{ allow: ["src/"], rules: ["no-new-files"] }, "src/new.ts", "create", "rule"],
    [{ allow: ["src/"], rules: ["no-new-files"] }, "src/old.ts", "modify", "allow"],
    [{ allow: ["src/", "src/new.ts"], rules: ["no-new-files"] }, "src/new.ts", "create", "allow"],
    [{ allow: ["src/{new,x}.ts"], rules: ["no-new-files"] }, "src/new.ts", "create", "rule"],
    [{ allow: ["src/a.ts"], rules: ["no-delete"] }, "src/a.ts", "delete", "rule"],
    [{ allow: ["src/a.ts"], rules: ["no-delete"] }, "src/a.ts", "modify", "allow"],
    [{ allow: ["src/"], rules: ["no-test-changes"] }, "src/a.test.ts", "modify", "rule"],
    [{ allow: ["src/a.test.ts"], rules: ["no-test-changes"] }, "src/a.test.ts", "modify", "allow"],
    [{ allow: ["src/"], rules: ["no-test-changes"] }, "src/latest/a.ts", "modify", "allow"],
    [{ allow: ["pkg/"], rules: ["no-new-dependencies"] }, "pkg/package.json", "modify", "rule"],
    [{ allow: ["pkg/package.json"], rules: ["no-new-dependencies"] }, "pkg/package.json", "modify", "allow"],
    [{ allow: ["pkg/"], rules: ["no-new-dependencies"] }, "pkg/index.ts", "modify", "allow"],
    [
      { allow: ["pkg/"], noRead: ["pkg/secret.txt"], rules: ["no-read"] },
      "pkg/secret.txt",
      "modify",
      "no-read",
    ],
  ])("%j %s %s: %s", (parts, path, change, expected) => {
    expect(verdict(parts, path, change)).toBe(expected);
  });
});

describe("folders alone", () => {
  test.each([
    [["src/new/deep/x.ts"], "src/new/deep", "allow"],
    [["src/new/deep/x.ts"], "src/new/other", "out-of-scope"],
    [["src/new.ts"], "src/new.ts", "out-of-scope"],
    [["src/lib/**"], "src/lib/a/b", "allow"],
    [["src/lib/"], "src/lib", "allow"],
    [["crates/*/benches/*.rs"], "crates/lexer/benches", "allow"],
    [["crates/*/benches/*.rs"], "crates/lexer/src", "out-of-scope"],
    [["*.md"], "docs", "out-of-scope"],
    [[".github/workflows/ci.yml"], ".github/workflows", "allow"],
    [["src/"], "src/.claude", "control-file"],
    [["src/"], "src/.git", "git-dir"],
  ])("allow %j: mkdir %s: %s", (allow, path, expected) => {
    expect(verdict({ allow }, path, "mkdir")).toBe(expected);
  });
});

test("without case, names compare without case; with case they do not", () => {
  const scope = scopeOf({ allow: ["src/"], forbid: ["src/Secret.ts"] });
  const classify = (caseInsensitive: boolean, path: string) =>
    createMatcher(scope, { caseInsensitive }).classify(path).decision;
  expect(classify(true, "SRC/secret.TS")).toBe("refuse");
  expect(classify(true, "SRC/other.ts")).toBe("allow");
  expect(classify(false, "src/secret.ts")).toBe("allow");
  expect(classify(true, "src/claude.md")).toBe("refuse");
});

test("reading is free but for what the task closes", () => {
  const matcher = createMatcher(
    scopeOf({ allow: ["src/"], noRead: ["secrets/", "*.pem"], rules: ["no-read"] }),
  );
  expect(matcher.classifyRead("README.md").decision).toBe("allow");
  expect(matcher.classifyRead("secrets/a")).toMatchObject({
    decision: "refuse",
    code: "no-read",
    detail: "secrets/",
  });
  expect(matcher.classifyRead("deep/key.pem").decision).toBe("refuse");
});
