import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { at, everything, place, type TestRepo } from "../../shared/tree/fixture.ts";
import { handrail } from "./handrail.ts";

const run = handrail();

const FILES = { "src/a.ts": "a\n", "src/b.ts": "b\n", ".gitignore": "*.log\n" };

test("baseline, edits of every kind, diff: the executor's work and nothing of the user's", () => {
  const here = place();
  const repo = here.repo(FILES);
  repo.write("src/a.ts", "a\nthe user's\n");
  repo.write("notes.txt", "the user's\n");
  const captured = run(repo.root, ["baseline", "--json"]);
  expect(captured.code).toBe(0);
  expect(captured.json).toMatchObject({
    created: true,
    baseline: expect.any(String),
    full: expect.any(String),
  });
  repo.write("src/a.ts", "a\nthe user's\nstaged\n");
  repo.git("add", "src/a.ts");
  rmSync(join(repo.root, "src/b.ts"));
  repo.git("commit", "-qam", "executor");
  repo.write("src/new.ts", "1\n2\n");
  repo.write("logo.bin", Buffer.from([0, 1, 2]));
  repo.write("debug.log", "ignored\n");
  const diff = run(join(repo.root, "src"), ["diff", "--json"]);
  const { baseline, full } = captured.json;
  expect(diff.json).toMatchObject({ baseline, full });
  const by = "executor";
  const inScope = true;
  expect(diff.json.files).toEqual([
    { path: "logo.bin", status: "added", added: null, deleted: null, inScope, by },
    { path: "src/a.ts", status: "modified", added: 1, deleted: 0, inScope, by },
    { path: "src/b.ts", status: "deleted", added: 0, deleted: 1, inScope, by },
    { path: "src/new.ts", status: "added", added: 2, deleted: 0, inScope, by },
  ]);
  const text = run(repo.root, ["diff"]).stdout;
  expect(text).toContain("+staged\n");
  expect(text).toContain("Binary files /dev/null and b/logo.bin differ");
  expect(text).not.toContain("\u001b");
  expect(text).not.toContain("+the user's");
  expect(text).not.toContain("notes.txt");
  expect(run(repo.root, ["diff", "--stat"]).stdout).toMatch(/src\/new\.ts +\| +2 \+\+/);
  expect(run(repo.root, ["baseline", "--json"]).json).toMatchObject({ baseline, created: false });
});

const TASK = (allow: string[], more = "") =>
  `Title: Change something\n${more}\nFiles to modify:\n${allow.map((path) => `- ${path}`).join("\n")}\n\nRequired changes:\n- Do it.\n`;

test("the scope of the task counts, and ignored files that it or its correction allows", () => {
  const repo = place().repo({ ...FILES, ".gitignore": "gen/\n" });
  repo.write("gen/a.ts", "1\n");
  repo.write("gen/b.ts", "1\n");
  repo.write("gen/c.ts", "1\n");
  const first = "opencode_tasks/20261121-make-it.txt";
  repo.write(first, TASK(["src/a.ts", "gen/a.ts"]));
  const captured = run(repo.root, ["baseline", "--task", first, "--json"]).json;
  expect(captured).toMatchObject({ task: "make-it", created: true });
  for (const path of ["src/a.ts", "src/b.ts", "gen/a.ts", "gen/b.ts", "gen/c.ts"]) repo.write(path, "2\n");
  const seen = (...args: string[]) =>
    run(repo.root, ["diff", "--json", ...args]).json.files.map(
      (file: { path: string; inScope: boolean }) => `${file.inScope ? "in" : "out"} ${file.path}`,
    );
  expect(seen()).toEqual(["in gen/a.ts", "in src/a.ts", "out src/b.ts"]);
  expect(run(repo.root, ["verify", "--json"])).toMatchObject({
    code: 3,
    json: { verdict: "violated", outOfScope: ["src/b.ts"] },
  });
  const second = "opencode_tasks/20261122-make-it-right.txt";
  repo.write(second, TASK(["gen/b.ts", "src/b.ts"], "Corrects: make-it\n"));
  expect(run(repo.root, ["baseline", "--task", second, "--json"]).json).toEqual({
    ...captured,
    created: false,
  });
  expect(seen("--task", second)).toEqual(["in gen/a.ts", "in gen/b.ts", "in src/a.ts", "in src/b.ts"]);
  expect(seen("--task", "make-it")).toEqual(seen("--task", first));
});

