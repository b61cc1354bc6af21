import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseTask } from "../../shared/task/parse.ts";
import { CLAUDE_PLUGIN } from "../lab/claude-plugin.ts";
import { closing } from "../lab/cleanup.ts";
import { PLUGIN } from "../lab/delegation.ts";
import { type CodeBlock, codeBlocks } from "../lab/markdown.ts";
import { startOpenAiServer } from "../lab/openai-server.ts";
import { setUpOpencode } from "../lab/opencode.ts";
import { projectRoot, runProgram } from "../lab/process.ts";
import { makeRepo } from "../lab/repo.ts";
import { rolesScript, SHOP, writesCart } from "../lab/reviewer.ts";
import { makeSandbox } from "../lab/sandbox.ts";
import { call, type Script, text } from "../lab/script.ts";

const OWN = ["task-iteration", "opencode-companion", "opencode-executor"];
const blocks = [
  ...OWN.flatMap((name) => blocksBelow(join(CLAUDE_PLUGIN, "skills", name))),
  ...blocksBelow(join(CLAUDE_PLUGIN, "commands")),
  ...blocksBelow(join(CLAUDE_PLUGIN, "agents")),
];
const TASK_FILE = "opencode_tasks/20261121-cart.txt";
const TASK = "Change the cart\n\nFiles to modify:\n- src/cart.js\n";

function blocksBelow(folder: string): CodeBlock[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".md"))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .flatMap((file) => codeBlocks(file.slice(projectRoot.length + 1), readFileSync(file, "utf8")));
}

const inSkill = (name: string, file = "SKILL.md") =>
  blocks.filter((block) => block.file.endsWith(`${name}/${file}`) && block.language === "bash");

/** A shell with what a session of Claude's has: the plugin's `bin` on its PATH, and OpenCode on a scripted model. */
async function setUpShell(script: Script) {
  const sandbox = closing(makeSandbox());
  const model = closing(await startOpenAiServer(script));
  const repo = makeRepo(join(sandbox.dir, "shop"), {
    files: SHOP,
    ignore: ["opencode_tasks/"],
    dirty: { [TASK_FILE]: TASK },
  });
  const opencode = setUpOpencode({ sandbox, modelUrl: model.url, plugins: [PLUGIN] });
  const notes = join(sandbox.dir, "notes");
  mkdirSync(notes);
  writeFileSync(join(notes, "plan.txt"), "1. Write discount().\n");
  writeFileSync(join(notes, "scope.txt"), "Files to modify:\n- src/cart.js\n");
  const variables: Record<string, string> = {
    CLAUDECODE: "1",
    CLAUDE_PLUGIN_ROOT: CLAUDE_PLUGIN,
    PLAN: "docs/plan.md",
    FEATURE: "cart-discount",
    WORK_DIR: repo.root,
    PLAN_TEXT: join(notes, "plan.txt"),
    SCOPE_FILE: join(notes, "scope.txt"),
    ANSWER: join(notes, "answer.json"),
    BASE_REF: repo.git("rev-parse", "HEAD"),
  };
  const env = { ...opencode.env, PATH: `${CLAUDE_PLUGIN}/bin:${opencode.env.PATH}` };
  const shell = async (command: string) => {
    const options = { cwd: repo.root, env: { ...env, PWD: repo.root, ...variables }, timeout: 120_000 };
    return runProgram("/bin/bash", ["-e", "-o", "pipefail", "-c", command], options);
  };
  closing({
    close: async () => {
      const stopped = await shell("handrail serve stop --json || true");
      expect(stopped.stdout).not.toContain('"internal"');
    },
  });
  return { sandbox, repo, model, shell, variables };
}

