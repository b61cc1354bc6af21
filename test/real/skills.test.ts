import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parseTask } from "../../shared/task/parse.ts";
import type { CodeBlock } from "../lab/markdown.ts";
import { rolesScript, SHOP, writesCart } from "../lab/reviewer.ts";
import { call, text } from "../lab/script.ts";
import { skillBlocks } from "../lab/skill-commands.ts";
import { leftToRun, setUpSkillShell } from "../lab/skill-shell.ts";

const blocks = skillBlocks();
const TASK_FILE = "opencode_tasks/20261121-cart.txt";
const TASK = "Change the cart\n\nFiles to modify:\n- src/cart.js\n";

const shellBlocks = (file: string) =>
  blocks.filter((block) => block.file === file && block.language === "bash");
/** Puts `--json > "$ANSWER"` where the skill says that it may stand. */
const keeping = (text: string) => text.replace(/^(\s*)-- /m, '$1--json > "$ANSWER" -- ');

test("task-iteration: every command, in its order, on one server; a lost session, and a review surface that is not there", async () => {
  const lab = await setUpSkillShell(
    rolesScript({ generate: writesCart, evaluations: ["FAIL", "PASS", "FAIL"], advisories: [] }),
  );
  const { repo, model, variables, block, inline, must } = lab;
  const [
    state,
    list,
    start,
    approve,
    generate,
    background,
    recordGenerator,
    recordJob,
    attach,
    evaluate,
    recordReviewer,
    fix,
    reevaluate,
    review,
    check,
    ...more
  ] = shellBlocks("skills/task-iteration/SKILL.md");
  expect(more).toEqual([]);
  const answer = () => JSON.parse(readFileSync(variables.ANSWER ?? "", "utf8"));
  const template = (name: string) => `handrail plan prompt ${name} --plan "$PLAN" --feature "$FEATURE"`;
  const record = (event: string) => inline(`handrail plan record "$PLAN" "$FEATURE" ${event}`);
  const phase = async () =>
    JSON.parse(await must('handrail plan state "$PLAN" "$FEATURE" --json')) as { phase: string };

  // Feature 1: a fix round, then the advisory review.
  await inline("git rev-parse HEAD");
  await inline("handrail plan list PLAN", { PLAN: "docs/plan.md" });
  await inline("handrail plan show PLAN FEATURE", { PLAN: "docs/plan.md", FEATURE: "1" });
  await block(list);
  await block(start);
  await block(state);
  await record("feature-confirmed");
  await block(approve);
  const prompt = await inline(template("initial-implementation"));
  expect(prompt.stdout).toContain("discount(total) takes 10 % off above 100.");
  await inline("handrail plan prompt NAME --plan PLAN --feature FEATURE", {
    NAME: "initial-implementation",
    PLAN: "docs/plan.md",
    FEATURE: "1",
  });
  await block(generate, { "<generator-prompt>": `$(${template("initial-implementation")})` }, keeping);
  variables.GENERATOR_SID = answer().session_id;
  expect(repo.read("src/cart.js")).toBe("export const round = 0;\n");
  expect(repo.read("docs/plan.md")).toBe(SHOP["docs/plan.md"]);
  await block(recordGenerator);
  await block(attach);
  await inline('handrail session attach "$GENERATOR_SID" --directory "$WORK_DIR" --timeout 5');
  expect((await inline("handrail diff --stat")).stdout).toContain("src/cart.js");
  await inline("handrail verify");
  await inline(template("initial-evaluation"));
  await block(evaluate, { "<reviewer-prompt>": `$(${template("initial-evaluation")})` }, keeping);
  variables.REVIEWER_SID = answer().session_id;
  await block(recordReviewer);
  expect(await phase()).toMatchObject({ phase: "fix", round: 1 });
  await inline(template("fix-iteration"));
  await block(fix, { "<fix-prompt>": `$(${template("fix-iteration")})` });
  expect(model.requests.some(({ userText }) => userText.includes("discount() is wrong"))).toBe(true);
  await record("fixed");
  await inline(template("re-evaluation"));
  await block(reevaluate, { "<re-eval-prompt>": `$(${template("re-evaluation")})` }, keeping);
  await must('handrail plan record "$PLAN" "$FEATURE" evaluation --answer "$ANSWER"');
  await inline('git diff "$BASE_REF"..HEAD --stat');
  expect((await inline('git diff --stat "$BASE_REF"')).stdout).toContain("src/cart.js");
  await inline("git status --short");
  await block(review, {}, (text) => text.replace(/\n$/, ' --json > "$ANSWER"\n'));
  expect(answer()).toMatchObject({ classification: "PASS", scope: "branch" });
  await record('advisory --answer "$ANSWER"');
  await block(check);
  expect(repo.read("docs/plan.md")).toContain("- [x] discount() written\n- [ ] scenarios");
  await inline('handrail plan check PLAN FEATURE --tick 2 --tick "tests written"', {
    PLAN: "docs/plan.md",
    FEATURE: "1",
    "tests written": "discount",
  });
  const summary = await record("finished");
  expect(summary.stdout).toContain("files changed: src/cart.js +1 -1");
  expect(summary.stdout).toContain("checklist: 2 of 2 done");
  expect(summary.stdout).toContain("evaluation PASS, advisory PASS, fix rounds 1");
  for (const git of ["git diff --stat {{BASE_REF}}", "git diff {{BASE_REF}}"])
    await inline(git, { "{{BASE_REF}}": variables.BASE_REF ?? "" });

  // Feature 2: as a job, its session lost, no round left, and the advisory by a session with the template.
  variables.FEATURE = "receipt";
  await must('handrail plan start "$PLAN" "$FEATURE" --max-fix-rounds 0');
  await record("feature-confirmed");
  await block(approve);
  const job = await block(
    background,
    { "<generator-prompt>": `$(${template("initial-implementation")})` },
    (text) => text.replace("--background", "--background --json"),
  );
  variables.JOB = JSON.parse(job.stdout).job_id;
  variables.GENERATOR_JOB_ID = variables.JOB ?? "";
  await inline('handrail job wait "$JOB"');
  await inline('handrail job status "$JOB"');
  await inline('handrail job result "$JOB"');
  const result = await block(recordJob);
  const [session = ""] = /\bses_\w+/.exec(result.stdout.slice(result.stdout.lastIndexOf("session"))) ?? [];
  await must(`handrail plan record "$PLAN" "$FEATURE" generator --session ${session}`);
  expect(await phase()).toMatchObject({
    generator: { session_id: session, job_id: variables.JOB, mode: "background" },
  });
  await record("lost --role generator");
  await block(generate, { "<generator-prompt>": `$(${template("initial-implementation")})` }, keeping);
  variables.GENERATOR_SID = answer().session_id;
  expect(variables.GENERATOR_SID).not.toBe(session);
  await block(recordGenerator);
  await block(evaluate, { "<reviewer-prompt>": `$(${template("initial-evaluation")})` }, keeping);
  variables.REVIEWER_SID = answer().session_id;
  await block(recordReviewer);
  expect((await inline('handrail plan state "$PLAN" "$FEATURE"')).stdout).toContain("phase escalated");
  await record('accepted --note "why"');
  await inline(template("advisory-review"));
  await block(evaluate, { "<reviewer-prompt>": `$(${template("advisory-review")})` }, keeping);
  expect(answer()).toMatchObject({ held: "read-only", state: "done" });
  await record('advisory --answer "$ANSWER"');
  expect(await phase()).toMatchObject({ phase: "done", advisories: [{ session_id: answer().session_id }] });
  await must('handrail plan check "$PLAN" "$FEATURE" --tick 1');
  expect((await record("finished")).stdout).toMatch(/accepted: why\n {4}\[High\] src\/cart.js/);
  await inline("handrail show");
  await inline("handrail serve status");
  expect((await inline("handrail plan state")).stdout).toContain("no feature is being worked on");
}, 400_000);

