import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Journal, readJournal } from "../../../shared/tree/journal.ts";
import { openRepository } from "../../../shared/tree/repository.ts";
import { restore } from "../../../shared/tree/restore.ts";
import { closeWindow, openWindow } from "../../../shared/tree/shell-window.ts";
import { takeSnapshot } from "../../../shared/tree/snapshot.ts";
import { place } from "./fixture.ts";

test("puts back what a command changed, made and deleted, and leaves what somebody changed since", async () => {
  const here = place();
  const repo = here.repo({
    "src/a.ts": "a\n",
    "run.sh": "#!/bin/sh\n",
    "gone.md": "here\n",
    "later.md": "old\n",
  });
  const file = (path: string) => join(repo.root, path);
  writeFileSync(file("src/a.ts"), "the user's own edit\n");
  const dir = join(here.state, "turn-1");
  const snapshot = await takeSnapshot(await openRepository(repo.root), dir, { scratch: [], allow: [] });
  const journal = new Journal(dir, repo.root);
  await openWindow(snapshot, { tool: "bash", callID: "one" });
  writeFileSync(file("src/a.ts"), "overwritten\n");
  writeFileSync(file("new.md"), "made\n");
  writeFileSync(file("later.md"), "overwritten\n");
  writeFileSync(file("untouched.md"), "made too\n");
  rmSync(file("gone.md"));
  await closeWindow(snapshot, journal, "one");
  writeFileSync(file("later.md"), "changed by the user since\n");

  const wanted = new Set(["src/a.ts", "new.md", "gone.md", "later.md"]);
  const done = await restore(snapshot, readJournal(dir), wanted);
  expect(done.restored.sort()).toEqual(["gone.md", "new.md", "src/a.ts"]);
  expect(done.left).toEqual([{ path: "later.md", reason: "it was changed since" }]);
  expect(readFileSync(file("src/a.ts"), "utf8")).toBe("the user's own edit\n");
  expect(readFileSync(file("gone.md"), "utf8")).toBe("here\n");
  expect(readFileSync(file("later.md"), "utf8")).toBe("changed by the user since\n");
  expect(existsSync(file("new.md"))).toBe(false);
  // Not asked for: left where it is.
  expect(readFileSync(file("untouched.md"), "utf8")).toBe("made too\n");
  expect(statSync(file("run.sh")).isFile()).toBe(true);
});
