/**
 * `npm run bench:savings`: the same feature twice through the real programs, once by Claude Code alone and once
 * delegated to OpenCode. Models are scripted, so both take the same way: two wrong tries, then the right one.
 * Tokens are what the hosts report; the scripted APIs count four bytes of a request or an answer as one.
 * Prompt caching, which makes repeated input cheaper on both sides, is not reckoned with.
 */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import * as z from "zod/mini";
import { count } from "../../claude-hooks/savings/account.ts";
import { spentBy } from "../../claude-hooks/savings/transcript.ts";
import { startAnthropicServer } from "./anthropic-server.ts";
import { setUpClaude } from "./claude.ts";
import { type CountTokens, startOpenAiServer } from "./openai-server.ts";
import { setUpOpencode } from "./opencode.ts";
import { projectRoot, runProgram } from "./process.ts";
import { makeRepo, type Repo } from "./repo.ts";
import { makeSandbox } from "./sandbox.ts";
import { call, type Step, text } from "./script.ts";

const TASK_FILE = "opencode_tasks/20261121-retry.txt";
const TASK = `Retry failed requests

Context:
request() in src/client.js gives up after the first failure. src/config.js has the numbers.

Files to modify:
- src/client.js
- test/client.test.js

Files to inspect only:
- src/config.js

Required changes:
1. request() tries again after a failure, at most config.retries times, waiting config.delay * 2^n ms.
2. A 4xx is not tried again.
3. Tests for both.

Tests/validation:
- \`node --test test/\`

Do not:
- touch src/config.js
- add dependencies
`;

/** A client of some size: what is read is what a real file would cost. */
const CLIENT = `${Array.from({ length: 60 }, (_, n) => `/** Header ${n} of a request, as the server wants it. */\nexport const header${n} = "x-sample-${n}";\n`).join("\n")}
export async function request(send) {
  return send();
}
`;
const BODY = {
  wrong:
    "  for (;;) { try { return await send(); } catch (error) { if (false) throw error; throw new Error('gave up'); } }",
  better:
    "  for (let n = 0; ; n++) { try { return await send(); } catch (error) { if (n >= 3) throw error; } }",
  right:
    "  for (let n = 0; ; n++) { try { return await send(); } catch (error) { if (n >= 3 || error.status < 500) throw error; } }",
};
const TESTS = `import assert from "node:assert/strict";
import { test } from "node:test";
import { request } from "../src/client.js";
const failing = (times, status) => { let n = 0; const send = async () => { if (n++ < times) throw Object.assign(new Error("no"), { status }); return n; }; return send; };
${Array.from({ length: 8 }, (_, n) => `test("tries again ${n}", async () => assert.equal(await request(failing(${(n % 3) + 1}, 503)), ${(n % 3) + 2}));`).join("\n")}
test("does not repeat a 4xx", async () => assert.rejects(request(failing(1, 404))));
`;

type Names = {
  read: string;
  edit: string;
  write: string;
  bash: string;
  path: string;
  old: string;
  new: string;
};
const CLAUDE: Names = {
  read: "Read",
  edit: "Edit",
  write: "Write",
  bash: "Bash",
  path: "file_path",
  old: "old_string",
  new: "new_string",
};
const OPENCODE: Names = {
  read: "read",
  edit: "edit",
  write: "write",
  bash: "bash",
  path: "filePath",
  old: "oldString",
  new: "newString",
};

const FILES = ["src/client.js", "src/config.js", "test/client.test.js"];
const inspect = (names: Names, root: string) =>
  FILES.map((file) => call(names.read, { [names.path]: join(root, file) }));

/** The way both take: three tries, the tests after each. */
function implement(names: Names, root: string): Step[] {
  const edit = (before: string, after: string) =>
    call(names.edit, { [names.path]: join(root, "src/client.js"), [names.old]: before, [names.new]: after });
  const run = call(names.bash, {
    command: "node --test test/ 2>&1 | tail -150",
    description: "Run the tests",
  });
  return [
    edit("  return send();", BODY.wrong),
    call(names.write, { [names.path]: join(root, "test/client.test.js"), content: TESTS }),
    run,
    edit(BODY.wrong, BODY.better),
    run,
    edit(BODY.better, BODY.right),
    run,
  ];
}

/** Four bytes are a token: of all that a request holds, and of all that is answered. */
const countBytes: CountTokens = (request, step) => ({
  prompt: Math.ceil(JSON.stringify(request.body).length / 4),
  completion: Math.ceil(JSON.stringify(step).length / 4),
});

type Phase =
  | "File inspection"
  | "Task file and planning"
  | "Implementation iterations"
  | "Diff review and validation";
const PHASES: Phase[] = [
  "File inspection",
  "Task file and planning",
  "Implementation iterations",
  "Diff review and validation",
];
type Measured = Record<Phase, number>;

interface Bench {
  repo: Repo;
  spend: (steps: [Phase, Step[]][]) => Promise<Measured>;
}

async function main(): Promise<void> {
  const alone = await measured(async ({ repo, spend }) =>
    spend([
      ["File inspection", inspect(CLAUDE, repo.root)],
      [
        "Task file and planning",
        [call("Bash", { command: "git status --short && git log --oneline | head", description: "Look" })],
      ],
      ["Implementation iterations", implement(CLAUDE, repo.root)],
      [
        "Diff review and validation",
        [
          call("Bash", { command: "git diff && node --test test/ 2>&1 | tail -20", description: "Review" }),
          text("Done."),
        ],
      ],
    ]),
  );
  const delegated = await measured(async ({ repo, spend }) =>
    spend([
      ["File inspection", inspect(CLAUDE, repo.root)],
      ["Task file and planning", [call("Write", { file_path: join(repo.root, TASK_FILE), content: TASK })]],
      [
        "Implementation iterations",
        [
          call("Bash", {
            command: `handrail run ${TASK_FILE} 2>/dev/null`,
            description: "Delegate",
            timeout: 120_000,
          }),
        ],
      ],
      [
        "Diff review and validation",
        [
          call("Bash", {
            command: "handrail diff && node --test test/ 2>&1 | tail -20",
            description: "Review",
          }),
          text("Done."),
        ],
      ],
    ]),
  );
  print(alone, delegated);
}

