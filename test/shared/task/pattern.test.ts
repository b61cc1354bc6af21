import { expect, test } from "vitest";
import { within } from "../../../shared/task/boundary.ts";
import { normalizePattern } from "../../../shared/task/pattern.ts";

test.each([
  ["src/a.ts", "src/a.ts"],
  [" ./src//a.ts ", "src/a.ts"],
  ["src\\a.ts", "src/a.ts"],
  ["src/./x/../a.ts", "src/a.ts"],
  ["/repo/src/a.ts", "src/a.ts"],
  ["/repo//src/", "src/"],
  ["src/", "src/"],
  ["src/..hidden/a", "src/..hidden/a"],
  ["internal/...", "internal/"],
  ["src/**", "src/**"],
  ["*.ts", "*.ts"],
])("%j becomes %j", (raw, pattern) => {
  expect(normalizePattern(raw, "/repo")).toEqual({ ok: true, pattern });
});

test.each([
  ["", "invalid"],
  ["!src/a.ts", "invalid"],
  ["a\0b", "invalid"],
  ["a".repeat(1001), "invalid"],
  ["..", "outside"],
  ["src/*/../x", "outside"],
  ["/repo2/a", "outside"],
  ["/repo/../x", "outside"],
  ["{**,*}", "everything"],
  ["src/..", "everything"],
  [".git", "git-dir"],
  ["git~1/config", "git-dir"],
])("%j is %s", (raw, reason) => {
  expect(normalizePattern(raw, "/repo")).toMatchObject({ ok: false, reason });
});

test.each([
  ["src/a.ts", "src/", ["src/a.ts"]],
  ["src/", "src/", ["src/"]],
  ["src/", "src/api/", ["src/api/"]],
  ["src/**", "src/a.ts", ["src/a.ts"]],
  ["src/**/*.ts", "src/api/", ["src/api/**/*.ts"]],
  ["src/", "**/*.md", ["src/**/*.md"]],
  ["docs/a.md", "*.md", ["docs/a.md"]],
  ["README.md", "src/", []],
  ["src/*.ts", "lib/", []],
  ["srcx/a.ts", "src/", []],
])("%s within %s is %j", (pattern, limit, kept) => {
  expect(within(pattern, limit)).toEqual(kept);
});