test("opencode-companion, the slash commands and the agent: every command, on one server", async () => {
  const script = rolesScript({ generate: () => [text("Done.")], evaluations: [], advisories: [] });
  const lab = await setUpSkillShell(script, { dirty: { [TASK_FILE]: TASK } });
  const { repo, variables, block, inline, must } = lab;
  repo.write("src/cart.js", "export const mine = 1;\n");
  const [fresh, again, jobs, reviews, ...others] = shellBlocks("skills/opencode-companion/SKILL.md");
  expect(others).toEqual([]);
  await inline("handrail run FILE", { FILE: TASK_FILE });
  const started = await must('handrail session new --background --json -- "Look at it."');
  variables.SESSION_ID = JSON.parse(started).session_id;
  variables.JOB_ID = JSON.parse(started).job_id;
  await must('handrail job wait "$JOB_ID"');
  await block(fresh, { "<prompt>": "Say hello." });
  await block(again, { "<prompt>": "Say hello again." });
  // What is over cannot be cancelled, and says so.
  const listed = await block(jobs, {}, (text) => text.replace(/^handrail job cancel .*$/m, "$& || true"));
  expect(listed.stdout + listed.stderr).toMatch(/done|ended|over/);
  await inline("handrail session list");
  await inline('handrail session status "$SESSION_ID"');
  // Nothing is asked here: what it does to a question is in answers.test.ts.
  await inline('handrail session reply "$SESSION_ID" --once', {}, [1, 2, 5]);
  await inline('handrail session abort "$SESSION_ID"', {}, [0, 1]);
  expect((await block(reviews)).stdout.match(/^PASS/gm)).toHaveLength(2);
  await inline("handrail task new SLUG", { SLUG: "another" });
  await inline("handrail savings");
  // The doctor's findings depend on the machine; that it runs and names each part does not.
  expect((await inline("handrail doctor", {}, [0, 5])).stdout).toMatch(/opencode/i);

  const run = JSON.parse(await must("handrail runs --json")).at(-1).run_id;
  const values = { SESSION: variables.SESSION_ID ?? "", JOB: variables.JOB_ID ?? "", RUN: run };
  for (const one of shellBlocksOf("commands/"))
    await block(one, {}, (text) => text.replace(/^handrail doctor$/m, "$& || test $? = 5"));
  await inline("handrail review");
  await inline("handrail job cancel JOB", values, [0, 1, 2]);
  await inline("handrail session abort SESSION", values, [0, 1]);
  await inline("handrail job result JOB", values);
  await inline("handrail show RUN", values);
  await inline("handrail restore RUN", values);
  expect(
    JSON.parse(await must("handrail runs --json")).some((one: { state: string }) => one.state === "running"),
  ).toBe(false);

  const where = { ...values, DIR: repo.root, PROMPT: "Say hello." };
  await inline('handrail session continue SESSION --directory DIR --timeout 60 -- "PROMPT"', where);
  await inline("handrail session attach SESSION --directory DIR --timeout 10", where);
  expect(repo.read("src/cart.js")).toBe("export const mine = 1;\n");
  await inline("handrail serve stop");
}, 400_000);

