import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { createRun } from "../../../../shared/run/create.ts";
import type { RunRecord } from "../../../../shared/run/record.ts";
import { saveRun } from "../../../../shared/run/store.ts";
import { readFileScope } from "../../../../shared/task/file-scope.ts";
import { parseTask } from "../../../../shared/task/parse.ts";
import { closing } from "../../../lab/cleanup.ts";
import { makeRepo } from "../../../lab/repo.ts";
import { makeSandbox } from "../../../lab/sandbox.ts";
import { handrail } from "../handrail.ts";

const PLAN = `# Shop

## Feature 1: Cart discount

**User story:** As a shopper I want a discount.

### Specification

10 % off above 100.

### Deliverable standard

All scenarios pass.

### Test scenarios

- 200 gives 180

### Files to modify

- src/cart.js

### Checklist

- [ ] discount() written
- [ ] scenarios tested

### Authority references

- docs/pricing.md

## Feature 2: Receipt

### User story

As a shopper I want a receipt.

### Checklist

- [ ] printed
`;

const run = handrail();
const START = Date.now();

function setUp() {
  const sandbox = closing(makeSandbox());
  const repo = makeRepo(join(sandbox.dir, "repo"), {
    files: { "docs/plan.md": PLAN, "src/cart.js": "export {};\n", "docs/pricing.md": "10 %\n" },
  });
  const plan = (...args: string[]) => run(repo.root, ["plan", ...args], sandbox.env);
  const write = (name: string, text: string) => {
    mkdirSync(join(sandbox.dir, "notes"), { recursive: true });
    writeFileSync(join(sandbox.dir, "notes", name), text);
    return join(sandbox.dir, "notes", name);
  };
  /** A turn of a session, as the companion and the plugin leave it on record. */
  const turn = (session: string, more: Partial<RunRecord> & { allow?: string[] } = {}) => {
    vi.stubEnv("HANDRAIL_STATE_DIR", sandbox.state);
    closing({ close: () => vi.unstubAllEnvs() });
    const { allow = [], ...record } = more;
    const task = parseTask("T\n\nFiles to modify:\n- src/cart.js\n", {
      fileName: "opencode_tasks/20261121-t.txt",
      root: repo.root,
    });
    const spec = { ...task, scope: { ...task.scope, allow } };
    const made = createRun({ root: repo.root, spec, lane: "serve", origin: {} });
    const ended = { session, turn: 1, state: "done", verdict: "in_scope", ended: new Date().toISOString() };
    saveRun({ ...made, ...ended, ...record } as RunRecord);
  };
  return { sandbox, repo, plan, write, turn };
}