/** Runs a block, with its placeholders filled; anything but exit 0 is shown whole. */
async function ran(
  shell: (command: string) => Promise<{ code: number | null; stdout: string; stderr: string }>,
  block: CodeBlock | undefined,
  fill: Record<string, string> = {},
) {
  if (!block) throw new Error("the skill has no such block any more");
  let command = block.text;
  for (const [name, value] of Object.entries(fill)) command = command.replaceAll(name, value);
  expect(command, `${block.file}:${block.line} has a placeholder that no test fills`).not.toMatch(
    /<[a-z-]+>|YYYYMMDD/,
  );
  const result = await shell(command);
  expect(
    result.code,
    `${block.file}:${block.line}
${command}
${result.stdout}
${result.stderr}`,
  ).toBe(0);
  return result;
}

test("every block of task-iteration and opencode-companion runs, in their order, on one server", async () => {
  const script = rolesScript({ generate: writesCart, evaluations: ["FAIL"], advisories: [] });
  const { shell, variables, repo, model } = await setUpShell(script);
  const [
    state,
    list,
    start,
    approve,
    generate,
    background,
    recordGenerator,
    attach,
    evaluate,
    recordReviewer,
    fix,
    reevaluate,
    review,
    check,
    ...more
  ] = inSkill("task-iteration");
  expect(more).toEqual([]);
  const must = async (command: string) => {
    const result = await shell(command);
    expect(result, command).toMatchObject({ code: 0 });
    return result.stdout;
  };
  const prompt = (name: string) => `$(handrail plan prompt ${name} --plan "$PLAN" --feature "$FEATURE")`;
  const session = (json: string): string => JSON.parse(json).session_id;
  const keep = (block: CodeBlock | undefined): CodeBlock | undefined =>
    block && {
      ...block,
      text: block.text.replace(/^(\s*)-- /m, "$1--json -- ").replace(/\n$/, ' > "$ANSWER"\n'),
    };
  const answer = () => readFileSync(variables.ANSWER ?? "", "utf8");

  await ran(shell, list);
  await ran(shell, start);
  await ran(shell, state);
  await must('handrail plan record "$PLAN" "$FEATURE" feature-confirmed');
  await ran(shell, approve);
  await ran(shell, keep(generate), { "<generator-prompt>": prompt("initial-implementation") });
  variables.GENERATOR_SID = session(answer());
  expect(repo.read("src/cart.js")).toBe("export const round = 0;\n");
  expect(repo.read("docs/plan.md")).toBe(SHOP["docs/plan.md"]);
  await ran(shell, recordGenerator);
  await ran(shell, attach);
  await ran(shell, keep(evaluate), { "<reviewer-prompt>": prompt("initial-evaluation") });
  variables.REVIEWER_SID = session(answer());
  await ran(shell, recordReviewer);
  expect(JSON.parse(await must('handrail plan state "$PLAN" "$FEATURE" --json'))).toMatchObject({
    phase: "fix",
    round: 1,
  });
  await ran(shell, fix, { "<fix-prompt>": prompt("fix-iteration") });
  expect(model.requests.some(({ userText }) => userText.includes("discount() is wrong"))).toBe(true);
  await must('handrail plan record "$PLAN" "$FEATURE" fixed');
  await ran(shell, keep(reevaluate), { "<re-eval-prompt>": prompt("re-evaluation") });
  await must('handrail plan record "$PLAN" "$FEATURE" evaluation --answer "$ANSWER"');
  await ran(shell, review && { ...review, text: review.text.replace(/\n$/, ' --json | tee "$ANSWER"\n') });
  expect(JSON.parse(answer())).toMatchObject({ classification: "PASS", scope: "branch" });
  await must('handrail plan record "$PLAN" "$FEATURE" advisory --answer "$ANSWER"');
  await ran(shell, check);
  expect(repo.read("docs/plan.md")).toContain("- [x] discount() written\n- [ ] scenarios");
  await must(
    'handrail plan check "$PLAN" "$FEATURE" --tick 2 && handrail plan record "$PLAN" "$FEATURE" finished',
  );

  // The background form, and the companion's own blocks, on the same server.
  const job = await ran(
    shell,
    background && { ...background, text: background.text.replace("--background", "--background --json") },
    { "<generator-prompt>": prompt("initial-implementation") },
  );
  variables.JOB_ID = JSON.parse(job.stdout).job_id;
  variables.JOB = variables.JOB_ID ?? "";
  variables.SESSION_ID = JSON.parse(job.stdout).session_id;
  await must('handrail job wait "$JOB_ID"');
  const [fresh, again, jobs, reviews, ...others] = inSkill("opencode-companion");
  expect(others).toEqual([]);
  await ran(shell, fresh, { "<prompt>": "Say hello." });
  await ran(shell, again, { "<prompt>": "Say hello again." });
  const lines = (jobs?.text ?? "").trim().split("\n");
  for (const line of lines.filter((one) => !one.includes("cancel"))) await must(line);
  const cancel = await shell(lines.find((one) => one.includes("cancel")) ?? "");
  expect(cancel.stdout + cancel.stderr).toMatch(/done|ended|over/);
  await ran(shell, reviews);
  for (const name of ["status", "cancel", "review", "result"]) {
    for (const block of inSkill("commands", `${name}.md`)) await ran(shell, block);
  }
  for (const line of codeSpans("task-iteration/references/recovery.md").filter((one) =>
    /^handrail (serve|plan state|job)/.test(one),
  ))
    await must(line);
}, 400_000);

