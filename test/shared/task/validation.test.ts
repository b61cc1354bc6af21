import { expect, test } from "vitest";
import { parse } from "./task.ts";

const validationOf = (text: string) => parse(`Fix src/a.ts.\n\n${text}\n`).validation;

test.each([
  ["Tests:\n- npm test", ["npm test"]],
  ["Tests/validation:\n- `npx vitest run src/a.test.ts`", ["npx vitest run src/a.test.ts"]],
  ["Validation: `npm test`", ["npm test"]],
  ["Tests:\n- Run `npm test` and check that all pass\n- Run: npm run lint", ["npm test", "npm run lint"]],
  ["Verify with: mix test test/a_test.exs", ["mix test test/a_test.exs"]],
  ["Checks: `go test -race ./a/...`, then `go vet ./...`.", ["go test -race ./a/...", "go vet ./..."]],
  ["Tests:\n- cargo test -p parser -p lexer.", ["cargo test -p parser -p lexer"]],
  ["Tests:\n- go test ./...", ["go test ./..."]],
  [
    "Tests:\n- npm test (all green)\n- npm run lint - no warnings\n- pytest -q  # quick",
    ["npm test", "npm run lint", "pytest -q"],
  ],
  ["Tests:\n- npm test passes.\n- npm run build must succeed", ["npm test", "npm run build"]],
  ["Tests:\n- npm test and npm run lint", ["npm test", "npm run lint"]],
  ["Tests:\n- npm test && npm run lint", ["npm test && npm run lint"]],
  [
    "Tests:\n- CI=1 npm test\n- cd web && npm test\n- ./scripts/check.sh --all",
    ["CI=1 npm test", "cd web && npm test", "./scripts/check.sh --all"],
  ],
  ["Tests:\n    bundle exec rspec spec/a_spec.rb", ["bundle exec rspec spec/a_spec.rb"]],
  ["## Validation\n```sh\n# all\n$ go test ./...\ngo vet ./cmd\n```", ["go test ./...", "go vet ./cmd"]],
  ["## Validation\n```json\n{}\n```", []],
  ['Acceptance:\n1. login works\n2. `node scripts/check.mjs` prints "ok"', ["node scripts/check.mjs"]],
  ["Tests:\n- make check\n- make sure the build is green\n- go over it once more", ["make check"]],
  ["Tests:\n- `applyDiscount()` returns 5\n- `src/a.ts` is formatted\n- All existing tests pass", []],
  ["Tests:\n- Do not run `npm run e2e`", []],
  ["Run `npm test` before you finish.", ["npm test"]],
  ["It makes `npm test` fail.", []],
  ["Do not:\n- run `npm install`", []],
  ["Tests:\n- npm test\n- `npm test`", ["npm test"]],
])("%j", (text, commands) => {
  expect(validationOf(text)).toEqual(commands);
});
