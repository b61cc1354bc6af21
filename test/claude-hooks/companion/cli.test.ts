import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { closing } from "../../lab/cleanup.ts";
import { projectRoot } from "../../lab/process.ts";
import { changed, makeRepo, type Repo } from "../../lab/repo.ts";
import { makeSandbox, type Sandbox } from "../../lab/sandbox.ts";

const HANDRAIL = join(projectRoot, "claude-hooks/bin/handrail");
const VERBS = "init doctor task baseline run exec explain diff verify runs show callback".split(" ");
const FILE = "opencode_tasks/20261121-a.txt";
const TASK = "Change a\n\nFiles to modify:\n- src/a.ts\n\nDo not:\n- touch src/b.ts\n";
const NOT_THERE = "r20261121T111111-aaaaaa";

interface Lab {
  sandbox: Sandbox;
  repo: Repo;
  /** The built command, as a person types it. */
  cli(args: string[], options?: { cwd?: string; env?: NodeJS.ProcessEnv }): Answer;
  sh(script: string): Answer;
}

interface Answer {
  code: number | null;
  out: string;
  err: string;
}

function lab(name = "my prój"): Lab {
  const sandbox = closing(makeSandbox());
  const repo = makeRepo(join(sandbox.dir, name), {
    files: { "src/a.ts": "a\n", "src/b.ts": "b\n" },
    ignore: ["opencode_tasks/"],
    dirty: { [FILE]: TASK, "notes.txt": "mine\n" },
  });
  const call = (file: string, args: string[], cwd: string, env: NodeJS.ProcessEnv): Answer => {
    const done = spawnSync(file, args, { cwd, env, input: "", encoding: "utf8", timeout: 60_000 });
    return { code: done.status, out: done.stdout, err: done.stderr };
  };
  return {
    sandbox,
    repo,
    cli: (args, { cwd = repo.root, env = {} } = {}) => call(HANDRAIL, args, cwd, { ...sandbox.env, ...env }),
    sh: (script) => call("/bin/bash", ["-c", script], repo.root, { ...sandbox.env, HANDRAIL }),
  };
}

/** What a refusal of bad input is: one sentence and a fix, nothing on stdout, no stack. */
function expectRefusal(answer: Answer, says: RegExp, code = 2): void {
  expect(answer.code, answer.err).toBe(code);
  expect(answer.out).toBe("");
  expect(answer.err).toMatch(says);
  expect(answer.err).toMatch(/^handrail: .+\n(?:[\s\S]*\n)? {2}fix: .+\n$/);
  expect(answer.err).not.toMatch(/\n\s+at .*:\d+/);
}

describe("help", () => {
  test("names every verb and the exit codes; each verb says what it takes", () => {
    const { cli, sandbox } = lab();
    const help = cli(["--help"], { cwd: sandbox.dir });
    expect(help.code).toBe(0);
    for (const verb of VERBS) expect(help.out).toMatch(new RegExp(`^  ${verb} `, "m"));
    expect(help.out).toContain("2 bad usage or input");
    expect(cli([], { cwd: sandbox.dir }).out).toBe(help.out);
    for (const verb of VERBS) {
      const own = cli([verb, "--help"], { cwd: sandbox.dir });
      expect([own.code, own.err]).toEqual([0, ""]);
      expect(own.out).toContain(`Usage: handrail ${verb}`);
      expect(own.out).toContain("--json");
    }
    expect(cli(["help", "run"], { cwd: sandbox.dir }).out).toBe(cli(["run", "--help"]).out);
    expect(cli(["help", "task", "new"]).out).toContain("Usage: handrail task new");
  });
});