interface Outcome {
  claude: Measured;
  /** What OpenCode reported for its runs. */
  executor: number;
}

const tokensSchema = z.object({
  input: z.number(),
  output: z.number(),
  cacheRead: z.number(),
  cacheWrite: z.number(),
});
const savingsSchema = z.object({ total: z.object({ executor: tokensSchema }) });

/** One way, in a sandbox of its own; both must end with tests that pass. */
async function measured(way: (bench: Bench) => Promise<Measured>): Promise<Outcome> {
  const sandbox = makeSandbox("handrail-savings-");
  const executorModel = await startOpenAiServer([], countBytes);
  const claudeModel = await startAnthropicServer([], countBytes);
  try {
    const repo = makeRepo(join(sandbox.dir, "sample"), {
      files: {
        "package.json": '{"name":"sample","version":"1.0.0","type":"module"}\n',
        "src/client.js": CLIENT,
        "src/config.js": "export const config = { retries: 3, delay: 10 };\n",
        "test/client.test.js": 'import { test } from "node:test";\ntest("nothing yet", () => undefined);\n',
      },
    });
    executorModel.script([...inspect(OPENCODE, repo.root), ...implement(OPENCODE, repo.root), text("Done.")]);
    const opencode = setUpOpencode({
      sandbox,
      modelUrl: executorModel.url,
      plugins: [join(projectRoot, "opencode-plugin/dist/index.js")],
    });
    const claude = setUpClaude({
      sandbox,
      modelUrl: claudeModel.url,
      plugins: [join(projectRoot, "claude-hooks")],
    });
    const spend: Bench["spend"] = async (parts) => {
      claudeModel.script(parts.flatMap(([, steps]) => steps));
      const session = randomUUID();
      const run = await claude.prompt(repo.root, "Retry failed requests in src/client.js, with tests.", {
        env: opencode.env,
        args: ["--session-id", session],
        timeout: 180_000,
      });
      if (run.code !== 0)
        throw new Error(`claude ended with ${run.code}: ${run.stderr}${run.stdout.slice(-2000)}`);
      if (!repo.read("src/client.js").includes(BODY.right))
        throw new Error(`the feature is not there:\n${run.stdout.slice(-3000)}`);
      const answers = spentBy(session, claude.env) ?? [];
      const phases = parts.flatMap(([phase, steps]) => steps.map(() => phase));
      const sums = Object.fromEntries(PHASES.map((phase) => [phase, 0])) as Measured;
      for (const [index, { tokens }] of answers.entries()) {
        // What a turn that the callback woke costs belongs to the review.
        sums[phases[index] ?? "Diff review and validation"] +=
          tokens.input + tokens.output + tokens.cacheRead + tokens.cacheWrite;
      }
      return sums;
    };
    const claudes = await way({ repo, spend });
    const told = await runProgram(join(projectRoot, "claude-hooks/bin/handrail"), ["savings", "--json"], {
      cwd: repo.root,
      env: { ...claude.env, ...opencode.env, CLAUDE_CONFIG_DIR: claude.env.CLAUDE_CONFIG_DIR },
    });
    const { total } = savingsSchema.parse(JSON.parse(told.stdout));
    return { claude: claudes, executor: count(total.executor) };
  } finally {
    await Promise.all([executorModel.close(), claudeModel.close()]);
    await sandbox.close();
  }
}

/** The two tables of the estimate, in its words, with what was measured. */
function print(alone: Outcome, delegated: Outcome): void {
  const total = (one: Measured) => PHASES.reduce((sum, phase) => sum + one[phase], 0);
  const implementing = (phase: Phase) => (phase === "Implementation iterations" ? delegated.executor : 0);
  const lines = [
    "Without delegation (Claude handles everything):",
    "",
    row("Phase", "Measured tokens"),
    row("-".repeat(26), "-".repeat(17)),
    ...PHASES.map((phase) => row(ALONE[phase], alone.claude[phase])),
    row("Total", total(alone.claude)),
    "",
    "With delegation:",
    "",
    row("Phase", "Claude (frontier)", "OpenCode backend"),
    row("-".repeat(26), "-".repeat(17), "-".repeat(17)),
    ...PHASES.map((phase) => row(phase, delegated.claude[phase], implementing(phase))),
    row("Total", total(delegated.claude), delegated.executor),
    "",
    `Frontier token reduction: ${Math.round((1 - total(delegated.claude) / total(alone.claude)) * 100)} %`,
    "",
    "Measured on one scripted feature with three tries: tokens of all requests and answers, as Claude Code's",
    "transcript and OpenCode's own figures have them. The scripted models count four bytes as one token. Every",
    "request sends the whole conversation again; what caching would save is not subtracted.",
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}

/** What the estimate calls the phases where Claude works alone. */
const ALONE: Record<Phase, string> = {
  "File inspection": "File inspection",
  "Task file and planning": "Planning and reasoning",
  "Implementation iterations": "Implementation iterations",
  "Diff review and validation": "Review",
};

function row(first: string, ...cells: (string | number)[]): string {
  const shown = cells.map((cell) =>
    typeof cell === "number" ? cell.toLocaleString("en").padStart(17) : cell.padEnd(17),
  );
  return `| ${[first.padEnd(26), ...shown].join(" | ")} |`;
}

await main();
