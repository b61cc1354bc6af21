import { join } from "node:path";
import { expect, test } from "vitest";
import { CLAUDE_PLUGIN } from "../lab/claude-plugin.ts";
import { closing } from "../lab/cleanup.ts";
import { PLUGIN } from "../lab/delegation.ts";
import { startOpenAiServer } from "../lab/openai-server.ts";
import { setUpOpencode } from "../lab/opencode.ts";
import { runProgram, until } from "../lab/process.ts";
import { makeRepo } from "../lab/repo.ts";
import { reviewOf, rolesScript, SHOP, type Verdict } from "../lab/reviewer.ts";
import { makeSandbox } from "../lab/sandbox.ts";
import { call, text } from "../lab/script.ts";

const SECRET = "s3cr3t-of-the-shop";

test("handrail review on one real server: classified, repaired once, held to reading, in parts, in the background", async () => {
  const sandbox = closing(makeSandbox());
  const model = closing(await startOpenAiServer([]));
  const repo = makeRepo(join(sandbox.dir, "shop"), { files: SHOP });
  const { env } = setUpOpencode({ sandbox, modelUrl: model.url, plugins: [PLUGIN] });
  const handrail = (...args: string[]) =>
    runProgram(join(CLAUDE_PLUGIN, "bin/handrail"), args, {
      cwd: repo.root,
      env: { ...env, PWD: repo.root },
    });
  closing({ close: () => handrail("serve", "stop") });
  const review = async (...args: string[]) => {
    const { code, stdout } = await handrail("review", ...args, "--json");
    return { code, ...JSON.parse(stdout) };
  };
  const answers = (...advisories: Verdict[]) => {
    model.requests.length = 0;
    model.script(rolesScript({ generate: () => [], evaluations: [], advisories }));
  };

  const nothing = await review();
  expect(nothing).toMatchObject({
    code: 2,
    error: { message: expect.stringContaining("nothing to review") },
  });

  repo.write("src/cart.js", "export const rate = 2;\n");
  repo.write("src/new.js", "export const fresh = 1;\n");
  repo.write(".env", `SHOP_KEY=${SECRET}\n`);
  const before = repo.manifest();

  answers("FAIL");
  expect(await review("--model", "lab/none")).toMatchObject({
    code: 2,
    error: { message: expect.stringContaining("lab/none") },
  });
  expect(model.requests).toEqual([]);
  const failed = await review("--adversarial", "--model", "lab/lab-1", "look at rounding");
  expect(failed).toMatchObject({
    code: 1,
    classification: "FAIL",
    files: 2,
    secret: [".env"],
    findings: [{ severity: "High", file: "src/cart.js", line: 1 }],
  });
  expect(model.requests[0]?.userText).toMatch(
    /adversary[\s\S]*look at rounding[\s\S]*\+export const fresh = 1/,
  );

  // Prose, and one request for the form.
  answers("prose", "NOTES");
  expect(await review()).toMatchObject({
    code: 0,
    classification: "PASS_WITH_NOTES",
    findings: [{ severity: "Low" }],
  });
  expect(model.requests).toHaveLength(2);
  expect(model.requests[1]?.userText).toContain("could not be read");
  answers("prose", "prose");
  expect(await review()).toMatchObject({
    code: 1,
    classification: "unclassified",
    findings: [],
    problem: expect.stringContaining("JSON"),
  });
  expect(model.requests).toHaveLength(2);

  // Whatever it tries, it only reads, and not what holds secrets. Its twin, an ordinary file, it reads.
  model.requests.length = 0;
  model.script([
    call("write", { filePath: "src/cart.js", content: "mine\n" }),
    call("bash", { command: "echo mine > src/new.js; cat .env; cat src/price.js", description: "x" }),
    call("read", { filePath: join(repo.root, ".env") }),
    call("read", { filePath: join(repo.root, "src/new.js") }),
    text(reviewOf("PASS")),
  ]);
  // By the model that was asked for; one that OpenCode lacks is an error before anybody is asked.
  const asked = model.requests.length;
  expect(await review("--model", "lab/none")).toMatchObject({ code: 2, error: { code: "bad-usage" } });
  expect(model.requests).toHaveLength(asked);
  expect(await review("--model", "lab/lab-1")).toMatchObject({ code: 0, classification: "PASS" });
  expect(repo.manifest()).toEqual(before);
  const seen = JSON.stringify(model.requests.map(({ body }) => body));
  expect(seen).not.toContain(SECRET);
  expect(model.requests.at(-1)?.messages.at(-1)?.toolResults.join("")).toContain("fresh = 1");

  // Two at once: neither is in the other's way.
  model.requests.length = 0;
  const together = () => until("both reviewers to be asked", () => model.requests.length >= 2);
  model.script([{ ...text(reviewOf("PASS")), after: together }]);
  const both = await Promise.all([review(), review("--adversarial")]);
  expect(both).toMatchObject([{ classification: "PASS" }, { classification: "PASS" }]);

  // A long answer is read as a whole.
  const many = Array.from({ length: 60 }, (_, n) => ({
    ...{ severity: n === 59 ? "High" : "Low", file: "src/cart.js", line: n + 1 },
    ...{ claim: `finding ${n}`, evidence: `${"it shows ".repeat(60)}${n}` },
  }));
  model.script([text(JSON.stringify({ findings: many }))]);
  const long = await review();
  expect(long).toMatchObject({ code: 1, classification: "FAIL", findings: { length: 60 } });

  // A model that fails is no pass.
  model.script([{ error: 400, message: "no such model" }]);
  expect(await review()).toMatchObject({
    code: 1,
    classification: "unclassified",
    problem: expect.stringContaining("failed"),
  });

  // Several parts in one session; what one part finds counts for all.
  repo.write(
    "src/big.js",
    Array.from({ length: 2_500 }, (_, n) => `export const value${n} = "${"x".repeat(30)}";\n`).join(""),
  );
  answers("PASS", "FAIL", "PASS");
  const large = await review("--scope", "branch", "--base", "HEAD");
  expect(large).toMatchObject({ code: 1, classification: "FAIL", parts: 3, omitted: [] });
  expect(
    new Set(model.requests.map(({ messages }) => messages.filter(({ role }) => role === "user").length)),
  ).toEqual(new Set([1, 2, 3]));

  // What it cannot begin with is said at once, and not as a job that runs.
  expect(await review("--background", "--model", "lab/none")).toMatchObject({
    code: 2,
    state: "failed",
    result: { error: { message: expect.stringContaining("lab/none") } },
  });
  answers("FAIL");
  const job = await review("--background");
  expect(job).toMatchObject({ code: 0, job_id: expect.stringMatching(/^j/) });
  const waited = await handrail("job", "wait", job.job_id);
  expect(waited).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(
      /^FAIL: 1 finding in \d changed files, 3 parts\n1\. \[High\] src\/cart\.js:1: /,
    ),
  });
  const result = JSON.parse((await handrail("job", "result", job.job_id, "--json")).stdout);
  expect(result).toMatchObject({
    state: "done",
    result: { classification: "FAIL", findings: [{ severity: "High" }] },
  });
}, 400_000);
