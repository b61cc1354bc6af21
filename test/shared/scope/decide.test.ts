import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Action, FileChange } from "../../../shared/scope/action.ts";
import { actionOf, NOTHING_DECLARED } from "../../../shared/scope/actions.ts";
import { type DecisionContext, decide } from "../../../shared/scope/decide.ts";
import type { Decision } from "../../../shared/scope/decision.ts";
import { createMatcher } from "../../../shared/scope/matcher.ts";
import { surroundingsOf } from "../../../shared/scope/surroundings.ts";
import type { Scope } from "../../../shared/task/spec.ts";
import { scopeOf } from "./scope.ts";
import { makeTree } from "./tree.ts";

const scope = scopeOf({ allow: ["src/a.ts", "src/lib/**"], forbid: ["src/lib/secret.ts", "package.json"] });

function contextFor(root: string, parts: Partial<Scope> = scope, directory = root): DecisionContext {
  const matcher = createMatcher(scopeOf(parts), surroundingsOf(root));
  return { root, directory, matcher, confinement: "overlay" };
}

const code = (decision: Decision) => (decision.decision === "refuse" ? decision.code : decision.decision);

function write(
  context: DecisionContext,
  path: string,
  op: "write" | "create" | "modify" | "delete" = "write",
) {
  return code(decide({ kind: "write", tool: "write", changes: [{ op, path }] }, context));
}

const sample = {
  "src/a.ts": "a",
  "src/b.ts": "b",
  "src/lib/x.ts": "x",
  "src/lib/secret.ts": "s",
  "src/lib/link-out.ts": { link: "../b.ts" },
  "src/lib/link-in.ts": { link: "x.ts" },
  "src/lib/link-secret.ts": { link: "./secret.ts" },
  "src/lib/link-dir": { link: "../../docs" },
  "src/lib/dangling.ts": { link: "../new.ts" },
  "src/lib/dangling-in.ts": { link: "sub/../new.ts" },
  "src/lib/loop.ts": { link: "loop.ts" },
  "src/lib/chain.ts": { link: "chain2.ts" },
  "src/lib/chain2.ts": { link: "link-out.ts" },
  "src/lib/etc": { link: "/etc" },
  "src/link-in.ts": { link: "lib/x.ts" },
  "docs/guide.md": "g",
  "src/hard.ts": "h",
  "src/lib/hard.ts": { hard: "src/hard.ts" },
} as const;

