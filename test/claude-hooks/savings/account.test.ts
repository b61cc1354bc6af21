import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { account, type CostedRun } from "../../../claude-hooks/savings/account.ts";
import { spentBy } from "../../../claude-hooks/savings/transcript.ts";
import { closing } from "../../lab/cleanup.ts";
import { makeSandbox } from "../../lab/sandbox.ts";

const SESSION = "11111111-2222-3333-4444-555555555555";

function transcript(lines: (object | string)[]) {
  const sandbox = closing(makeSandbox());
  const folder = join(sandbox.home, ".claude/projects/-repo");
  mkdirSync(folder, { recursive: true });
  const text = (line: object | string) => (typeof line === "string" ? line : JSON.stringify(line));
  writeFileSync(join(folder, `${SESSION}.jsonl`), `${lines.map(text).join("\n")}\n`);
  return { sandbox, folder };
}

const answer = (id: string, at: string, input: number, output: number) => ({
  type: "assistant",
  timestamp: at,
  message: {
    id,
    role: "assistant",
    usage: { input_tokens: input, output_tokens: output, cache_read_input_tokens: 5 },
  },
});

describe("what a Claude session has spent", () => {
  test("each answer once, although it stands in several lines; other lines do not count", () => {
    const { sandbox, folder } = transcript([
      { type: "user", message: { content: '"usage"' } },
      answer("a", "2026-11-21T10:00:00Z", 100, 1),
      answer("a", "2026-11-21T10:00:01Z", 100, 20),
      'not JSON, and half a line of it: {"usage"',
      answer("b", "2026-11-21T10:05:00Z", 200, 30),
    ]);
    expect(
      spentBy(SESSION, sandbox.env)?.map(({ tokens }) => [tokens.input, tokens.output, tokens.cacheRead]),
    ).toEqual([
      [100, 20, 5],
      [200, 30, 5],
    ]);
    mkdirSync(join(folder, SESSION, "subagents"), { recursive: true });
    appendFileSync(
      join(folder, SESSION, "subagents/agent-1.jsonl"),
      JSON.stringify(answer("c", "2026-11-21T10:01:00Z", 7, 7)),
    );
    expect(spentBy(SESSION, sandbox.env)).toHaveLength(3);
  });
  test("a session without a transcript is not known; an id that is a path is none", () => {
    const { sandbox } = transcript([]);
    expect(spentBy("99999999-0000-0000-0000-000000000000", sandbox.env)).toBeUndefined();
    expect(spentBy("../../x", sandbox.env)).toBeUndefined();
    expect(spentBy(SESSION, sandbox.env)).toEqual([]);
  });
});

describe("the account", () => {
  const usage = { input: 1_000, output: 100, reasoning: 10, cacheRead: 0, cacheWrite: 0, cost: 0.5 };
  const run = (id: string, created: string, session?: string): CostedRun => ({
    run_id: id,
    task_id: id,
    created,
    usage,
    session,
  });
  const tokens = (input: number) => ({ input, output: 1, cacheRead: 0, cacheWrite: 0 });

  test("planning belongs to the first run, a review to the run before it", () => {
    const runs = [run("r1", "2026-11-21T10:10:00Z", SESSION), run("r2", "2026-11-21T10:20:00Z", SESSION)];
    const spent = [
      { at: "2026-11-21T10:00:00Z", tokens: tokens(1) },
      { at: "2026-11-21T10:15:00Z", tokens: tokens(10) },
      { at: "2026-11-21T10:25:00Z", tokens: tokens(100) },
    ];
    const { runs: costs, total, executorShare } = account(runs, () => spent);
    expect(costs.map(({ claude }) => [claude?.input, claude?.answers])).toEqual([
      [11, 2],
      [100, 1],
    ]);
    expect(total).toMatchObject({
      executor: { input: 2_000, output: 220, cost: 1 },
      claude: { input: 111, answers: 3 },
    });
    expect(executorShare).toBeCloseTo(2_220 / (2_220 + 114));
  });
  test("what is not known is null, not nothing", () => {
    const { runs, executorShare } = account(
      [{ ...run("r1", "2026-11-21T10:10:00Z"), usage: undefined }],
      () => [],
    );
    expect(runs[0]).toMatchObject({ executor: null, claude: null });
    expect(executorShare).toBeNull();
    expect(account([run("r1", "2026-11-21T10:10:00Z", "gone")], () => undefined).runs[0]?.claude).toBeNull();
  });
});