test("the state folder may be lost: the diff comes from the commit", () => {
  const here = place();
  const repo = here.repo(FILES);
  repo.write("notes.txt", "the user's\n");
  run(repo.root, ["baseline"]);
  repo.write("src/a.ts", "executor\n");
  repo.write("x.log", "ignored\n");
  rmSync(here.state, { recursive: true });
  for (const _again of [1, 2]) {
    const { json } = run(repo.root, ["diff", "--json"]);
    expect(json.files.map((file: { path: string }) => file.path)).toEqual(["src/a.ts"]);
  }
});

test("diff and verify change nothing in the repository", () => {
  const here = place();
  const repo = here.repo(FILES);
  run(repo.root, ["baseline"]);
  repo.write("src/a.ts", "executor\n");
  repo.git("add", "-A");
  repo.write("src/b.ts", "executor\n");
  const before = everything(repo.root);
  for (const args of [["diff"], ["diff", "--json"], ["verify"], ["baseline"]]) run(repo.root, args);
  expect(everything(repo.root)).toEqual(before);
});

test("what is missing is said, with a code and a fix", () => {
  const here = place();
  const repo = here.repo(FILES);
  expect(run(here.dir, ["baseline", "--json"])).toMatchObject({
    code: 2,
    json: { error: { code: "not-a-repository" } },
  });
  for (const verb of ["diff", "verify"]) {
    expect(run(repo.root, [verb, "--json"])).toMatchObject({
      code: 2,
      json: { error: { code: "no-baseline", fix: "handrail baseline" } },
    });
  }
  run(repo.root, ["baseline"]);
  expect(run(repo.root, ["diff", "--task", "nope"])).toMatchObject({ code: 2, stdout: "" });
  expect(run(repo.root, ["verify", "--run", "../../x", "--json"]).json.error.code).toBe("bad-input");
});

test("without a run nothing is called clean; --strict makes that an exit code", () => {
  const repo = place().repo(FILES);
  run(repo.root, ["baseline"]);
  expect(run(repo.root, ["verify", "--json"])).toMatchObject({
    code: 0,
    json: { verdict: "unverifiable", outOfScope: [], refused: [] },
  });
  expect(run(repo.root, ["verify", "--strict"]).code).toBe(3);
});

/** What an executor may leave behind, and a plain git command that falls for it. */
const plants: Record<string, { plant: (repo: TestRepo, evil: string) => void; victim: string[] }> = {
  "core.fsmonitor": {
    plant: (repo, evil) => repo.git("config", "core.fsmonitor", evil),
    victim: ["status"],
  },
  "a clean filter": {
    plant: (repo, evil) => {
      repo.git("config", "filter.evil.clean", evil);
      repo.write(".gitattributes", "* filter=evil\n");
    },
    victim: ["add", "-A"],
  },
  "a filter with an equals sign in its name": {
    plant: (repo, evil) => {
      writeFileSync(join(repo.root, ".git/config"), `[filter "a=b"]\n\tclean = ${evil}\n\trequired\n`, {
        flag: "a",
      });
      repo.write(".gitattributes", "* filter=a=b\n");
    },
    victim: ["add", "-A"],
  },
  "a long-running filter": {
    plant: (repo, evil) => {
      repo.git("config", "filter.evil.process", evil);
      repo.write(".gitattributes", "* filter=evil\n");
    },
    victim: ["add", "-A"],
  },
  textconv: {
    plant: (repo, evil) => {
      repo.git("config", "diff.evil.textconv", evil);
      repo.write(".gitattributes", "* diff=evil\n");
    },
    victim: ["diff"],
  },
  "a diff driver": {
    plant: (repo, evil) => {
      repo.git("config", "diff.evil.command", evil);
      repo.write(".gitattributes", "* diff=evil\n");
    },
    victim: ["diff"],
  },
  "diff.external": {
    plant: (repo, evil) => repo.git("config", "diff.external", evil),
    victim: ["diff"],
  },
  hooks: {
    plant: (repo, evil) => {
      for (const name of ["reference-transaction", "post-index-change", "pre-commit"]) {
        repo.write(`.git/hooks/${name}`, `#!/bin/sh\n${evil}\n`, 0o755);
      }
    },
    victim: ["update-ref", "refs/heads/x", "HEAD"],
  },
  "core.hooksPath": {
    plant: (repo, evil) => {
      repo.write("tools/reference-transaction", `#!/bin/sh\n${evil}\n`, 0o755);
      repo.git("config", "core.hooksPath", join(repo.root, "tools"));
    },
    victim: ["update-ref", "refs/heads/x", "HEAD"],
  },
  "an included configuration": {
    plant: (repo, evil) => {
      repo.write("more.cfg", `[core]\n\tfsmonitor = ${evil}\n`);
      repo.git("config", `includeIf.gitdir:${repo.root}/.path`, join(repo.root, "more.cfg"));
      repo.git("config", "include.path", join(repo.root, "more.cfg"));
    },
    victim: ["status"],
  },
  "a pager, an editor, an alias": {
    plant: (repo, evil) => {
      for (const key of ["core.pager", "pager.diff", "core.editor", "core.askPass"])
        repo.git("config", key, evil);
      for (const name of ["x", "baseline", "diff"]) repo.git("config", `alias.${name}`, `!${evil}`);
    },
    victim: ["x"],
  },
  "a promised object whose remote is a program": {
    plant: (repo, evil) => {
      repo.git("config", "core.repositoryFormatVersion", "1");
      repo.git("config", "extensions.partialClone", "origin");
      repo.git("config", "remote.origin.url", repo.root);
      repo.git("config", "remote.origin.promisor", "true");
      repo.git("config", "remote.origin.uploadpack", evil);
      repo.git("config", "protocol.file.allow", "always");
      const id = repo.git("rev-parse", "HEAD:src/b.ts");
      rmSync(join(repo.root, ".git/objects", id.slice(0, 2), id.slice(2)));
      rmSync(join(repo.root, "src/b.ts"));
    },
    victim: ["show", "HEAD:src/b.ts"],
  },
  "a monitor in a nested repository": {
    plant: (repo, evil) => {
      repo.write("nest/file", "1");
      const nest = at(join(repo.root, "nest"));
      nest.git("init", "-q");
      nest.git("add", "-A");
      nest.git("commit", "-qm", "one");
      nest.git("config", "core.fsmonitor", evil);
      repo.write("nest/file", "2");
    },
    victim: ["-C", "nest", "status"],
  },
};

