import { expect, test } from "vitest";
import { isManifest, isTest } from "../../../shared/scope/ecosystems.ts";

test.each([
  "src/a.test.ts",
  "src/a.spec.tsx",
  "pkg/test_a.py",
  "pkg/a_test.py",
  "pkg/a_test.go",
  "spec/models/user_spec.rb",
  "tests/x.rs",
  "src/__tests__/a.js",
  "src/test/java/A.java",
  "src/main/java/FooTest.java",
  "Shop.Tests/Cart.cs",
  "AppTests/Foo.swift",
  "app/src/androidTest/x.kt",
  "tests/Http/UrlTest.php",
  "conftest.py",
  "src/__snapshots__/a.snap",
  "test/widget_test.dart",
  "web/login.cy.ts",
  "src/tests.rs",
])("%s is a test", (path) => expect(isTest(path)).toBe(true));

test.each([
  "src/latest/a.ts",
  "src/contest.ts",
  "src/attest/x.go",
  "src/testing.ts",
  "src/protest.py",
  "src/a.ts",
  "inspect/a.ts",
])("%s is none", (path) => expect(isTest(path)).toBe(false));

test.each([
  "package.json",
  "packages/a/package-lock.json",
  "Cargo.toml",
  "go.sum",
  "requirements.txt",
  "requirements-dev.txt",
  "dev-requirements.in",
  "requirements/base.txt",
  "pyproject.toml",
  "Gemfile.lock",
  "src/App/App.csproj",
  "gradle/libs.versions.toml",
  "pom.xml",
])("%s is a manifest", (path) => expect(isManifest(path)).toBe(true));

test.each(["src/package.ts", "docs/requirements.md", "src/cargo.rs", "tsconfig.json"])("%s is none", (path) =>
  expect(isManifest(path)).toBe(false),
);
