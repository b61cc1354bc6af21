import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { closing } from "../../lab/cleanup.ts";
import { type HeldRepo, holdRepo, mechanisms } from "../../lab/held.ts";
import { makeRepo } from "../../lab/repo.ts";

const WHO = "-c user.name=x -c user.email=x@y.z";

describe.each(mechanisms)("%s", (mechanism) => {
  const hold = async (
    rule: "may-commit" | "may-stage",
    arrange?: (held: { git: HeldRepo["repo"]["git"]; root: string; dir: string }) => void,
  ) =>
    closing(
      await holdRepo({
        mechanism,
        rules: [rule],
        arrange(repo, { dir }) {
          arrange?.({ git: repo.git, root: repo.root, dir });
          return undefined;
        },
      }),
    );
  const head = ({ repo }: HeldRepo) => repo.git("rev-parse", "main");

  test("a commit of what is in scope lands, one that touches anything else does not", async () => {
    const held = await hold("may-commit");
    const { repo } = held;
    const before = head(held);
    const commit = `git add -A && git ${WHO} commit -qm x`;
    expect(await held.run(`echo 2 >> src/a.ts; ${commit}`)).toMatchObject({ code: 0, refused: [] });
    expect(repo.git("show", "--format=", "--name-only", "main")).toBe("src/a.ts");
    expect(repo.git("rev-parse", "main^")).toBe(before);
    const landed = head(held);
    const done = await held.run(
      `echo 3 >> src/b.ts; ${commit}; git checkout -q HEAD~1 -- src/b.ts; ${commit}`,
    );
    expect(done.code).toBe(3);
    expect(done.refused).toContainEqual(
      expect.objectContaining({ path: ".git/refs/heads/main", code: "out-of-scope" }),
    );
    expect(head(held)).toBe(landed);
    expect(repo.git("status", "--short")).toBe("");
  });

  test("a submodule moved by a commit is seen, though the repository says to ignore it", async () => {
    const held = await hold("may-commit", ({ git, root, dir }) => {
      const other = makeRepo(join(dir, "other"));
      other.git("commit", "-q", "--allow-empty", "-m", "two");
      execFileSync("git", ["-c", "protocol.file.allow=always", "submodule", "add", other.root, "sub"], {
        cwd: root,
        stdio: "ignore",
      });
      git("config", "-f", ".gitmodules", "submodule.sub.ignore", "all");
      git("config", "diff.ignoreSubmodules", "all");
      git("commit", "-qam", "sub");
    });
    const before = head(held);
    const done = await held.run(
      `echo 2 >> src/a.ts; git add src/a.ts; git update-index --cacheinfo 160000,$(git -C sub rev-parse HEAD~1),sub; git ${WHO} commit -qm x`,
    );
    expect(head(held)).toBe(before);
    expect(done.refused.map(({ path, code }) => [path, code])).toContainEqual([
      ".git/refs/heads/main",
      "out-of-scope",
    ]);
    expect(held.repo.git("diff", "--cached", "--ignore-submodules=none", "--name-only")).not.toContain("sub");
  });

  test("what a merge and a history of its own bring is seen, whatever the configuration says of showing it", async () => {
    const held = await hold("may-commit", ({ git, root }) => {
      git("config", "log.diffMerges", "off");
      git("config", "log.showRoot", "false");
      git("checkout", "-q", "-b", "side");
      mkdirSync(join(root, "docs"), { recursive: true });
      writeFileSync(join(root, "docs/side.md"), "side\n");
      git("add", "-A");
      git("commit", "-qm", "side");
      git("checkout", "-q", "main");
    });
    const before = head(held);
    for (const command of [
      `git ${WHO} merge -q --no-ff -m m side`,
      `git ${WHO} commit -q --allow-empty -m e; git ${WHO} merge -q -m m side`,
      // A first commit with something out of scope, joined by a merge that takes nothing of it.
      `c=$(git ${WHO} commit-tree -m r $(git rev-parse side^{tree})); git ${WHO} merge -q -s ours --allow-unrelated-histories -m m $c`,
    ]) {
      await held.run(command);
      expect(head(held), command).toBe(before);
    }
    // The allowed twin: a merge of what is in scope alone.
    const merge = `git checkout -q -b s2 && echo 5 > src/a.ts && git ${WHO} commit -qam s && git checkout -q main && git ${WHO} merge -q --no-ff -m m s2`;
    await held.run(merge);
    expect(head(held)).not.toBe(before);
  });

  test("staging lands for what is in scope, and the rest is said to be out of it", async () => {
    const held = await hold("may-stage");
    const before = head(held);
    const done = await held.run("echo 2 >> src/a.ts; echo 2 >> src/b.ts; git add -A");
    expect(held.repo.git("diff", "--cached", "--name-only")).toBe("src/a.ts");
    expect(done.refused.map(({ path, code }) => [path, code])).toContainEqual([
      ".git/index:src/b.ts",
      "out-of-scope",
    ]);
    expect(done.stderr).not.toContain("nothing is staged");
    expect(done.stderr).toContain("not in the scope of this task");
    const commit = await held.run(`git -c core.hooksPath=/x ${WHO} commit -qm x`);
    expect(commit.refused).toContainEqual(
      expect.objectContaining({ path: ".git/refs/heads/main", rule: "no-commit" }),
    );
    expect(head(held)).toBe(before);
  });
});
