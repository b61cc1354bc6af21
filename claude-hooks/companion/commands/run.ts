import type { Command } from "commander";
import { reportSchema } from "../../../shared/callback/payload.ts";
import { callbackText } from "../../../shared/callback/text.ts";
import { EXIT, type ExitCode, HandrailError } from "../../../shared/errors.ts";
import type { RunRecord } from "../../../shared/run/record.ts";
import { loadTask } from "../../../shared/task/load.ts";
import { locateTask } from "../../../shared/task/locate.ts";
import { delegate } from "../delegate.ts";
import { delegateOnServer } from "../delegate-on-server.ts";
import { openHere } from "../here.ts";
import { emit } from "../output.ts";
import { Progress } from "../progress.ts";
import { reportJson } from "../report-json.ts";
import { runInBackground } from "../serve/background.ts";
import { checkedModel, minutes } from "../turn-options.ts";

interface RunOptions {
  json?: boolean;
  lane: string;
  model?: string;
  agent?: string;
  timeout?: string;
  background?: boolean;
}

/** `handrail run FILE`: delegates a task in the foreground and ends with the callback text. */
export function configure(command: Command): void {
  command
    .argument("<file>", "task file or coding packet, from the repository root or here")
    .option("--lane <lane>", "cli: one `opencode run`; serve: a session on the project's server", "cli")
    .option("--model <provider/model>", "the executor's model instead of OpenCode's own choice")
    .option("--agent <agent>", "the OpenCode agent that does the work")
    .option("--timeout <minutes>", "wait this long, fractions allowed; in lane cli OpenCode is ended then")
    .option("--background", "return as soon as there is a session; see handrail job")
    .addHelpText("after", "\nExample:\n  handrail run opencode_tasks/20261121-add-retry.txt --timeout 30")
    .action(async (file: string, options: RunOptions) => {
      const { lane, agent } = options;
      if (lane !== "cli" && lane !== "serve") {
        throw new HandrailError("bad-usage", `there is no lane ${JSON.stringify(lane)}`, {
          fix: "--lane cli or --lane serve",
        });
      }
      const model = checkedModel(options.model);
      const timeoutMs = options.timeout === undefined ? undefined : minutes(options.timeout);
      if (options.background) return inBackground(file, options);
      const progress = new Progress(options.json ? undefined : process.stderr);
      const wanted = { file, cwd: process.cwd(), model, agent, timeoutMs, progress };
      const record = await (lane === "serve" ? delegateOnServer(wanted) : delegate(wanted));
      const report = reportSchema.parse(record);
      emit(options, reportJson(report), () => callbackText(report), exitCodeOf(record));
    });
}

async function inBackground(file: string, options: RunOptions): Promise<void> {
  const { root } = await openHere();
  const task = locateTask(file, root, process.cwd());
  loadTask(task, root); // what is wrong is said now, and not in a job
  const args = ["run", task, "--lane", options.lane];
  for (const [name, value] of [
    ["--model", options.model],
    ["--agent", options.agent],
    ["--timeout", options.timeout],
  ] as const) {
    if (value !== undefined) args.push(name, value);
  }
  await runInBackground(options, { kind: "run", root, args });
}

/** `run`'s exit code (design, section 6): refusals are no failure, nor is `unverifiable`. */
export function exitCodeOf(record: RunRecord): ExitCode {
  if (record.verdict === "violated" || record.state === "blocked") return EXIT.violated;
  return record.state === "done" ? EXIT.done : EXIT.failed;
}