describe("usage", () => {
  const wrong: [string[], RegExp][] = [
    [["bogus"], /unknown command 'bogus'/],
    [["task"], /handrail task needs a command/],
    [["task", "bogus"], /unknown command 'bogus'/],
    [["run"], /missing required argument 'file'/],
    [["run", "a", "b"], /too many arguments/],
    [["run", FILE, "--bogus"], /unknown option '--bogus'/],
    [["run", FILE, "--timeout", "soon"], /--timeout takes minutes, not "soon"/],
    [["run", FILE, "--timeout", "-1"], /--timeout takes minutes/],
    [["run", FILE, "--model", "x"], /--model takes provider\/model/],
    [["run", FILE, "--lane", "sky"], /--lane .*sky/],
    [["runs", "--limit", "x"], /--limit takes a number/],
    [["runs", "--limit", "0"], /--limit takes a number/],
    [["runs", "extra"], /too many arguments/],
    [["explain", "--task"], /argument missing/],
    [["explain", "--task", FILE, "--tool", "write", "--args", "x"], /--args is not JSON/],
    [["exec", "--", "ls"], /either --task FILE or --run ID/],
    [["exec", "--task", FILE, "--run", NOT_THERE, "--", "ls"], /either --task FILE or --run ID/],
    [["exec", "--task", FILE], /missing required argument 'command'/],
    [["show", "../../etc/passwd"], /not a run id: "\.\.\/\.\.\/etc\/passwd"/],
    [["show", NOT_THERE], /no run r2026/],
    [["verify", "--run", "../x"], /not a run id/],
    [["exec", "--run", "/", "--", "ls"], /not a run id/],
    [["diff", "--task", "nothing"], /no baseline of nothing/],
    [["callback", "redeliver", "../x"], /not a callback id/],
    [["task", "new", "Bad Slug"], /is no slug/],
    [["task", "new", "a".repeat(5000)], /is no slug/],
    [["task", "new", "x", "--dir", "../y"], /outside the repository/],
    [["task", "new", "x", "--dir", "/tmp/y"], /outside the repository/],
    [["task", "new", "x", "--dir", ".git"], /lies in \.git/],
    [["task", "new", "x", "--dir", "src/a.ts"], /src\/a\.ts is a file/],
    [["task", "check", "x".repeat(100_000)], /no such file/],
  ];

  test("each mistake: exit 2, a sentence, a fix, and nothing written; with --json, too", () => {
    const { cli, repo } = lab();
    const before = repo.manifest();
    for (const [at, [args, says]] of wrong.entries()) {
      expectRefusal(cli(args), says);
      if (at % 4 > 0) continue;
      const json = cli(["--json", ...args]);
      expect(json.code).toBe(2);
      expect(JSON.parse(json.out).error).toEqual({
        code: expect.any(String),
        message: expect.stringMatching(says),
        fix: expect.any(String),
      });
    }
    expect(changed(before, repo.manifest())).toEqual([]);
  }, 180_000);

  test("a person who does it right is served, with a path with spaces and from a subfolder", () => {
    const { cli, repo } = lab();
    const cwd = join(repo.root, "src");
    expect(cli(["task", "new", "add-retry"], { cwd }).out).toMatch(/^opencode_tasks\/\d{8}-add-retry\.txt\n/);
    expect(cli(["task", "check", FILE], { cwd }).code).toBe(0);
    expect(cli(["task", "check", `../${FILE}`], { cwd }).code).toBe(0);
    expect(cli(["runs", "--limit", "3", "--json"], { cwd })).toEqual({ code: 0, out: "[]\n", err: "" });
    const args = ["explain", "--task", FILE, "--tool", "write", "--json", "--args"];
    const write = (filePath: string) =>
      JSON.parse(cli([...args, JSON.stringify({ filePath, content: "x" })], { cwd }).out).decision;
    expect([write("src/a.ts"), write("src/b.ts")]).toEqual(["allow", "refuse"]);
  });
});

/** Each verb as it is used on the task. */
const USES: string[][] = [
  ["task", "check", FILE],
  ["baseline", "--task", FILE],
  ["run", FILE],
  ["exec", "--task", FILE, "--", "true"],
  ["explain", "--task", FILE, "--tool", "read", "--args", "{}"],
];
const NEED_NO_COMMIT = ["task", "explain"];

