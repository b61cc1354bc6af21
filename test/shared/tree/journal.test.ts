import { appendFileSync, readFileSync, rmSync, symlinkSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Journal, pathsChangedBy, preImage, readJournal } from "../../../shared/tree/journal.ts";
import { place } from "./fixture.ts";

const call = (repo: { root: string }, callID: string, ...paths: string[]) => ({
  via: "tool" as const,
  tool: "edit",
  callID,
  paths,
  directory: repo.root,
});

test("keeps the pre-image before a write and the state after it", () => {
  const here = place();
  const repo = here.repo({ "a.txt": "old\n", "sub/b.txt": "b\n" });
  const dir = join(here.state, "turn-1");
  const journal = new Journal(dir, repo.root);
  journal.begin(call(repo, "1", "a.txt", "new.txt", join(repo.root, "sub/b.txt")));
  repo.write("a.txt", "new\n");
  repo.write("new.txt", "x\n");
  journal.end("1");
  journal.end("never began");
  const entries = readJournal(dir);
  expect(entries.map(({ path, before, after }) => [path, before?.oid, after?.oid])).toEqual([
    ["a.txt", repo.git("rev-parse", "HEAD:a.txt"), repo.git("hash-object", "a.txt")],
    ["new.txt", undefined, repo.git("hash-object", "new.txt")],
    ["sub/b.txt", repo.git("rev-parse", "HEAD:sub/b.txt"), repo.git("hash-object", "sub/b.txt")],
  ]);
  expect(entries.map((entry) => preImage(dir, entry)?.toString())).toEqual(["old\n", undefined, "b\n"]);
  expect(pathsChangedBy(entries)).toEqual(new Set(["a.txt", "new.txt"]));
});

test("notes the file that a link leads to, and refuses what cannot be resolved", () => {
  const here = place();
  const repo = here.repo({ "real/a.txt": "old\n" });
  symlinkSync("real", join(repo.root, "way"));
  const dir = join(here.state, "turn-1");
  const journal = new Journal(dir, repo.root);
  journal.begin(call(repo, "1", "way/a.txt"));
  repo.write("real/a.txt", "new\n");
  journal.end("1");
  expect(pathsChangedBy(readJournal(dir))).toEqual(new Set(["way/a.txt", "real/a.txt"]));
  expect(() => journal.begin(call(repo, "2", ""))).toThrow(/cannot journal/);
});

test("a call that never ended counts as changed; a torn line swallows nothing", () => {
  const here = place();
  const repo = here.repo({ "a.txt": "a\n", "b.txt": "b\n", "c.txt": "c\n" });
  const dir = join(here.state, "turn-1");
  new Journal(dir, repo.root).begin(call(repo, "1", "a.txt", "b.txt"));
  const file = join(dir, "journal.jsonl");
  truncateSync(file, readFileSync(file).length - 30);
  expect([...pathsChangedBy(readJournal(dir))]).toEqual(["a.txt"]);
  const later = new Journal(dir, repo.root);
  later.begin(call(repo, "2", "c.txt"));
  later.end("2");
  expect(readJournal(dir).map((entry) => [entry.path, entry.after !== undefined])).toEqual([
    ["a.txt", false],
    ["c.txt", true],
  ]);
  appendFileSync(file, '{"at":1}\nnot json\n');
  expect(readJournal(dir)).toHaveLength(2);
  rmSync(file);
  expect(readJournal(dir)).toEqual([]);
});
