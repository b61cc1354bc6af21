import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { place } from "../../shared/tree/fixture.ts";
import { handrail } from "./handrail.ts";

const run = handrail();
const SESSION = "ses_1a2b";
const JOB = "j20261121T093012-1a2b3c";
const BOTH = "---\nFile scope:\n- src/a.ts\n";

/** The commands that a help text lists. */
function commandsIn(help: string): string[] {
  const [, list = ""] = /Commands:\n([\s\S]*?)(?:\n\n|$)/.exec(help) ?? [];
  return [...list.matchAll(/^ {2}([a-z]\S*)/gm)]
    .map(([, name = ""]) => name)
    .filter((name) => name !== "help");
}

describe("the companion's verbs", () => {
  test("every command of every verb has a help text with an example", () => {
    const { root } = place().repo();
    const seen: string[] = [];
    const look = (words: string[]) => {
      const help = run(root, [...words, "--help"]);
      expect([help.code, help.stderr]).toEqual([0, ""]);
      const commands = commandsIn(help.stdout);
      if (commands.length === 0) {
        seen.push(words.join(" "));
        expect(help.stdout, words.join(" ")).toMatch(/^Examples?:\n {2}(\S.*)?handrail/m);
      } else if (words.length > 0) expect(help.stdout).toContain(`handrail ${words[0]} <command> --help`);
      for (const command of commands) look([...words, command]);
    };
    look([]);
    expect(seen).toEqual(expect.arrayContaining(["session reply", "job cancel", "serve cleanup", "review"]));
  }, 120_000);

  const wrong: [string[], RegExp, string?][] = [
    [["session"], /handrail session needs a command/],
    [["session", "bogus"], /unknown command 'bogus'/],
    [["session", "new", "--bogus"], /unknown option '--bogus'/, "handrail session new --help"],
    [["session", "new"], /no prompt/],
    [["session", "new", "--", " "], /no prompt/],
    [["session", "new", "--prompt-file", "gone.txt"], /gone\.txt: the prompt cannot be read \(ENOENT\)/],
    [["session", "new", "--prompt-file", "."], /cannot be read \(EISDIR\)/],
    [["session", "new", "--prompt-file", "p.txt", "--", "Do it."], /given twice/],
    [["session", "new", "--timeout", "0", "--", "Do it."], /--timeout takes minutes/],
    [["session", "new", "--model", "x", "--", "Do it."], /--model takes provider\/model/],
    [["session", "new", "--task", "gone.txt", "--", "Do it."], /gone\.txt: no such file/],
    [["session", "new", "--task", "p.txt", "--read-only", "--", "Do it."], /exclude each other/],
    [["session", "new", "--background", "--unscoped", "--read-only", "--", "x"], /exclude each other/],
    [["session", "new", "--", `Do it.\n${BOTH}Do not:\n- touch src/a.ts\n`], /file scope/],
    [["session", "continue"], /missing required argument 'session'/, "handrail session continue --help"],
    [["session", "continue", "nope", "--", "x"], /not a session id: "nope"/],
    [["session", "attach", "../../x"], /not a session id/],
    [["session", "attach", SESSION], /no session ses_1a2b was started/],
    [["session", "wait", SESSION, "--directory", "gone"], /no folder gone/],
    [["session", "status", SESSION], /no session ses_1a2b/],
    [["session", "abort", SESSION], /no session ses_1a2b/],
    [["session", "reply", SESSION, "--once"], /no session ses_1a2b/],
    [["session", "list", "--directory", "/"], /not in a git repository/],
    [["job", "bogus"], /unknown command 'bogus'/],
    [["job", "status"], /missing required argument 'job'/, "handrail job status --help"],
    [["job", "status", "nope"], /not a job id/],
    [["job", "wait", "../x"], /not a job id/],
    [["job", "wait", JOB, "--timeout", "x"], /--timeout takes minutes/],
    [["job", "result", JOB], /no job j2026/],
    [["job", "cancel", JOB, "--directory", "/gone"], /no folder \/gone/],
    [["serve"], /handrail serve needs a command/],
    [["serve", "status", "--directory", "/"], /not in a git repository/],
    [["review", "--scope", "sky"], /--scope takes auto, working-tree, branch, not "sky"/],
    [["review", "--wait", "--background"], /exclude each other/],
    [["review", "--scope", "branch", "--base", "nope"], /--base "nope" is no commit/],
    [["review", "--scope", "working-tree", "--base", "main"], /--base goes with --scope branch/],
    [["review", "--timeout", "long"], /--timeout takes minutes/],
    [["init", "--project", "--user"], /cannot be used with option/],
    [["init", "--host", "vim"], /vim.* is invalid/],
  ];

  test("each mistake: exit 2, a sentence and a fix, no server started; with --json, too", () => {
    const { root } = place().repo();
    mkdirSync(join(root, "src"));
    for (const name of ["p.txt", "src/a.ts"]) writeFileSync(join(root, name), "x\n");
    for (const [args, says, fix] of wrong) {
      const at = args.indexOf("--") < 0 ? args.length : args.indexOf("--");
      const answer = run(root, [...args.slice(0, at), "--json", ...args.slice(at)]);
      expect(answer, args.join(" ")).toMatchObject({
        code: 2,
        json: { error: { message: expect.stringMatching(says), fix: expect.any(String) } },
      });
      if (fix !== undefined) expect(answer.json.error.fix).toBe(fix);
    }
    const human = run(root, ["session", "attach", SESSION]);
    expect(human).toMatchObject({ code: 2, stdout: "" });
    expect(human.stderr).toMatch(/^handrail: no session .*\n {2}fix: handrail session list\n$/);
    expect(run(root, ["serve", "list", "--json"]).json).toEqual([]);
  }, 120_000);

  test("with a state folder in the repository they refuse before anything is written", () => {
    const { root } = place().repo();
    const env = { HANDRAIL_STATE_DIR: join(root, "state") };
    const verbs = [["init", "--yes"], ["session", "list"], ["serve", "start"], ["review"], ["job", "list"]];
    for (const verb of verbs) {
      const answer = run(root, [...verb, "--json"], env);
      expect(answer, verb.join(" ")).toMatchObject({
        code: 2,
        json: { error: { message: expect.stringContaining("inside the repository") } },
      });
    }
    expect(readdirSync(root).filter((name) => /state|opencode|claude/.test(name))).toEqual([]);
  });

  test("asked in a project where nothing has happened yet, they say so and start nothing", () => {
    const { root } = place().repo();
    const says = (...args: string[]) => run(root, args).stdout;
    expect(says("session", "list")).toMatch(/no session .* yet/);
    expect(says("job", "list")).toMatch(/no job .* yet/);
    expect(says("serve", "list")).toMatch(/no server/);
    expect(says("serve", "cleanup")).toMatch(/nothing to clean up/);
    expect(run(root, ["serve", "status", "--json"])).toMatchObject({
      code: 0,
      json: { state: "stopped", url: null },
    });
    expect(run(root, ["serve", "stop", "--json"])).toMatchObject({ code: 0, json: { state: "stopped" } });
  });
});
