import type { Usage } from "../../shared/callback/payload.ts";
import type { Spent, Tokens } from "./transcript.ts";

/** A run as far as its cost goes. */
export interface CostedRun {
  run_id: string;
  task_id: string;
  created: string;
  usage: Usage | undefined;
  /** The Claude session that asked for it. */
  session: string | undefined;
}

export interface RunCost {
  run_id: string;
  task_id: string;
  /** Null: OpenCode reported nothing. */
  executor: (Tokens & { cost: number | null }) | null;
  /** Null: no Claude session asked, or its transcript is not on this machine. */
  claude: (Tokens & { answers: number }) | null;
}

export interface Account {
  runs: RunCost[];
  total: { executor: Tokens & { cost: number }; claude: Tokens & { answers: number } };
  /** Of all tokens that were counted, the part that was the executor's; null without any. */
  executorShare: number | null;
}

/**
 * What each run has cost on both sides. A Claude session's answers belong to the run that was newest then:
 * those before its first run (inspecting, planning) to the first, those after a run (reviewing, correcting)
 * to that run.
 * @param runs oldest first
 * @param spent what a session has spent; undefined where that is not known
 */
export function account(
  runs: readonly CostedRun[],
  spent: (session: string) => readonly Spent[] | undefined,
): Account {
  const costs = runs.map((run): RunCost => {
    const { run_id, task_id, usage, session } = run;
    const answers = session === undefined ? undefined : spent(session);
    const siblings = runs.filter((other) => other.session === session);
    const mine = answers?.filter(({ at }) => runAt(siblings, at)?.run_id === run_id);
    return { run_id, task_id, executor: executorOf(usage), claude: mine ? claudeOf(mine) : null };
  });
  const executor = {
    ...sum(costs.flatMap((cost) => cost.executor ?? [])),
    cost: costs.reduce((all, cost) => all + (cost.executor?.cost ?? 0), 0),
  };
  const claude = {
    ...sum(costs.flatMap((cost) => cost.claude ?? [])),
    answers: costs.reduce((all, cost) => all + (cost.claude?.answers ?? 0), 0),
  };
  const all = count(executor) + count(claude);
  return {
    runs: costs,
    total: { executor, claude },
    executorShare: all === 0 ? null : count(executor) / all,
  };
}

/** All tokens, of whatever kind. */
export function count({ input, output, cacheRead, cacheWrite }: Tokens): number {
  return input + output + cacheRead + cacheWrite;
}

function runAt(siblings: readonly CostedRun[], at: string): CostedRun | undefined {
  const time = Date.parse(at);
  return siblings.findLast((run) => Date.parse(run.created) <= time) ?? siblings[0];
}

function executorOf(usage: Usage | undefined): RunCost["executor"] {
  if (!usage) return null;
  const { input, output, reasoning, cacheRead, cacheWrite, cost = null } = usage;
  return { input, output: output + reasoning, cacheRead, cacheWrite, cost };
}

function claudeOf(answers: readonly Spent[]): Tokens & { answers: number } {
  return { ...sum(answers.map(({ tokens }) => tokens)), answers: answers.length };
}

export function sum(all: readonly Tokens[]): Tokens {
  const total = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 };
  for (const one of all) {
    total.input += one.input;
    total.output += one.output;
    total.cacheRead += one.cacheRead;
    total.cacheWrite += one.cacheWrite;
  }
  return total;
}
