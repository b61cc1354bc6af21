import type { Command } from "commander";
import { reap } from "../../../shared/run/reap.ts";
import { readRuns } from "../../../shared/run/store.ts";
import { printable } from "../../../shared/text/printable.ts";
import { type Account, account, type CostedRun, count } from "../../savings/account.ts";
import { type Spent, spentBy, type Tokens } from "../../savings/transcript.ts";
import { openHere } from "../here.ts";
import { emit } from "../output.ts";

/** `handrail savings`: what runs have cost on both sides, by the hosts' own figures. */
export function configure(command: Command): void {
  command
    .addHelpText(
      "after",
      `
The executor's tokens are OpenCode's own figures, Claude's are those of its transcripts. An answer of Claude's
belongs to the run that was newest then; those before the first run, to the first.

Example:
  handrail savings --json`,
    )
    .action(async (options: { json?: boolean }) => {
      const { root } = await openHere();
      await reap(root);
      const { runs } = readRuns(root);
      const costed = runs.map(
        (run): CostedRun => ({
          run_id: run.run_id,
          task_id: run.task_id,
          created: run.created,
          usage: run.usage,
          session: run.origin.session_id,
        }),
      );
      const known = new Map<string, Spent[] | undefined>();
      const result = account(costed, (session) => {
        if (!known.has(session)) known.set(session, spentBy(session));
        return known.get(session);
      });
      emit(options, result, () => table(result));
    });
}

function table({ runs, total, executorShare }: Account): string {
  if (runs.length === 0) return "no run in this project yet";
  const rows = [
    ["run", "task", "executor in/out", "Claude in/out", "Claude answers"],
    ...runs.map(({ run_id, task_id, executor, claude }) => [
      run_id,
      printable(task_id, 40),
      executor ? pair(executor) : "not reported",
      claude ? pair(claude) : "not known",
      claude ? String(claude.answers) : "-",
    ]),
    ["total", "", pair(total.executor), pair(total.claude), String(total.claude.answers)],
  ];
  const widths =
    rows[0]?.map((_cell, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  const all = count(total.executor) + count(total.claude);
  const share =
    executorShare === null
      ? []
      : [`${all} tokens in all, ${Math.round(executorShare * 100)} % of them the executor's`];
  const cost =
    total.executor.cost > 0
      ? [`the executor's cost, as OpenCode reckons it: $${total.executor.cost.toFixed(4)}`]
      : [];
  return [...lines, ...share, ...cost].join("\n");
}

/** What was read (cached or not) and what was written. */
function pair({ input, output, cacheRead, cacheWrite }: Tokens): string {
  return `${input + cacheRead + cacheWrite}/${output}`;
}