describe("a place that is no working tree", () => {
  test("no repository, a bare one, inside .git, no commit, a folder that is gone", () => {
    const { cli, sh, sandbox, repo } = lab();
    const bare = join(sandbox.dir, "bare.git");
    execFileSync("git", ["clone", "-q", "--bare", repo.root, bare]);
    const unborn = join(sandbox.dir, "unborn");
    execFileSync("git", ["init", "-q", unborn]);
    mkdirSync(join(unborn, "opencode_tasks"));
    writeFileSync(join(unborn, FILE), TASK);
    for (const args of [...USES, ["diff"], ["verify"], ["runs"], ["show"], ["callback"], ["init"]]) {
      expectRefusal(cli(args, { cwd: sandbox.home }), /is not in a git repository/);
      expectRefusal(cli(args, { cwd: join(repo.root, ".git") }), /inside a \.git folder/);
      expectRefusal(cli(args, { cwd: bare }), /bare repository|is not in a git repository/);
      const inUnborn = cli(args, { cwd: unborn });
      if (NEED_NO_COMMIT.includes(args[0] ?? "")) expect(inUnborn.code).toBe(0);
      else expectRefusal(inUnborn, /has no commit yet/);
    }
    expectRefusal(cli(["task", "new", "x"], { cwd: join(repo.root, ".git") }), /inside a \.git folder/);
    expect(existsSync(join(repo.root, ".git/opencode_tasks"))).toBe(false);
    expect(existsSync(sandbox.state)).toBe(false);
    expectRefusal(sh('mkdir g && cd g && rmdir ../g && "$HANDRAIL" runs'), /current folder does not exist/);
  }, 120_000);

  test("a linked worktree, a detached HEAD and a submodule are working trees of their own", () => {
    const { cli, sandbox, repo } = lab();
    const linked = join(sandbox.dir, "linked é");
    repo.git("worktree", "add", "-q", "-b", "linked", linked);
    const module = join(repo.root, "module");
    repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", repo.root, "module");
    repo.git("checkout", "-q", "--detach");
    for (const cwd of [repo.root, linked, module]) {
      mkdirSync(join(cwd, "opencode_tasks"), { recursive: true });
      writeFileSync(join(cwd, FILE), TASK);
      expect(cli(["baseline", "--task", FILE], { cwd }).code).toBe(0);
      writeFileSync(join(cwd, "src/a.ts"), "more\n");
      expect(JSON.parse(cli(["diff", "--json"], { cwd }).out).files).toMatchObject([
        { path: "src/a.ts", inScope: true },
      ]);
    }
    expect(readdirSync(join(sandbox.state, "projects"))).toHaveLength(3);
  });
});

describe("a task file", () => {
  const spoil: Record<string, [RegExp, (path: string) => void]> = {
    missing: [/no such file/, () => undefined],
    empty: [/the task is empty/, (path) => writeFileSync(path, "")],
    binary: [/is binary/, (path) => writeFileSync(path, Buffer.from([1, 0, 2, 0]))],
    "of 10 MB": [/larger than 1 MiB/, (path) => writeFileSync(path, "a".repeat(10 << 20))],
    "not UTF-8": [/not valid UTF-8/, (path) => writeFileSync(path, Buffer.from("Fix \xff", "latin1"))],
    "a folder": [/is a folder/, (path) => mkdirSync(path)],
    "a link out": [/leads out/, (path) => symlinkSync("/etc/hostname", path)],
    "a dangling link": [/leads nowhere/, (path) => symlinkSync("nowhere", path)],
    "a pipe": [/no plain file/, (path) => execFileSync("mkfifo", [path])],
  };
  test.each(Object.entries(spoil))("%s: each verb says so, and nothing is written", (_name, [says, make]) => {
    const { cli, sandbox, repo } = lab();
    const file = "opencode_tasks/20261122-bad.txt";
    make(join(repo.root, file));
    const before = repo.manifest();
    for (const use of USES) {
      const answer = cli(use.map((word) => (word === FILE ? file : word)));
      expect(answer.code).toBe(2);
      expect(`${answer.out}${answer.err}`).toMatch(says);
      expect(`${answer.out}${answer.err}`).toContain(file);
    }
    expect(changed(before, repo.manifest())).toEqual([]);
    expect(
      existsSync(join(sandbox.state, "projects")) && readdirSync(join(sandbox.state, "projects")),
    ).not.toContain("runs");
    // It does not stand in the way of the others.
    expect(cli(["baseline", "--task", FILE]).code).toBe(0);
    expect(cli(["diff"])).toEqual({ code: 0, out: "", err: "" });
    expect(cli(["verify"]).code).toBe(0);
  });

  test.each([
    ["CRLF", TASK.replaceAll("\n", "\r\n")],
    ["a byte order mark", `\ufeff${TASK}`],
  ])("with %s is as good as another", (_name, content) => {
    const { cli, repo } = lab();
    repo.write(FILE, content);
    expect(JSON.parse(cli(["task", "check", FILE, "--json"]).out)).toMatchObject({
      ok: true,
      title: "Change a",
      scope: { allow: ["src/a.ts"] },
    });
  });
});