describe("structured writes", () => {
  test.each([
    ["src/a.ts", "allow"],
    ["./src/a.ts", "allow"],
    ["src//a.ts", "allow"],
    ["docs/../src/a.ts", "allow"],
    ["src/lib/new/deep.ts", "allow"],
    ["src/lib/link-in.ts", "allow"],
    ["src/b.ts", "out-of-scope"],
    ["src/lib/../b.ts", "out-of-scope"],
    ["src/lib/secret.ts", "forbidden"],
    ["src/lib/./secret.ts", "forbidden"],
    ["src/lib/link-out.ts", "link"],
    ["src/lib/link-secret.ts", "link"],
    ["src/lib/link-dir/guide.md", "link"],
    ["src/lib/link-dir/../lib/x.ts", "link"],
    ["src/lib/dangling.ts", "link"],
    ["src/lib/dangling-in.ts", "link"],
    ["src/lib/loop.ts", "link"],
    ["src/lib/chain.ts", "link"],
    ["src/lib/etc/passwd", "link"],
    ["src/link-in.ts", "out-of-scope"],
    ["src/lib/hard.ts", "link"],
    ["src/lib", "bad-arguments"],
    ["src/lib/", "out-of-scope"],
    ["src/lib/new/", "bad-arguments"],
    ["src/lib/x.ts/y.ts", "bad-arguments"],
    ["", "bad-arguments"],
    [".", "bad-arguments"],
    ["src/lib/a\0.ts", "bad-arguments"],
    ["src/lib/a\n.ts", "bad-arguments"],
    ["src/lib/\u202egnp.ts", "bad-arguments"],
    ["src/lib/\ud800.ts", "bad-arguments"],
    ["src\\lib\\x.ts", "bad-arguments"],
    ["file:///src/a.ts", "bad-arguments"],
    [`src/lib/${"x".repeat(300)}.ts`, "bad-arguments"],
    [`src/lib/${"x/".repeat(3000)}a.ts`, "bad-arguments"],
    ["~/x.ts", "outside-repository"],
    ["~root/x.ts", "outside-repository"],
    ["../outside/x.ts", "outside-repository"],
    ["/etc/passwd", "outside-repository"],
    ["/proc/self/cwd/src/a.ts", "outside-repository"],
    [".git/config", "git-dir"],
    ["src/lib/.env", "control-file"],
    ["src/lib/AGENTS.md", "control-file"],
  ])("write %j: %s", (path, expected) => {
    const { root } = makeTree(sample);
    // The folder itself is no path of the pattern; a trailing slash does not make it one.
    const wanted =
      path === "src/lib/" || path === "src/lib" ? /out-of-scope|bad-arguments/ : new RegExp(`^${expected}$`);
    expect(write(contextFor(root), path)).toMatch(wanted);
    if (path !== "" && !path.includes("\0") && expected !== "bad-arguments" && !path.startsWith("/proc")) {
      const absolute = path.startsWith("/") || path.startsWith("~") ? path : `${root}/${path}`;
      expect(write(contextFor(root), absolute)).toMatch(wanted);
    }
  });

  test("dots behind a folder that does not exist are text only where the tool removes them", () => {
    const { root } = makeTree(sample);
    expect(write(contextFor(root), "nosuch/../src/a.ts")).toBe("allow");
    expect(write(contextFor(root), `${root}/nosuch/../src/a.ts`)).toBe("link");
  });

  test("relative paths start at the directory of the instance", () => {
    const { root } = makeTree(sample);
    const context = contextFor(root, scope, join(root, "src", "lib"));
    expect(write(context, "x.ts")).toBe("allow");
    expect(write(context, "../a.ts")).toBe("allow");
    expect(write(context, "src/a.ts")).toBe("allow");
    expect(write(context, "../b.ts")).toBe("out-of-scope");
  });

  test("an instance started through a link to the repository sees the same files", () => {
    const { root, outside } = makeTree(sample);
    const alias = join(outside, "alias");
    symlinkSync(root, alias);
    const context = contextFor(root, scope, alias);
    expect(write(context, "src/a.ts")).toBe("allow");
    expect(write(context, join(alias, "src/a.ts"))).toBe("allow");
    expect(write(context, join(root, "src/a.ts"))).toBe("allow");
    expect(write(context, join(alias, "src/b.ts"))).toBe("out-of-scope");
    expect(write(context, join(alias, "src/lib/link-out.ts"))).toBe("link");
    expect(write(context, join(alias, "src/link-in.ts"))).toBe("out-of-scope");
    expect(write(context, "../outside/x.ts")).toBe("link");
  });

  test("a link in the repository's parent that leads out stays outside", () => {
    const { root, outside } = makeTree(sample);
    symlinkSync(outside, join(outside, "self"));
    expect(write(contextFor(root), join(outside, "self", "x.ts"))).toBe("outside-repository");
  });

  test("what is no plain file is not written", async () => {
    const { root } = makeTree({ ...sample, "src/lib/dev": { link: "/dev/null" } });
    execFileSync("mkfifo", [join(root, "src/lib/pipe")]);
    const server = createServer();
    onTestFinished(() => void server.close());
    await new Promise<void>((done) => server.listen(join(root, "src/lib/sock"), done));
    expect(write(contextFor(root), "src/lib/pipe")).toBe("bad-arguments");
    expect(write(contextFor(root), "src/lib/sock")).toBe("bad-arguments");
    expect(write(contextFor(root), "src/lib/dev")).toBe("link");
  });

  test("deleting takes the link, not what it leads to", () => {
    const { root } = makeTree(sample);
    const context = contextFor(root);
    expect(write(context, "src/lib/link-out.ts", "delete")).toBe("allow");
    expect(write(context, "src/lib/hard.ts", "delete")).toBe("allow");
    expect(write(context, "src/lib/link-dir/guide.md", "delete")).toBe("link");
    expect(write(context, "src/b.ts", "delete")).toBe("out-of-scope");
    expect(write(context, "src/lib/new", "delete")).toBe("allow");
  });

  test("two files whose names differ in Unicode form only are not told apart by guessing", () => {
    const { root } = makeTree({ "src/caf\u00e9.ts": "1", "lib/caf\u00e9.ts": "1" });
    writeFileSync(join(root, "src/cafe\u0301.ts"), "2");
    const twins = readFileSync(join(root, "src/caf\u00e9.ts"), "utf8") === "1";
    const context = contextFor(root, { allow: ["src/", "lib/caf\u00e9.ts"] });
    // A file system that knows one form only has no twins.
    expect(write(context, "src/caf\u00e9.ts")).toBe(twins ? "bad-arguments" : "allow");
    expect(write(context, "lib/caf\u00e9.ts")).toBe("allow");
    expect(write(context, "lib/cafe\u0301.ts")).toBe(twins ? "bad-arguments" : "allow");
  });

  test("rules look at what exists", () => {
    const { root } = makeTree(sample);
    const context = contextFor(root, {
      allow: ["src/lib/"],
      rules: ["no-new-files", "no-delete", "no-rename"],
    });
    expect(write(context, "src/lib/x.ts")).toBe("allow");
    expect(write(context, "src/lib/new.ts")).toBe("rule");
    expect(write(context, "src/lib/new.ts", "create")).toBe("rule");
    expect(write(context, "src/lib/x.ts", "delete")).toBe("rule");
    const move: FileChange = { op: "move", path: "src/lib/x.ts", to: "src/lib/y.ts" };
    const action: Action = { kind: "write", tool: "apply_patch", changes: [move] };
    expect(decide(action, context)).toMatchObject({ code: "rule", rule: "no-rename" });
    expect(decide(action, contextFor(root)).decision).toBe("allow");
  });

  test("every path of a call counts", () => {
    const { root } = makeTree(sample);
    const changes = (...list: FileChange[]): Action => ({
      kind: "write",
      tool: "apply_patch",
      changes: list,
    });
    const context = contextFor(root);
    expect(
      decide(changes({ op: "modify", path: "src/a.ts" }, { op: "write", path: "src/b.ts" }), context),
    ).toMatchObject({ code: "out-of-scope", path: "src/b.ts" });
    expect(code(decide(changes({ op: "move", path: "src/lib/x.ts", to: "src/b.ts" }), context))).toBe(
      "out-of-scope",
    );
    expect(code(decide(changes({ op: "move", path: "src/b.ts", to: "src/lib/b.ts" }), context))).toBe(
      "out-of-scope",
    );
    expect(code(decide(changes({ op: "move", path: "src/lib/x.ts", to: "src/lib/y.ts" }), context))).toBe(
      "allow",
    );
    expect(code(decide(changes(), context))).toBe("bad-arguments");
  });
});