test("opencode-executor: every command, with Handrail", async () => {
  const lab = await setUpSkillShell(
    [call("write", { filePath: "src/cart.js", content: "export const cart = 1;\n" }), text("Done.")],
    { dirty: { [TASK_FILE]: TASK } },
  );
  const { block, inline } = lab;
  const fill = { "opencode_tasks/YYYYMMDD-<slug>.txt": TASK_FILE };
  const [check, run, raw, diff, ...more] = shellBlocks("skills/opencode-executor/SKILL.md");
  expect(more).toEqual([]);
  await block(check, fill);
  await inline("handrail baseline");
  expect((await block(run, fill)).stdout).toContain('Changed: "src/cart.js"');
  expect((await block(diff, fill)).stdout.match(/\+export const cart = 1/g)).toHaveLength(2);
  await block(raw, fill);
  await inline("handrail diff");
  await inline("git status");
}, 400_000);

test("opencode-executor: with nothing but git and opencode the sequence works, unheld", async () => {
  const lab = await setUpSkillShell(
    [
      call("write", { filePath: "src/cart.js", content: "export const cart = 1;\n" }),
      call("write", { filePath: "src/other.js", content: "export const other = 1;\n" }),
      text("Done."),
    ],
    { without: true },
  );
  const { block, repo, sandbox } = lab;
  const [bare, ...rest] = shellBlocks("skills/opencode-executor/references/review.md");
  expect(rest).toEqual([]);
  // The task file is written between the baseline and the run, as the sequence has it.
  const write = `printf '%s' "${TASK}" > ${TASK_FILE}`;
  const shown = await block(bare, { "opencode_tasks/YYYYMMDD-<slug>.txt": TASK_FILE }, (text) =>
    text.replace(/^TASK=/m, () => `${write}\nTASK=`),
  );
  expect(shown.stdout).toContain("+export const cart = 1");
  expect(shown.stdout).toContain("?? src/other.js");
  expect(repo.read("opencode_tasks/baseline.txt").trim()).toBe(repo.git("rev-parse", "HEAD"));
  expect(existsSync(sandbox.state)).toBe(false);
}, 400_000);