describe("handrail.config.json", () => {
  const bad: [string, RegExp][] = [
    ["{", /handrail\.config\.json is not valid/],
    ["", /handrail\.config\.json is not valid/],
    ["[]", /must be an object/],
    ['{"unbound":"x"}', /"unbound" must be "allow" or "read-only"/],
    ['{"bogus":1}', /unknown key "bogus"; known are/],
    ['{"scratch":"dist/"}', /"scratch" must be a list/],
    ['{"keepFormatters":"no"}', /"keepFormatters" must be true or false/],
  ];

  test("a bad one is refused with the field", () => {
    const { cli, repo, sandbox } = lab();
    for (const [content, says] of bad) {
      repo.write("handrail.config.json", content);
      expectRefusal(cli(["exec", "--task", FILE, "--", "touch src/a.ts"]), says);
    }
    for (const args of [["run", FILE], ["baseline"]]) expectRefusal(cli(args), /"keepFormatters" must be/);
    const explained = cli(["explain", "--task", FILE, "--tool", "read", "--args", "{}", "--json"]);
    expect([explained.code, JSON.parse(explained.out)]).toMatchObject([
      2,
      { decision: "refuse", code: "invalid-config" },
    ]);
    expect(existsSync(sandbox.state)).toBe(false);
  });

  test("a good one is read", () => {
    const { cli, repo } = lab();
    repo.write("handrail.config.json", '{"unbound":"read-only","scratch":[]}');
    expect(cli(["exec", "--task", FILE, "--", "true"]).code).toBe(0);
  });
});

