import { rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createMatcher } from "../../../shared/scope/matcher.ts";
import type { Rule } from "../../../shared/task/spec.ts";
import { type AuditOptions, auditTurn } from "../../../shared/tree/audit.ts";
import { readBlob } from "../../../shared/tree/blobs.ts";
import { Journal, readJournal } from "../../../shared/tree/journal.ts";
import { openRepository } from "../../../shared/tree/repository.ts";
import { closeWindow, closeWindows, openWindow } from "../../../shared/tree/shell-window.ts";
import { takeSnapshot } from "../../../shared/tree/snapshot.ts";
import { at, type Place, place, type TestRepo } from "./fixture.ts";

const FILES = { "src/a.ts": "a\n", "src/b.ts": "b\n", "README.md": "# R\n" };

async function turn(
  here: Place,
  repo: TestRepo,
  rules: Rule[] = [],
  confinement: "overlay" | "none" = "none",
) {
  const dir = join(here.state, "turn-1");
  const snapshot = await takeSnapshot(await openRepository(repo.root), dir, { scratch: [], allow: [] });
  const journal = new Journal(dir, repo.root);
  let calls = 0;
  let shellCommands = 0;
  return {
    snapshot,
    /** A structured tool that Handrail let through. */
    tool(path: string, act: () => void) {
      const callID = `tool-${++calls}`;
      journal.begin({ via: "tool", tool: "edit", callID, paths: [path], directory: repo.root });
      act();
      journal.end(callID);
    },
    /** An unconfined shell command. */
    async shell(act: () => void) {
      const callID = `shell-${++shellCommands}`;
      await openWindow(snapshot, { tool: "bash", callID });
      act();
      await closeWindow(snapshot, journal, callID);
    },
    async killedShell(act: () => void) {
      shellCommands++;
      await openWindow(snapshot, { tool: "bash", callID: "killed" });
      act();
    },
    async audit(othersWrote?: AuditOptions["othersWrote"]) {
      await closeWindows(snapshot, journal);
      const scope = { allow: ["src/a.ts", "src/lib/**"], inspect: [], forbid: [], rules, noRead: [] };
      const matcher = createMatcher(scope);
      const commands = confinement === "none" ? shellCommands : 0;
      const unconfined = { commands, formatters: 0, languageServers: 0 };
      const options = { snapshot, journal: readJournal(dir), matcher, unconfined };
      return auditTurn({ ...options, ...(othersWrote && { othersWrote }) });
    },
  };
}

test("journalled writes are the executor's, everything else is foreign and not blamed", async () => {
  const here = place();
  const repo = here.repo(FILES);
  const run = await turn(here, repo);
  run.tool("src/a.ts", () => repo.write("src/a.ts", "a\nmore\n"));
  run.tool("src/lib/new.ts", () => repo.write("src/lib/new.ts", "1\n2\n"));
  repo.write("README.md", "the user's\n");
  repo.git("add", "README.md");
  expect(await run.audit()).toEqual({
    verdict: "in_scope",
    reasons: [],
    outOfScope: [],
    foreign: [".git/index:README.md", "README.md"],
    changes: [
      { path: "README.md", status: "modified", added: 1, deleted: 1, inScope: false, by: "foreign" },
      { path: "src/a.ts", status: "modified", added: 1, deleted: 0, inScope: true, by: "executor" },
      { path: "src/lib/new.ts", status: "added", added: 2, deleted: 0, inScope: true, by: "executor" },
    ],
  });
});

test("a journalled write outside the scope is a violation", async () => {
  const here = place();
  const repo = here.repo(FILES);
  const run = await turn(here, repo);
  run.tool("src/b.ts", () => rmSync(join(repo.root, "src/b.ts")));
  const audit = await run.audit();
  expect(audit.verdict).toBe("violated");
  expect(audit.outOfScope).toEqual([{ path: "src/b.ts", code: "out-of-scope" }]);
  expect(audit.changes).toEqual([
    { path: "src/b.ts", status: "deleted", added: 0, deleted: 1, inScope: false, by: "executor" },
  ]);
  expect((await readBlob(run.snapshot, repo.git("rev-parse", "HEAD:src/b.ts")))?.toString()).toBe("b\n");
});

test("unconfined commands: what changed meanwhile is the executor's; quiet ones prove nothing", async () => {
  const here = place();
  const repo = here.repo(FILES);
  const run = await turn(here, repo);
  repo.write("README.md", "the user's, before\n");
  await run.shell(() => repo.write("src/lib/x.ts", "x\n"));
  const quiet = await run.audit();
  expect(quiet.verdict).toBe("unverifiable");
  expect(quiet.reasons).toEqual([expect.stringContaining("one shell command ran without confinement")]);
  expect(quiet.foreign).toEqual(["README.md"]);
  await run.shell(() => {
    repo.write("src/b.ts", "sneaked\n");
    repo.git("commit", "-qam", "sneaked");
  });
  repo.write("notes.txt", "the user's, after\n");
  const loud = await run.audit();
  expect(loud.verdict).toBe("violated");
  expect(loud.outOfScope.map((one) => one.path)).toEqual([
    "src/b.ts",
    ".git/index:README.md",
    ".git/index:src/b.ts",
    ".git/refs/heads/main",
  ]);
  expect(loud.foreign).toEqual(["README.md", "notes.txt"]);
});