test.each(Object.entries(plants))("%s is not run", (_name, { plant, victim }) => {
  const here = place();
  const repo = here.repo(FILES);
  const marker = join(here.dir, "ran");
  at(here.dir).write("evil.sh", `#!/bin/sh\ntouch '${marker}'\n[ $# -gt 0 ] || cat\n`, 0o755);
  run(repo.root, ["baseline"]);
  repo.write("src/a.ts", "executor\n");
  plant(repo, join(here.dir, "evil.sh"));
  for (const args of [["diff", "--json"], ["diff"], ["verify"], ["baseline", "--renew"]]) {
    const answer = run(repo.root, args);
    expect(existsSync(marker), `${args.join(" ")}: ${answer.stderr}`).toBe(false);
    if (answer.json) {
      expect(answer.json.files).toContainEqual(
        expect.objectContaining({ path: "src/a.ts", added: 1, deleted: 1 }),
      );
    }
  }
  repo.write("src/a.ts", "once more\n");
  try {
    repo.git(...victim);
  } catch {
    // The plant may well make git fail; that it ran is what counts.
  }
  expect(existsSync(marker), "the same plant works on plain git").toBe(true);
});

test("git variables, and a git in the repository, are not used", () => {
  const here = place();
  const repo = here.repo(FILES);
  const marker = join(here.dir, "ran");
  at(here.dir).write("evil.sh", `#!/bin/sh\ntouch '${marker}'\n`, 0o755);
  repo.write("node_modules/.bin/git", `#!/bin/sh\ntouch '${marker}'\n`, 0o755);
  run(repo.root, ["baseline"]);
  repo.write("src/a.ts", "executor\n");
  const evil = join(here.dir, "evil.sh");
  const env = {
    PATH: `${join(repo.root, "node_modules/.bin")}:${process.env.PATH}`,
    GIT_EXTERNAL_DIFF: evil,
    GIT_PAGER: evil,
    GIT_DIR: "/nowhere",
    GIT_INDEX_FILE: "/nowhere",
    GIT_CONFIG_COUNT: "1",
    GIT_CONFIG_KEY_0: "core.fsmonitor",
    GIT_CONFIG_VALUE_0: evil,
  };
  const { json } = run(repo.root, ["diff", "--json"], env);
  expect(json.files[0]).toMatchObject({ path: "src/a.ts", added: 1, deleted: 1 });
  expect(run(repo.root, ["diff"], env).stdout).toContain("+executor");
  expect(existsSync(marker)).toBe(false);
});