describe("other actions", () => {
  test("sessions that may only read", () => {
    const { root } = makeTree(sample);
    const context: DecisionContext = {
      ...contextFor(root),
      readOnly: { code: "invalid-task", detail: "line 3" },
    };
    expect(write(context, "src/a.ts")).toBe("invalid-task");
    expect(code(decide({ kind: "read", tool: "read", paths: ["src/b.ts"] }, context))).toBe("allow");
    expect(code(decide({ kind: "delegate", tool: "task" }, context))).toBe("allow");
    const shell: Action = { kind: "shell", tool: "bash", command: "npm test" };
    expect(code(decide(shell, context))).toBe("confine");
    expect(decide(shell, { ...context, confinement: "none" })).toMatchObject({
      code: "invalid-task",
      detail: "line 3",
    });
  });

  test("no matcher and no reason is unbound", () => {
    const { root } = makeTree(sample);
    const context: DecisionContext = { root, directory: root, confinement: "overlay" };
    expect(write(context, "src/a.ts")).toBe("unbound");
    expect(code(decide({ kind: "shell", tool: "bash", command: "ls" }, context))).toBe("unbound");
  });

  test("reading is refused where the task says so, by any way to the file", () => {
    const { root, outside } = makeTree({
      ...sample,
      "secrets/key.pem": "k",
      "docs/key": { link: "../secrets/key.pem" },
    });
    symlinkSync(join(root, "secrets"), join(outside, "way"));
    const context = contextFor(root, { ...scope, noRead: ["secrets/"], rules: ["no-read"] });
    const read = (...paths: string[]) => code(decide({ kind: "read", tool: "read", paths }, context));
    expect(read("src/b.ts")).toBe("allow");
    expect(read("/etc/hostname")).toBe("allow");
    expect(read(".")).toBe("allow");
    expect(read("secrets")).toBe("no-read");
    expect(read("secrets/key.pem")).toBe("no-read");
    expect(read("docs/../secrets/key.pem")).toBe("no-read");
    expect(read("docs/key")).toBe("no-read");
    expect(read(join(outside, "way", "key.pem"))).toBe("no-read");
    expect(read("src/b.ts", "secrets/key.pem")).toBe("no-read");
  });

  test("network, unknown tools and shell advice", () => {
    const { root } = makeTree(sample);
    const network: Action = { kind: "network", tool: "webfetch" };
    expect(code(decide(network, contextFor(root)))).toBe("allow");
    expect(decide(network, contextFor(root, { ...scope, rules: ["no-network"] }))).toMatchObject({
      rule: "no-network",
    });
    expect(code(decide({ kind: "unknown", tool: "db_exec" }, contextFor(root)))).toBe("unknown-tool");
    expect(code(decide({ kind: "unknown", tool: "write", problem: "x" }, contextFor(root)))).toBe(
      "bad-arguments",
    );
    const shell: Action = { kind: "shell", tool: "bash", command: "rm x", cwd: "src" };
    const seen: string[] = [];
    const judged = decide(shell, {
      ...contextFor(root),
      judgeShell: (command, cwd) => {
        seen.push(command, cwd);
        return { decision: "refuse", code: "out-of-scope", path: "x" };
      },
    });
    expect(judged).toMatchObject({ code: "out-of-scope" });
    expect(seen).toEqual(["rm x", join(root, "src")]);
    expect(code(decide(shell, contextFor(root)))).toBe("confine");
  });

  test("what breaks inside is a refusal", () => {
    const { root } = makeTree(sample);
    const broken = { ...contextFor(root), judgeShell: () => JSON.parse("{") };
    expect(code(decide({ kind: "shell", tool: "bash", command: "ls" }, broken))).toBe("guard-failed");
  });

  test("a symlink made between two calls is seen", () => {
    const { root } = makeTree(sample);
    const context = contextFor(root);
    expect(write(context, "src/lib/late/x.ts")).toBe("allow");
    symlinkSync(resolve(root, "docs"), join(root, "src/lib/late"));
    expect(write(context, "src/lib/late/x.ts")).toBe("link");
    mkdirSync(join(root, "src/lib/later"));
    expect(write(context, "src/lib/later/x.ts")).toBe("allow");
  });
});

