import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { heldBy } from "../../../../claude-hooks/companion/serve/held.ts";
import { makeRepo, type Repo } from "../../../lab/repo.ts";
import { makeSandbox, type Sandbox } from "../../../lab/sandbox.ts";

const TASK = "opencode_tasks/20261121-change-a.txt";
let sandbox: Sandbox;
let repo: Repo;
beforeEach(() => {
  sandbox = makeSandbox();
  repo = makeRepo(join(sandbox.dir, "repo"));
  repo.write(TASK, "Change a\n\nFiles to modify:\n- src/a.ts\n");
});
afterEach(() => sandbox.close());

const held = (prompt: string, flags: Partial<Parameters<typeof heldBy>[0]> = {}) =>
  heldBy({ root: repo.root, cwd: repo.root, prompt, ...flags });
const allowOf = (found: ReturnType<typeof heldBy>) =>
  found.held.kind === "task" ? found.held.spec.scope.allow : found.held.kind;

const BLOCK = "Do it.\n\nFile scope:\n- src/b.ts\n\nDo not:\n- touch src/a.ts\n";

test("a prompt that says nothing of files only reads, and says so", () => {
  expect(held("Please change src/a.ts.")).toMatchObject({
    held: { kind: "read-only" },
    silent: true,
    why: expect.stringContaining("no file will be written"),
  });
});

test("the file scope block of a prompt binds it; --task goes before it; --read-only and --unscoped before all", () => {
  expect(allowOf(held(BLOCK))).toEqual(["src/b.ts"]);
  expect(allowOf(held(BLOCK, { task: TASK }))).toEqual(["src/a.ts"]);
  expect(allowOf(held(BLOCK, { readOnly: true }))).toBe("read-only");
  expect(allowOf(held(BLOCK, { unscoped: true }))).toBe("unscoped");
  expect(() => held(BLOCK, { unscoped: true, task: TASK })).toThrow(/exclude each other/);
});

test("a task that the prompt is or contains binds it; one that it only names is something to read about", () => {
  expect(allowOf(held(repo.read(TASK)))).toEqual(["src/a.ts"]);
  expect(allowOf(held(`Here:\n${repo.read(TASK)}\nThank you.`))).toEqual(["src/a.ts"]);
  expect(allowOf(held(`Review what ${TASK} asked for.`))).toBe("read-only");
});

test("lists of files to read only are a reviewer's scope; a scope that cannot be told is an error", () => {
  expect(allowOf(held("Look.\n\nFile scope:\n\nFiles to inspect only:\n- src/a.ts\n"))).toBe("read-only");
  expect(allowOf(held("Look.\n\nFile scope (read only):\n- src/a.ts\n"))).toBe("read-only");
  expect(() => held("Do it.\n\nFile scope:\n- **\n")).toThrow(/file scope/);
  expect(() => held(`${BLOCK}\n\nFile scope:\n- src/c.ts\n`)).toThrow(/second file scope/);
});