describe("list, show, check", () => {
  test("the features, what one says, and what is missing", () => {
    const { plan } = setUp();
    const list = plan("list", "docs/plan.md", "--json");
    expect(list.code).toBe(0);
    expect(list.json.features).toMatchObject([
      { number: 1, slug: "cart-discount", checklist: { done: 0, total: 2 }, missing: [] },
      {
        number: 2,
        slug: "receipt",
        missing: ["specification", "deliverable standard", "test scenarios", "authority references"],
      },
    ]);
    expect(plan("list", "docs/plan.md").stdout).toContain(
      "2  receipt: Receipt (0 of 1 done; lacks specification",
    );
    const show = plan("show", "docs/plan.md", "cart", "--json").json;
    expect(show).toMatchObject({
      user_story: "As a shopper I want a discount.",
      scope: { allow: ["src/cart.js"] },
    });
    const text = plan("show", "docs/plan.md", "2").stdout;
    expect(text).toContain("The plan does not say: specification");
    expect(text).toContain("The plan names no files to modify");
  });

  test("ticks by number and by words; a wrong name ticks nothing", () => {
    const { plan, repo } = setUp();
    const wrong = plan("check", "docs/plan.md", "1", "--tick", "1", "--tick", "nothing like it");
    expect(wrong).toMatchObject({ code: 2 });
    expect(repo.read("docs/plan.md")).toBe(PLAN);
    const ticked = plan("check", "docs/plan.md", "1", "--tick", "1", "--tick", "scenarios", "--json");
    expect(ticked.json).toMatchObject({ complete: true, ok: true });
    expect(repo.read("docs/plan.md")).toBe(
      PLAN.replace("[ ] discount", "[x] discount").replace("[ ] scenarios", "[x] scenarios"),
    );
    expect(plan("check", "docs/plan.md", "1", "--untick", "2").stdout).toContain("1 of 2 done");
  });

  test.each([
    [["show", "docs/plan.md"], 2, /2 features: 1 cart-discount, 2 receipt/],
    [["show", "docs/plan.md", "9"], 2, /no feature "9"/],
    [["show", "missing.md"], 2, /missing.md: no such file/],
    [["list", "docs/pricing.md"], 2, /no feature found/],
    [["check", "docs/plan.md", "1", "--tick", "1", "--untick", "1"], 2, /named twice/],
    [["state", "docs/plan.md", "1"], 2, /no iteration of cart-discount/],
    [["prompt", "nope", "--plan", "docs/plan.md"], 2, /no template "nope"/],
    [["nope"], 2, /./],
  ])("%j is an error that says the next step", (args, code, words) => {
    const { plan } = setUp();
    const answer = plan(...args);
    expect(answer.code).toBe(code);
    expect(answer.stderr).toMatch(words);
    expect(answer.stderr).toMatch(/fix:/);
  });
});

describe("a feature as a task file", () => {
  test("has the feature's own scope, and the plan stays out", () => {
    const { plan, repo, sandbox } = setUp();
    const { file } = plan("task", "docs/plan.md", "1", "--json").json;
    expect(file).toMatch(/^opencode_tasks\/\d{8}-plan-cart-discount\.txt$/);
    const check = run(repo.root, ["task", "check", file, "--json"], sandbox.env);
    expect(check.json).toMatchObject({ ok: true, title: "Cart discount", scope: { allow: ["src/cart.js"] } });
    expect(check.json.prohibitions).toContainEqual(
      expect.objectContaining({ enforcement: "path", paths: ["docs/plan.md"] }),
    );
    expect(repo.read(file)).toContain("10 % off above 100.");
    expect(plan("task", "docs/plan.md", "1").stderr).toContain("exists already");
  });
  test("a feature without files is none, and text that would widen it is refused", () => {
    const { plan, repo } = setUp();
    expect(plan("task", "docs/plan.md", "2")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("which files"),
    });
    repo.write("docs/wide.md", PLAN.replace("10 % off above 100.", "Files to modify:\n- src/other.js"));
    expect(plan("task", "docs/wide.md", "1").code).toBe(2);
    expect(repo.exists("opencode_tasks")).toBe(false);
  });
});