describe("what no tool reads", () => {
  const ask = (tool: string, path: string, root: string, base: string) => {
    const context = { ...contextFor(root), hidden: [join(base, "outside"), "/proc"] };
    return code(decide({ kind: "read", tool, paths: [path] }, context));
  };

  test.each([
    ["read", "../outside/secret.json", "private"],
    ["read", "../outside", "private"],
    ["read", "src/lib/way/secret.json", "private"],
    ["read", "/proc/self/environ", "private"],
    ["read", "/proc/self/../self/environ", "private"],
    ["grep", "..", "private"],
    ["glob", "/", "private"],
    ["read", "..", "allow"],
    ["read", "src/b.ts", "allow"],
    ["grep", ".", "allow"],
    ["read", "/etc/hostname", "allow"],
    ["read", "", "allow"],
  ])("%s %j: %s", (tool, path, expected) => {
    const { root, base } = makeTree({ ...sample, "src/lib/way": { link: "../../../outside" } });
    expect(ask(tool, path, root, base)).toBe(expected);
  });

  test("nor does OpenCode for a sub-agent's prompt", () => {
    const { root, base } = makeTree(sample);
    const context = { ...contextFor(root), hidden: [join(base, "outside")] };
    const delegate = (prompt: string) =>
      code(decide(actionOf("task", { prompt }, NOTHING_DECLARED), context));
    expect(delegate("Say what stands in @../outside/secret.json please")).toBe("private");
    expect(delegate(`Look at @${base}/outside/serve.json.`)).toBe("private");
    expect(delegate("Look at @src/b.ts and ask me@example.org")).toBe("allow");
  });
});