test("what another run wrote while a command ran unheld is that run's, if it may and if it is as that run left it", async () => {
  const here = place();
  const repo = here.repo(FILES);
  const run = await turn(here, repo);
  await run.shell(() => {
    repo.write("src/b.ts", "the other run's\n");
    repo.write("README.md", "sneaked\n");
  });
  const theirs = (path: string, state: { oid: string } | undefined) =>
    path === "src/b.ts" && state?.oid === repo.git("hash-object", "src/b.ts");
  const audit = await run.audit(theirs);
  expect(audit.outOfScope.map((one) => one.path)).toEqual(["README.md"]);
  expect(audit.foreign).toEqual(["src/b.ts"]);
  expect((await run.audit()).outOfScope.map((one) => one.path)).toEqual(["README.md", "src/b.ts"]);
  // What a structured tool of this run wrote is its own, whoever else says so.
  run.tool("src/b.ts", () => repo.write("src/b.ts", "mine\n"));
  expect((await run.audit(() => true)).outOfScope.map((one) => one.path)).toEqual(["src/b.ts"]);
});

test("a command that changes something back to what it was is in the window, too", async () => {
  const here = place();
  const repo = here.repo(FILES);
  const run = await turn(here, repo);
  await run.shell(() => repo.write("src/b.ts", "x\n"));
  await run.shell(() => repo.write("src/b.ts", "b\n"));
  expect((await run.audit()).outOfScope).toEqual([]);
  await run.shell(() => repo.write("src/b.ts", "y\n"));
  expect((await run.audit()).outOfScope).toEqual([{ path: "src/b.ts", code: "out-of-scope" }]);
});

test("a command whose end nobody saw is closed by whoever audits", async () => {
  const here = place();
  const repo = here.repo(FILES);
  const run = await turn(here, repo);
  await run.killedShell(() => repo.write("src/b.ts", "sneaked\n"));
  expect((await run.audit()).outOfScope).toEqual([{ path: "src/b.ts", code: "out-of-scope" }]);
});

test("with confinement a shell command takes nothing from the verdict", async () => {
  const here = place();
  const repo = here.repo(FILES);
  const run = await turn(here, repo, [], "overlay");
  await run.shell(() => repo.write("src/lib/x.ts", "x\n"));
  expect((await run.audit()).verdict).toBe("in_scope");
});

test("may-stage allows index entries in scope, may-commit also the commit; hooks never", async () => {
  const here = place();
  for (const [rules, codes] of [
    [[], [".git/index:src/a.ts"]],
    [["may-stage"], []],
  ] as [Rule[], string[]][]) {
    const repo = here.repo(FILES, `stage-${rules.length}`);
    const run = await turn({ ...here, state: join(here.state, `${rules.length}`) }, repo, rules);
    await run.shell(() => {
      repo.write("src/a.ts", "new\n");
      repo.git("add", "src/a.ts");
    });
    expect((await run.audit()).outOfScope.map((one) => one.path)).toEqual(codes);
  }
  const repo = here.repo(FILES);
  const run = await turn(here, repo, ["may-commit"]);
  await run.shell(() => {
    repo.write("src/a.ts", "new\n");
    repo.git("commit", "-qam", "allowed");
  });
  expect((await run.audit()).outOfScope).toEqual([]);
  await run.shell(() => repo.write(".git/hooks/post-commit", "x", 0o755));
  expect((await run.audit()).outOfScope).toEqual([{ path: ".git/hooks/post-commit", code: "git-dir" }]);
});

test("changes inside nested repositories and submodules are seen, with their line counts", async () => {
  const here = place();
  const inner = here.repo({ "in.txt": "1\n" }, "inner");
  const repo = here.repo(FILES);
  repo.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", inner.root, "sub");
  repo.git("commit", "-qam", "sub");
  here.repo({ "n.txt": "1\n", ".gitignore": "secret\n" }, "repo/nest");
  repo.write("nest/secret", "1\n");
  const run = await turn(here, repo);
  await run.shell(() => {
    repo.write("sub/in.txt", "2\n3\n");
    repo.write("nest/n.txt", "2\n");
    repo.write("nest/secret", "2\n");
    at(join(repo.root, "nest")).git("config", "core.fsmonitor", "evil");
    at(join(repo.root, "src")).git("init", "-q");
    repo.write("docs/.git/HEAD", "ref: refs/heads/main\n");
    repo.write("docs/hidden.md", "x\n");
  });
  const audit = await run.audit();
  expect(audit.changes.map(({ path, status, added }) => [path, status, added])).toEqual([
    ["docs/.git", "added", undefined],
    ["docs/hidden.md", "added", 1],
    ["nest/n.txt", "modified", 1],
    ["nest/secret", "modified", 1],
    ["src/.git", "added", undefined],
    ["sub/in.txt", "modified", 2],
    ["nest/.git/config", "modified", undefined],
  ]);
  expect(audit.verdict).toBe("violated");
});