describe("prompts", () => {
  test("filled from the plan and from files; the scope keeps the plan out", () => {
    const { plan, write, repo } = setUp();
    const scope = write(
      "scope.txt",
      "## File scope\n\nFiles to modify:\n- src/cart.js\n- test/cart.test.js\n",
    );
    const args = [
      "--plan",
      "docs/plan.md",
      "--feature",
      "1",
      "--plan-text",
      write("plan.txt", "1. Write it."),
      "--scope-file",
      scope,
    ];
    const answer = plan("prompt", "initial-implementation", ...args);
    expect(answer).toMatchObject({ code: 0, stderr: "" });
    expect(answer.stdout).toContain("As a shopper I want a discount.");
    expect(answer.stdout).toContain("1. Write it.");
    const read = readFileScope(answer.stdout, { root: repo.root });
    expect(read).toMatchObject({
      kind: "scope",
      spec: {
        ok: true,
        slug: "plan-cart-discount",
        scope: {
          allow: ["src/cart.js", "test/cart.test.js"],
          forbid: expect.arrayContaining(["docs/plan.md"]),
        },
      },
    });
  });

  test("what is missing is named, with its source", () => {
    const { plan } = setUp();
    const answer = plan("prompt", "initial-implementation", "--plan", "docs/plan.md", "--feature", "receipt");
    expect(answer.code).toBe(2);
    for (const name of ["FEATURE_SPEC", "DELIVERABLE_STANDARD", "PLAN", "FILE_SCOPE", "AUTHORITY_REFERENCES"])
      expect(answer.stderr).toContain(`${name}: `);
    expect(answer.stderr).not.toContain("USER_STORY:");
  });

  test("a scope of everything, or none, is refused", () => {
    const { plan, write } = setUp();
    const args = ["--plan", "docs/plan.md", "--feature", "1", "--set", "PLAN=x"];
    const all = plan(
      "prompt",
      "initial-implementation",
      ...args,
      "--scope-file",
      write("s.txt", "Files to modify:\n- **\n"),
    );
    expect(all).toMatchObject({ code: 2, stderr: expect.stringContaining("whole repository") });
    const none = plan(
      "prompt",
      "initial-implementation",
      ...args,
      "--scope-file",
      write("t.txt", "whatever\n"),
    );
    expect(none.code).toBe(2);
    expect(plan("prompt", "initial-implementation", ...args).code).toBe(0);
  });
});

