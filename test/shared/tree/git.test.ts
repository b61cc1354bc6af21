import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { auditGit, captureGit } from "../../../shared/tree/git.ts";
import { openRepository } from "../../../shared/tree/repository.ts";
import { makeStore } from "../../../shared/tree/store.ts";
import { at, place } from "./fixture.ts";

test("bytes in, bytes out; other exit codes only where they are an answer", async () => {
  const repo = place().repo({ "a.txt": "1" });
  const git = captureGit({ directory: repo.root });
  const content = Buffer.from([0, 0xff, 10, 13]);
  const { text } = await git(["hash-object", "-w", "--stdin"], { input: content });
  expect((await git(["cat-file", "blob", text])).stdout.equals(content)).toBe(true);
  expect((await git(["config", "no.such"], { okCodes: [0, 1] })).code).toBe(1);
  await expect(git(["config", "no.such"])).rejects.toMatchObject({ code: "git-failed" });
  await expect(git(["cat-file", "blob", "nonsense"])).rejects.toThrow(/git cat-file failed \(128\): fatal/);
});

test("what takes too long or prints too much is ended, and said", async () => {
  const here = place();
  const repo = here.repo({ "a.txt": "x".repeat(100_000) });
  const git = captureGit({ directory: repo.root });
  await expect(git(["show", "HEAD:a.txt"], { maxBytes: 1000 })).rejects.toThrow(
    /printed more than 1000 bytes/,
  );
  const marker = join(here.dir, "ran");
  repo.git("config", "filter.slow.clean", `sleep 2; touch '${marker}'`);
  repo.write(".gitattributes", "* filter=slow\n");
  await expect(git(["hash-object", "a.txt"], { timeoutMs: 300 })).rejects.toThrow(/longer than 0.3 s/);
  await new Promise((resolve) => setTimeout(resolve, 2500));
  expect(existsSync(marker), "the filter was ended, too").toBe(false);
});

test("the user's configuration counts at capture; nothing of the kind counts in an audit", async () => {
  const here = place();
  const repo = here.repo({ "a.txt": "1\r\n" });
  const marker = join(here.dir, "ran");
  at(here.home).write(".gitconfig", `[filter "note"]\n\tclean = touch '${marker}'; cat\n`);
  repo.git("config", "core.autocrlf", "true");
  repo.write(".gitattributes", "* filter=note text\n");
  vi.stubEnv("GIT_ATTR_SOURCE", "HEAD");
  const store = makeStore(await openRepository(repo.root), join(here.dir, "store"));
  const audit = auditGit({ directory: repo.root, gitDir: store.gitDir, workTree: repo.root });
  const raw = await audit(["hash-object", "a.txt"]);
  expect(raw.text).toBe((await audit(["hash-object", "--no-filters", "a.txt"])).text);
  expect(existsSync(marker)).toBe(false);
  const filtered = await captureGit({ directory: repo.root })(["hash-object", "a.txt"]);
  expect(filtered.text).not.toBe(raw.text);
  expect(existsSync(marker)).toBe(true);
});
