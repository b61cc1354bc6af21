import type { Command } from "commander";
import { reportSchema } from "../../../shared/callback/payload.ts";
import { callbackText } from "../../../shared/callback/text.ts";
import { loadConfig } from "../../../shared/config/config.ts";
import { EXIT, type ExitCode, HandrailError } from "../../../shared/errors.ts";
import { reap } from "../../../shared/run/reap.ts";
import { printable } from "../../../shared/text/printable.ts";
import { delegate } from "../delegate.ts";
import { openHere } from "../here.ts";
import { emit, paint } from "../output.ts";
import { progressFor } from "../progress.ts";
import { reportJson } from "../report-json.ts";
import { delegateWithRetry } from "../retry.ts";
import { type Entry, type Outcome, runSchedule, scheduleOf } from "../schedule.ts";
import { checkedModel, eventsOption, minutes } from "../turn-options.ts";
import { exitCodeOf } from "./run.ts";

interface ScheduleOptions {
  json?: boolean;
  events?: boolean;
  dryRun?: boolean;
  parallel: string;
  timeout?: string;
  model?: string;
  agent?: string;
  validate?: boolean;
}

/** `handrail schedule FILE...`: several tasks, one after the other unless they are proven disjoint. */
export function configure(command: Command): void {
  eventsOption(command)
    .argument("<file...>", "task files and coding packets, in the order in which they should run")
    .option("--dry-run", "say what would run when, and why; start nothing")
    .option("--parallel <n>", "at most so many at once, where they are proven disjoint", "4")
    .option("--timeout <minutes>", "for each task; fractions allowed")
    .option("--model <provider/model>", "the executor's model instead of OpenCode's own choice")
    .option("--agent <agent>", "the OpenCode agent that does the work")
    .option("--validate", "run the validation commands of task files, too")
    .addHelpText("after", "\nExample:\n  handrail schedule --dry-run packets/*.json")
    .action((files: string[], options: ScheduleOptions) => schedule(files, options));
}

async function schedule(files: string[], options: ScheduleOptions): Promise<void> {
  const most = Number(options.parallel);
  if (!Number.isInteger(most) || most < 1 || most > 64) {
    throw new HandrailError(
      "bad-usage",
      `--parallel takes a number from 1 to 64, not ${JSON.stringify(options.parallel)}`,
      {
        fix: "--parallel 4",
      },
    );
  }
  const { root } = await openHere();
  await reap(root);
  const config = loadConfig(root);
  const entries = scheduleOf(files, root, process.cwd());
  if (options.dryRun) {
    emit(options, { plan: entries.map((entry) => planned(entry, entries)) }, () => planText(entries));
    return;
  }
  if (!options.json) process.stderr.write(`${planText(entries)}\n`);
  // Each run listens for itself, too.
  process.setMaxListeners(most + 20);
  let stopped = false;
  const stop = () => {
    stopped = true;
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  try {
    const outcomes = await runSchedule({
      ...{ root, entries, most, stopped: () => stopped },
      start: (entry) =>
        delegateWithRetry(
          {
            file: entry.file,
            cwd: root,
            model: checkedModel(options.model),
            agent: options.agent,
            validate: options.validate,
            waitMinutes: config.leases.waitMinutes,
            timeoutMs: options.timeout === undefined ? undefined : minutes(options.timeout),
            progress: progressFor(options, entry.spec.slug),
          },
          delegate,
        ),
    });
    const tasks = outcomes.map((one, index) => ({ ...answer(one), plan: planned(entries[index], entries) }));
    emit(options, { tasks }, () => outcomes.map(text).join("\n\n"), worst(outcomes));
  } finally {
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
  }
}

function planned(entry: Entry | undefined, entries: readonly Entry[]) {
  const named = (list: readonly { task: number; reason: string }[]) =>
    list.map(({ task, reason }) => ({ file: entries[task]?.file ?? "", reason }));
  return {
    file: entry?.file ?? "",
    task_id: entry?.spec.packet?.task_id ?? entry?.spec.slug ?? "",
    after: named(entry?.plan.after ?? []),
    beside: named(entry?.plan.beside ?? []),
  };
}

function planText(entries: readonly Entry[]): string {
  return entries
    .flatMap((entry, index) => {
      const { file, after, beside } = planned(entry, entries);
      const reasons = (word: string, list: typeof after) =>
        list.map((one) => `     ${word} ${printable(one.file, 80)}: ${printable(one.reason, 200)}`);
      const when = index === 0 || after.length === 0 ? "at once" : "waits";
      return [
        `${String(index + 1).padStart(3)}. ${printable(file, 100)}  ${paint(2, when)}`,
        ...reasons("after", after),
        ...reasons("beside", beside),
      ];
    })
    .join("\n");
}

function answer({ file, run, problem }: Outcome) {
  return {
    file,
    ...(run ? reportJson(reportSchema.parse(run)) : { state: "not_started", task_state: "blocked_conflict" }),
    ...(problem === undefined ? {} : { problem }),
  };
}

function text({ file, run, problem }: Outcome): string {
  return run
    ? callbackText(reportSchema.parse(run))
    : `${printable(file, 100)}: ${printable(problem ?? "", 300)}`;
}

/** What the whole came to: the worst of its parts. */
function worst(outcomes: readonly Outcome[]): ExitCode {
  const codes = outcomes.map(({ run, error }): ExitCode => {
    if (error instanceof HandrailError) return error.exitCode;
    return run ? exitCodeOf(run) : EXIT.failed;
  });
  const order: readonly ExitCode[] = [EXIT.violated, EXIT.missing, EXIT.usage, EXIT.timeout, EXIT.failed];
  return order.find((code) => codes.includes(code)) ?? EXIT.done;
}