test("opencode-orchestration: every command, on a packet", async () => {
  const packet = (name: string, file: string) => ({
    packet_version: "v1",
    task_id: `change-${name}`,
    workstream: "bugfix",
    owner_agent: "fullstack",
    session_key: `coding:change-${name}`,
    objective: "Change the constant",
    scope: { file_paths: [file], module_boundaries: [], out_of_scope: ["docs/"] },
    acceptance: ["it is changed"],
    validation: { commands: [], must_include: [] },
  });
  const lab = await setUpSkillShell(
    [call("write", { filePath: "src/cart.js", content: "export const cart = 1;\n" }), text("Done.")],
    {
      dirty: {
        "opencode_tasks/20261121-change-a.json": JSON.stringify(packet("a", "src/cart.js")),
        "opencode_tasks/20261121-change-b.json": JSON.stringify(packet("b", "src/other.js")),
      },
    },
  );
  const { block, inline, must, repo } = lab;
  const [run, several, after, ...more] = shellBlocks("skills/opencode-orchestration/SKILL.md");
  expect(more).toEqual([]);
  await block(run);
  const [job] = JSON.parse(await must("handrail job list --json"));
  await must(`handrail job wait ${job.job_id}`);
  expect((await block(after)).stdout).toContain("src/cart.js");
  expect(repo.read("src/cart.js")).toBe("export const cart = 1;\n");
  await inline("handrail lock release RUN", { RUN: job.run_id });
  expect(JSON.parse(await must("handrail lock list --json"))).toEqual([]);
  expect((await block(several)).stdout).toMatch(/change-a[\s\S]*change-b/);
}, 400_000);

test("no command in a skill, a slash command or an agent was left out", () => {
  expect(leftToRun()).toEqual([]);
});

test("the sample tasks in the skills mean what they show", () => {
  const samples = blocks.filter(({ language, text }) => language === "" && text.includes("Files to modify:"));
  expect(samples).toHaveLength(2);
  for (const sample of samples) {
    const spec = parseTask(sample.text, { fileName: "opencode_tasks/20261121-x.txt", root: "/repo" });
    expect(spec.errors, `${sample.file}:${sample.line}`).toEqual([]);
    expect(spec.scope.allow[0]).toBe("src/client.ts");
  }
});

test("each block is a command, a sample, or a picture", () => {
  expect(blocks.filter(({ language }) => language !== "bash" && language !== "")).toEqual([]);
  const plain = blocks.filter(({ language, text }) => language === "" && !text.includes("Files to modify:"));
  expect(plain.map(({ text }) => text.trim().split("\n")[0])).toEqual([
    expect.stringContaining("PARSE → PLAN"),
    "round = 0",
  ]);
});

function shellBlocksOf(folder: string): CodeBlock[] {
  const found = blocks.filter(({ file, language }) => file.startsWith(folder) && language === "bash");
  expect(found.length).toBeGreaterThan(0);
  return found;
}