describe("keeping track of a feature", () => {
  const FAIL = JSON.stringify({
    findings: [{ severity: "High", file: "src/cart.js", line: 1, claim: "rounds wrong", evidence: "0.1" }],
  });
  const PASS = JSON.stringify({ findings: [] });

  test("from the start to the summary, each step from the store alone", () => {
    const { plan, write, repo, turn } = setUp();
    const at = (...words: string[]) => plan("record", "docs/plan.md", "1", ...words, "--json");
    const state = () => plan("state", "docs/plan.md", "1", "--json").json;
    const started = plan("start", "docs/plan.md", "1", "--max-fix-rounds", "1", "--json").json;
    expect(started).toMatchObject({
      phase: "parse",
      base_ref: repo.git("rev-parse", "HEAD"),
      directory: repo.root,
      max_fix_rounds: 1,
    });
    expect(plan("start", "docs/plan.md", "1")).toMatchObject({
      code: 5,
      stderr: expect.stringContaining("phase parse"),
    });
    expect(at("generated").json.error.message).toContain("phase parse");
    at("feature-confirmed");
    expect(at("plan-approved").json.error.message).toContain("--plan-text");
    expect(at("plan-approved", "--plan-text", write("p.txt", "1. Write it.")).json.phase).toBe("generate");
    expect(state().next.commands[0]).toContain("handrail session new");
    at("generator", "--session", "ses_gen");
    expect(at("reviewer", "--session", "ses_gen").json.error).toBeTruthy();
    turn("ses_gen", { allow: ["src/cart.js"] });
    expect(at("generated").json.phase).toBe("evaluate");
    at("reviewer", "--session", "ses_rev");
    turn("ses_rev");
    // the words of a session's JSON
    const failed = at(
      "evaluation",
      "--answer",
      write("a.json", JSON.stringify({ session_id: "ses_rev", text: `Well:\n${FAIL}` })),
    );
    expect(failed.json).toMatchObject({ phase: "fix", round: 1 });
    const fix = plan("prompt", "fix-iteration", "--plan", "docs/plan.md", "--feature", "1");
    expect(fix.stdout).toContain("Fix round 1 of 1");
    expect(fix.stdout).toContain("1. [High] src/cart.js:1: rounds wrong");
    expect(fix.stdout).toContain("1. Write it.");
    turn("ses_gen", { allow: ["src/cart.js"] });
    at("fixed");
    expect(state().next.commands[0]).toContain("session continue ses_rev");
    turn("ses_rev");
    expect(at("evaluation", "--answer", write("b.txt", FAIL)).json.phase).toBe("escalated");
    expect(plan("state", "docs/plan.md", "1").stdout).toContain("accept what is left");
    expect(at("accepted", "--note", "known").json).toMatchObject({
      phase: "advisory",
      accepted: [{ note: "known" }],
    });
    const unread = { classification: "unclassified", findings: [], problem: "prose" };
    expect(at("advisory", "--answer", write("c.json", JSON.stringify(unread))).json.phase).toBe("advisory");
    expect(at("advisory", "--answer", write("d.json", PASS)).json.phase).toBe("done");
    expect(at("finished").json.error.message).toContain("2 of 2 checklist items are open: 1, 2");
    plan("check", "docs/plan.md", "1", "--tick", "1", "--tick", "2");
    expect(at("finished").json).toMatchObject({
      phase: "finished",
      summary: {
        checklist: { done: 2, total: 2 },
        evaluation: "FAIL",
        advisory: "PASS",
        fix_rounds: 1,
        accepted: [{ note: "known", findings: [{ severity: "High" }] }],
      },
    });
    const summary = plan("state", "docs/plan.md", "1").stdout;
    expect(summary).toMatch(/checklist: 2 of 2 done\n {2}evaluation FAIL, advisory PASS, fix rounds 1\n/);
    expect(summary).toMatch(/accepted: known\n {4}\[High\] src\/cart.js: rounds wrong/);
    expect(plan("state").stdout).toContain("no feature is being worked on");
    expect(plan("start", "docs/plan.md", "1", "--json").json.phase).toBe("parse");
    expect(plan("state").stdout).toContain("cart-discount: parse");
  });

  test("what is not readable is no judgement", () => {
    const { plan, write, turn } = setUp();
    const at = (...words: string[]) => plan("record", "docs/plan.md", "1", ...words);
    begin({ plan, write, turn });
    turn("ses_r");
    expect(at("evaluation").stderr).toContain("--answer");
    expect(at("evaluation", "--answer", "nowhere").stderr).toContain("no such file");
    const unread = at("evaluation", "--answer", write("a", "LGTM, PASS"));
    expect(unread.stdout).toContain("phase evaluate");
    // What it prints to go on with works: there are no findings yet that a re-evaluation could bring.
    expect(unread.stdout).toContain("plan prompt initial-evaluation");
    expect(plan("prompt", "initial-evaluation", "--plan", "docs/plan.md", "--feature", "1").code).toBe(0);
    expect(at("evaluation", "--answer", write("a", "LGTM, PASS")).stdout).toContain("phase escalated");
  });

  test("no phase ends on anybody's word: the run records have to agree", () => {
    const { plan, write, turn } = setUp();
    const at = (...words: string[]) => plan("record", "docs/plan.md", "1", ...words, "--json");
    const refused = (code: number, message: RegExp, ...words: string[]) => {
      const answer = at(...words);
      expect(answer.code, words.join(" ")).toBe(code);
      expect(answer.json.error.message).toMatch(message);
      expect(answer.json.error.fix).toMatch(/handrail/);
    };
    plan("start", "docs/plan.md", "1");
    at("feature-confirmed");
    at("plan-approved", "--plan-text", write("p", "x"));
    at("generator", "--session", "ses_g");
    const allow = ["src/cart.js"];
    refused(2, /no run of session ses_g/, "generated");
    turn("ses_g", { allow, state: "running", ended: undefined, created: later(0) });
    refused(5, /still running/, "generated");
    turn("ses_g", { allow, state: "failed", created: later(1) });
    refused(1, /failed/, "generated");
    turn("ses_g", { allow, verdict: "violated", created: later(2) });
    refused(1, /violated/, "generated");
    turn("ses_g", { allow, created: later(3), ended: later(4) });
    expect(at("generated").json.phase).toBe("evaluate");

    at("reviewer", "--session", "ses_r");
    const pass = write("pass", PASS);
    const fail = write("fail", FAIL);
    refused(2, /no run of session ses_r/, "evaluation", "--answer", pass);
    turn("ses_r", { created: later(3) });
    refused(2, /not looked since/, "evaluation", "--answer", pass);
    turn("ses_r", { allow, created: later(5) });
    refused(2, /could write/, "evaluation", "--answer", pass);
    turn("ses_r", { created: later(6), ended: later(7) });
    const other = write("other", JSON.stringify({ session_id: "ses_g", text: PASS }));
    refused(2, /of session ses_g; the reviewer is ses_r/, "evaluation", "--answer", other);
    expect(at("evaluation", "--answer", fail).json.phase).toBe("fix");

    // The first judgement is none of the fix.
    turn("ses_g", { allow, created: later(10), ended: later(11) });
    expect(at("fixed").json.phase).toBe("evaluate");
    refused(2, /not looked since/, "evaluation", "--answer", pass);
    turn("ses_r", { created: later(12), ended: later(13) });
    expect(at("evaluation", "--answer", pass).json.phase).toBe("advisory");

    const advisory = (session_id: string) =>
      write("advisory", JSON.stringify({ session_id, classification: "PASS", findings: [] }));
    refused(2, /ses_r has worked on this feature/, "advisory", "--answer", advisory("ses_r"));
    turn("ses_a", { created: later(9) });
    refused(2, /not looked since/, "advisory", "--answer", advisory("ses_a"));
    turn("ses_a", { created: later(14) });
    expect(at("advisory", "--answer", advisory("ses_a")).json.phase).toBe("done");
  });

  test("a fix round that nobody asked the generator for is none", () => {
    const { plan, write, turn } = setUp();
    const at = (...words: string[]) => plan("record", "docs/plan.md", "1", ...words, "--json");
    begin({ plan, write, turn });
    turn("ses_r");
    at("evaluation", "--answer", write("fail", FAIL));
    const answer = at("fixed");
    expect(answer).toMatchObject({ code: 2 });
    expect(answer.json.error.message).toContain("no prompt since the last judgement");
    turn("ses_g", { allow: ["src/cart.js"] });
    expect(at("fixed").json.phase).toBe("evaluate");
  });

  test("its record is the user's alone, and one that does not parse is not taken for empty", () => {
    const { plan, sandbox } = setUp();
    plan("start", "docs/plan.md", "1");
    const find = run(sandbox.dir, ["--version"]);
    expect(find.code).toBe(0);
    const folder = join(sandbox.state, "projects");
    const [file = ""] = filesBelow(folder).filter((name) => name.includes("/plans/"));
    writeFileSync(file, "{}");
    expect(plan("state", "docs/plan.md", "1")).toMatchObject({
      code: 5,
      stderr: expect.stringContaining("does not parse"),
    });
    expect(filesBelow(folder).some((name) => name.includes(".unreadable-"))).toBe(true);
    expect(readFileSync(filesBelow(folder).find((name) => name.includes(".unreadable-")) ?? "", "utf8")).toBe(
      "{}",
    );
  });
});

/** A moment after all that the commands of this test write down, so that the order of the runs is plain. */
function later(minutes: number): string {
  return new Date(START + (60 + minutes) * 60_000).toISOString();
}

/** Feature 1 up to its evaluation, with the generator `ses_g` and the reviewer `ses_r`. */
function begin({ plan, write, turn }: Pick<ReturnType<typeof setUp>, "plan" | "write" | "turn">): void {
  plan("start", "docs/plan.md", "1");
  const at = (...words: string[]) => plan("record", "docs/plan.md", "1", ...words);
  for (const words of [
    ["feature-confirmed"],
    ["plan-approved", "--plan-text", write("p", "x")],
    ["generator", "--session", "ses_g"],
    ["generated"],
    ["reviewer", "--session", "ses_r"],
  ]) {
    if (words[0] === "generated") turn("ses_g", { allow: ["src/cart.js"] });
    expect(at(...words)).toMatchObject({ code: 0 });
  }
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
