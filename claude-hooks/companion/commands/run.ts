import { type Command, Option } from "commander";
import { reportSchema } from "../../../shared/callback/payload.ts";
import { callbackText } from "../../../shared/callback/text.ts";
import { EXIT, type ExitCode, HandrailError } from "../../../shared/errors.ts";
import type { RunRecord } from "../../../shared/run/record.ts";
import { locateTask } from "../../../shared/task/locate.ts";
import { delegate } from "../delegate.ts";
import { openHere } from "../here.ts";
import { emit } from "../output.ts";
import { Progress } from "../progress.ts";
import { reportJson } from "../report-json.ts";
import { delegateOnServer } from "../serve/delegate.ts";
import { jobError } from "../serve/job-error.ts";
import { startJob } from "../serve/worker.ts";
import { checkedModel, minutes } from "../turn-options.ts";

interface RunOptions {
  json?: boolean;
  lane: string;
  model?: string;
  agent?: string;
  timeout?: string;
  background?: boolean;
  keepServer?: string;
}

/** `handrail run FILE`: delegates a task and ends with the callback text. */
export function configure(command: Command): void {
  command
    .argument("<file>", "task file or coding packet, from the repository root or here")
    .addOption(
      new Option("--lane <lane>", "cli: one `opencode run`; serve: a session on the project's server")
        .choices(["cli", "serve"])
        .default("cli"),
    )
    .option("--model <provider/model>", "the executor's model instead of OpenCode's own choice")
    .option("--agent <agent>", "the OpenCode agent that does the work")
    .option(
      "--timeout <minutes>",
      "cli: end OpenCode after this long; serve: stop waiting; fractions allowed",
    )
    .option("--background", "return as soon as there is a session; see handrail job")
    .option("--keep-server <reason>", "lane serve: why a server that is started for this task stays after it")
    .addHelpText("after", "\nExample:\n  handrail run opencode_tasks/20261121-add-retry.txt --timeout 30")
    .action(run);
}

async function run(file: string, options: RunOptions): Promise<void> {
  const model = checkedModel(options.model);
  const timeoutMs = options.timeout === undefined ? undefined : minutes(options.timeout);
  const onServer = options.lane === "serve";
  if (!onServer && options.keepServer !== undefined) {
    throw new HandrailError("bad-usage", "--keep-server needs a server", { fix: "--lane serve" });
  }
  if (options.background) {
    await inBackground(file, options);
    return;
  }
  const wanted = {
    file,
    cwd: process.cwd(),
    model,
    agent: options.agent,
    timeoutMs,
    progress: new Progress(options.json ? undefined : process.stderr),
  };
  const record = onServer
    ? await delegateOnServer({ ...wanted, keepServer: options.keepServer })
    : await delegate(wanted);
  const report = reportSchema.parse(record);
  emit(options, reportJson(report), () => callbackText(report), exitCodeOf(record));
}

async function inBackground(file: string, options: RunOptions): Promise<void> {
  const { root } = await openHere();
  const task = locateTask(file, root, process.cwd());
  const { lane, model, agent, timeout, keepServer } = options;
  const given = { lane, model, agent, timeout, "keep-server": keepServer };
  const args = Object.entries(given).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}=${value}`],
  );
  const job = await startJob({ kind: "run", root, args: ["run", task, ...args] });
  const { job_id, state, session_id, run_id, started } = job;
  if (run_id === undefined) throw jobError(job);
  emit(options, { job_id, state, session_id, run_id, started }, () =>
    [`run ${run_id} works in the background`, `handrail job wait ${job_id}`].join("\n"),
  );
}

/** `run`'s exit code (design, section 6): refusals are no failure, nor is `unverifiable`. */
export function exitCodeOf(record: RunRecord): ExitCode {
  if (record.verdict === "violated" || record.state === "blocked") return EXIT.violated;
  return record.state === "done" ? EXIT.done : EXIT.failed;
}