describe("the state folder", () => {
  test("in the repository, in /proc or below a file: refused before anything is written", () => {
    const { cli, repo, sandbox } = lab();
    writeFileSync(join(sandbox.dir, "file"), "");
    const before = repo.manifest();
    const verbs = [["run", FILE], ["baseline"], ["exec", "--task", FILE, "--", "true"], ["runs"]];
    for (const args of verbs) {
      const at = (folder: string) => cli(args, { env: { HANDRAIL_STATE_DIR: folder } });
      expectRefusal(at(join(repo.root, ".state")), /lies inside the repository/);
      expectRefusal(at(join(repo.root, ".git/state")), /lies inside the repository/);
      expectRefusal(at(join(sandbox.dir, "file/state")), /is a file/, 5);
    }
    expect(changed(before, repo.manifest())).toEqual([]);
    if (process.platform !== "linux") return;
    const inProc = cli(["exec", "--task", FILE, "--", "true"], { env: { HANDRAIL_STATE_DIR: "/proc/x" } });
    expectRefusal(inProc, /\/proc\/x.* cannot be written/, 5);
  });

  test("without HOME the user's own home is asked of the system", () => {
    const { cli } = lab();
    const answer = cli(["runs"], { env: { HOME: "" } });
    expect(answer).toMatchObject({ code: 0, err: "" });
  });

  test.each(["garbage", '{"schema":1,"run_id":"r2', "", "{}"])("a run.json of %j", (content) => {
    const { cli, sandbox, repo } = lab();
    expect(cli(["baseline", "--task", FILE]).code).toBe(0);
    const [project = ""] = readdirSync(join(sandbox.state, "projects"));
    const run = join(sandbox.state, "projects", project, "runs", NOT_THERE);
    mkdirSync(run, { recursive: true });
    writeFileSync(join(run, "run.json"), content);
    // Once and again: what has been set aside is not forgotten.
    for (const _once of [1, 2]) {
      const listed = cli(["runs", "--json"]);
      expect([listed.code, listed.out]).toEqual([0, "[]\n"]);
      expect(listed.err).toContain(NOT_THERE);
      for (const args of [["show"], ["show", NOT_THERE], ["verify"]])
        expectRefusal(cli(args), /not readable/, 5);
    }
    repo.write("src/a.ts", "its work, perhaps\n");
    expect(cli(["diff"]).out).toContain("+its work, perhaps");
    const kept = readdirSync(run).filter((name) => name.startsWith("run.json.unreadable-"));
    expect(kept).toHaveLength(1);
  });
});

describe("programs that are missing", () => {
  test("opencode, claude and git: exit 5 and how to get them", () => {
    const { cli, sandbox, repo } = lab();
    const bin = join(sandbox.dir, "bin");
    mkdirSync(bin);
    const put = (name: string, from: string) => symlinkSync(from, join(bin, name));
    put("node", process.execPath);
    const before = repo.manifest();
    const env = { PATH: bin };
    expectRefusal(cli(["run", FILE], { env }), /git was not found/, 5);
    put("git", execFileSync("which", ["git"], { encoding: "utf8" }).trim());
    expectRefusal(cli(["run", FILE], { env }), /no `opencode` on PATH/, 5);
    expectRefusal(cli(["init", "--yes", "--host", "opencode"], { env }), /no opencode on PATH/, 5);
    expectRefusal(cli(["init", "--yes", "--host", "claude"], { env }), /claude/, 5);
    expect(changed(before, repo.manifest())).toEqual([]);
    expect(cli(["runs"], { env }).code).toBe(0);
  });
});

describe("streams", () => {
  test("a reader that goes away, a closed stdin, stdout or stderr are no crash", () => {
    const { sh } = lab();
    for (const what of ["--help", "runs", "runs --json", "doctor --help"]) {
      const piped = sh(`"$HANDRAIL" ${what} | head -n 0; echo "\${PIPESTATUS[0]}"`);
      expect(piped).toEqual({ code: 0, out: "0\n", err: "" });
    }
    expect(sh('"$HANDRAIL" runs <&-')).toMatchObject({ code: 0, err: "" });
    expect(sh('"$HANDRAIL" runs >&-').err).toBe("");
    expect(sh('"$HANDRAIL" bogus 2>&-').code).toBe(2);
    expect(sh('"$HANDRAIL" init <&-')).toMatchObject({ code: 2 });
  });

  test.skipIf(!existsSync("/dev/full"))("what cannot be printed is a failure", () => {
    const { sh } = lab();
    expect(sh('"$HANDRAIL" runs > /dev/full')).toEqual({
      code: 1,
      out: "",
      err: "handrail: cannot print (ENOSPC)\n",
    });
  });

  test("a name that is not UTF-8 is said, not crashed on", () => {
    const { sh, cli } = lab();
    const bad = sh("\"$HANDRAIL\" task check $'opencode_tasks/\\xff.txt'");
    expectRefusal(bad, /no such file/);
    sh("printf x > $'src/\\xff.ts'");
    expect(cli(["baseline", "--task", FILE]).code).toBe(0);
    expect(cli(["diff"]).code).toBe(0);
  });
});