test("every block of opencode-executor runs, with Handrail and with nothing but git and opencode", async () => {
  const { shell, repo } = await setUpShell([
    call("write", { filePath: "src/cart.js", content: "export const cart = 1;\n" }),
    text("Done."),
  ]);
  const fill = { "opencode_tasks/YYYYMMDD-<slug>.txt": TASK_FILE };
  const [check, run, raw, diff, ...more] = inSkill("opencode-executor");
  expect(more).toEqual([]);
  await ran(shell, check, fill);
  await shell("handrail baseline");
  const done = await ran(shell, run, fill);
  expect(done.stdout).toContain('Changed: "src/cart.js"');
  const shown = await ran(shell, diff, fill);
  expect(shown.stdout.match(/\+export const cart = 1/g)).toHaveLength(2);
  await ran(shell, raw, fill);
  const [bare, ...rest] = inSkill("opencode-executor", "references/review.md");
  expect(rest).toEqual([]);
  repo.git("checkout", "-q", "--", "src/cart.js");
  const without = await ran(shell, bare, fill);
  expect(without.stdout).toContain("+export const cart = 1");
  // The doctor's findings depend on the machine; that it runs and names each part does not.
  for (const block of inSkill("commands", "doctor.md"))
    expect((await shell(block.text)).stdout).toMatch(/opencode/i);
}, 400_000);

test("the sample tasks in the skills mean what they show", () => {
  const samples = blocks.filter(({ language, text }) => language === "" && text.includes("Files to modify:"));
  expect(samples).toHaveLength(2);
  for (const sample of samples) {
    const spec = parseTask(sample.text, { fileName: "opencode_tasks/20261121-x.txt", root: "/repo" });
    expect(spec.errors, `${sample.file}:${sample.line}`).toEqual([]);
    expect(spec.scope.allow[0]).toBe("src/client.ts");
  }
});

test("no block is left out: each is a command that a test runs, a sample, or a picture", () => {
  const others = blocks.filter(({ language }) => language !== "bash" && language !== "");
  expect(others).toEqual([]);
  const plain = blocks.filter(({ language, text }) => language === "" && !text.includes("Files to modify:"));
  expect(plain.map(({ text }) => text.trim().split("\n")[0])).toEqual([
    expect.stringContaining("PARSE → PLAN"),
    "round = 0",
  ]);
  const commands = blocks.filter(({ language }) => language === "bash");
  expect(commands.length).toBeGreaterThan(25);
});

/** Commands in backquotes of a reference file. */
function codeSpans(file: string): string[] {
  const markdown = readFileSync(join(CLAUDE_PLUGIN, "skills", file), "utf8");
  return [...markdown.matchAll(/`(handrail [^`]+)`/g)].map((found) => found[1] ?? "");
}
