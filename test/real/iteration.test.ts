import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { toolResults } from "../lab/claude.ts";
import { CLAUDE_PLUGIN, setUpPlugin } from "../lab/claude-plugin.ts";
import { closing } from "../lab/cleanup.ts";
import { PLUGIN } from "../lab/delegation.ts";
import { bash, goesOn } from "../lab/iterating-claude.ts";
import { startOpenAiServer } from "../lab/openai-server.ts";
import { setUpOpencode } from "../lab/opencode.ts";
import { runProgram } from "../lab/process.ts";
import { rolesScript, SHOP, type Verdict, writesCart } from "../lab/reviewer.ts";
import { call, text } from "../lab/script.ts";

const PLAN = "docs/plan.md";

test("task-iteration on two features: gates, a fix round, an advisory finding, Claude restarted in the middle, a timeout, rounds used up", async () => {
  const executor = closing(await startOpenAiServer([]));
  const session = await setUpPlugin([text("Ready.")], { repo: { files: SHOP } });
  const { sandbox, repo, model, claude } = session;
  const opencode = setUpOpencode({ sandbox, modelUrl: executor.url, plugins: [PLUGIN] });
  const notes = join(sandbox.dir, "notes");
  mkdirSync(notes);
  const env = { ...opencode.env, PATH: `${CLAUDE_PLUGIN}/bin:${opencode.env.PATH}` };
  const handrail = async (...args: string[]) =>
    runProgram(join(CLAUDE_PLUGIN, "bin/handrail"), args, {
      cwd: repo.root,
      env: { ...env, PWD: repo.root },
    });
  closing({ close: () => handrail("serve", "stop") });
  const state = async (feature: string) =>
    JSON.parse((await handrail("plan", "state", PLAN, feature, "--json")).stdout);
  const roles = (evaluations: Verdict[], advisories: Verdict[], delayMs = 0) =>
    executor.script(
      rolesScript({
        generate: (round) => [
          ...writesCart(round).map((step, index) => (index === 0 ? { ...step, delayMs } : step)),
        ],
        evaluations,
        advisories,
      }),
    );

  // Feature 1, up to the first evaluation, in one session of Claude's, with the user's two gates.
  roles(["FAIL"], ["FAIL"]);
  const first = closing(claude.stream(repo.root, { env: opencode.env }));
  model.script((request) => {
    const said = request.userText.trim();
    if (said.startsWith("yes, that one")) {
      return [
        bash(`handrail plan record ${PLAN} 1 feature-confirmed`),
        call("Write", { file_path: join(notes, "plan.txt"), content: "1. Write discount().\n2. Test it.\n" }),
        text("The plan: discount() in src/cart.js. Approved?"),
      ];
    }
    if (said.startsWith("approved")) {
      if (request.step === 0)
        return bash(`handrail plan record ${PLAN} 1 plan-approved --plan-text ${notes}/plan.txt`);
      return goesOn({ plan: PLAN, feature: "cart-discount", notes, until: "fix" })({
        ...request,
        step: request.step - 1,
      });
    }
    return [
      bash(`handrail plan list ${PLAN}; handrail plan show ${PLAN} 1`),
      bash(`handrail plan start ${PLAN} 1 --max-fix-rounds 2`),
      text("Feature 1, Cart discount. Is it the one?"),
    ];
  });
  expect(await first.send(`/handrail:task-iteration ${PLAN} 1 --max-fix-rounds 2`)).toContain(
    "Is it the one?",
  );
  const asked = model.requests
    .map(({ messages }) => messages.map((message) => message.text).join("\n"))
    .join("\n");
  expect(asked).toContain(
    `node "${CLAUDE_PLUGIN}/skills/opencode-companion/scripts/opencode-companion.mjs" session new`,
  );
  expect(asked).toContain(`${PLAN} 1 --max-fix-rounds 2`);
  expect(await state("1")).toMatchObject({ phase: "parse" });
  expect(await first.send("yes, that one")).toContain("Approved?");
  expect(await state("1")).toMatchObject({ phase: "plan" });
  expect(await first.send("approved")).toBe("Stopped in fix.");
  const before = await state("1");
  expect(before).toMatchObject({
    phase: "fix",
    round: 1,
    evaluations: [{ classification: "FAIL" }],
    base_ref: repo.git("rev-parse", "HEAD"),
  });
  // The generator could not write the plan, whatever it tried.
  expect(repo.read(PLAN)).toBe(SHOP[PLAN]);
  await first.close();

  // Another Claude, which knows nothing, goes on.
  model.script(goesOn({ plan: PLAN, feature: "cart-discount", notes }));
  const second = await claude.prompt(repo.root, "go on with the feature loop", {
    env: opencode.env,
    timeout: 170_000,
  });
  expect(toolResults(second.messages).join("\n---\n")).toContain("phase finished");
  const finished = await state("1");
  expect(finished).toMatchObject({
    phase: "finished",
    round: 2,
    generator: { session_id: before.generator.session_id },
    reviewer: { session_id: before.reviewer.session_id },
    evaluations: [{ classification: "FAIL" }, { classification: "PASS", round: 1 }],
    advisories: [{ classification: "FAIL" }, { classification: "PASS", round: 2 }],
  });
  expect(repo.read("src/cart.js")).toBe("export const round = 2;\n");
  expect(repo.read(PLAN)).toBe(SHOP[PLAN]?.replace("[ ] discount()", "[x] discount()"));
  // Generator, reviewer, and a fresh session for each advisory.
  const sessions = JSON.parse((await handrail("session", "list", "--json")).stdout);
  expect(sessions).toHaveLength(4);
  // Nothing was staged or committed.
  expect(repo.git("diff", "--cached", "--name-only")).toBe("");
  expect(repo.git("rev-parse", "HEAD")).toBe(before.base_ref);

  // Feature 2: the time is up before the work is done; attach, no second prompt; a clean pass.
  roles([], [], 8_000);
  writeFileSync(join(notes, "scope.txt"), "Files to modify:\n- src/cart.js\n");
  const begin = `handrail plan start ${PLAN} 2 --max-fix-rounds 1 && handrail plan record ${PLAN} 2 feature-confirmed && handrail plan record ${PLAN} 2 plan-approved --plan-text ${notes}/plan.txt --scope-file ${notes}/scope.txt`;
  const drive = (more: { timeout?: string } = {}) => {
    const on = goesOn({ plan: PLAN, feature: "receipt", notes, ...more });
    model.script((request) =>
      request.step === 0 ? bash(begin) : on({ ...request, step: request.step - 1 }),
    );
  };
  const prompted = executor.requests.length;
  drive({ timeout: "0.05" });
  const third = await claude.prompt(repo.root, "feature 2", { env: opencode.env, timeout: 170_000 });
  const told = toolResults(third.messages).join("\n---\n");
  expect(told).toContain("exit 4");
  expect(told).toContain("phase finished");
  expect(await state("2")).toMatchObject({
    phase: "finished",
    round: 0,
    evaluations: [{ classification: "PASS" }],
    advisories: [{ classification: "PASS" }],
  });
  const generations = executor.requests
    .slice(prompted)
    .filter(({ userText, step }) => step === 0 && userText.includes("You implement one feature"));
  expect(generations).toHaveLength(1);

  // Feature 2 once more: the reviewer is never content. The user accepts what is left.
  roles(["FAIL", "FAIL"], []);
  drive();
  const fourth = await claude.prompt(repo.root, "feature 2 again", { env: opencode.env, timeout: 170_000 });
  expect(fourth.result).toBe("Feature receipt: escalated.");
  const escalation = toolResults(fourth.messages).at(-1) ?? "";
  expect(escalation).toContain("after 1 fix rounds. Ask the user");
  expect(escalation).toMatch(/accept what is left[\s\S]*one more fix round[\s\S]*stop here/);
  const on = goesOn({ plan: PLAN, feature: "receipt", notes });
  model.script((request) =>
    request.step === 0
      ? bash(`handrail plan record ${PLAN} 2 accepted --note "good enough"`)
      : on({ ...request, step: request.step - 1 }),
  );
  await claude.prompt(repo.root, "I accept it", { env: opencode.env, timeout: 170_000 });
  expect(await state("2")).toMatchObject({
    phase: "finished",
    round: 1,
    accepted: [{ note: "good enough", findings: [{ severity: "High" }] }],
  });
  // What it cost, on both sides, by the hosts' own figures.
  const savings = JSON.parse(
    (
      await runProgram(join(CLAUDE_PLUGIN, "bin/handrail"), ["savings", "--json"], {
        cwd: repo.root,
        env: { ...env, PWD: repo.root, CLAUDE_CONFIG_DIR: claude.env.CLAUDE_CONFIG_DIR },
      })
    ).stdout,
  );
  expect(savings.total.executor.input).toBeGreaterThan(1_000);
  expect(savings.total.claude.answers).toBeGreaterThan(20);
  expect(readFileSync(join(notes, "plan.txt"), "utf8")).toContain("discount()");
}, 900_000);
