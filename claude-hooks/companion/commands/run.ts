import { type Command, Option } from "commander";
import { reportSchema } from "../../../shared/callback/payload.ts";
import { callbackText } from "../../../shared/callback/text.ts";
import { loadConfig } from "../../../shared/config/config.ts";
import { EXIT, type ExitCode, HandrailError } from "../../../shared/errors.ts";
import { validationFailed } from "../../../shared/run/end.ts";
import { handoffOf, handoffText } from "../../../shared/run/handoff.ts";
import type { RunRecord } from "../../../shared/run/record.ts";
import { loadTask } from "../../../shared/task/load.ts";
import { locateTask } from "../../../shared/task/locate.ts";
import { delegate } from "../delegate.ts";
import { openHere } from "../here.ts";
import { emit } from "../output.ts";
import { progressFor } from "../progress.ts";
import { reportJson } from "../report-json.ts";
import { delegateWithRetry } from "../retry.ts";
import { runInBackground } from "../serve/background.ts";
import { delegateOnServer } from "../serve/delegate.ts";
import { checkedModel, eventsOption, minutes } from "../turn-options.ts";

interface RunOptions {
  json?: boolean;
  events?: boolean;
  lane: string;
  model?: string;
  agent?: string;
  timeout?: string;
  wait?: string;
  validate?: boolean;
  background?: boolean;
  keepServer?: string;
}

/** `handrail run FILE`: delegates a task and ends with the callback text. */
export function configure(command: Command): void {
  eventsOption(command)
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
    .option("--wait <minutes>", "wait so long for files that another run has locked; fractions allowed")
    .option("--validate", "run the validation commands of a task file after the turn; a packet's always run")
    .option("--background", "return as soon as there is a session; see handrail job")
    .option("--keep-server <reason>", "lane serve: why a server that is started for this task stays after it")
    .addHelpText("after", "\nExample:\n  handrail run opencode_tasks/20261121-add-retry.txt --timeout 30")
    .action(run);
}

async function run(file: string, options: RunOptions): Promise<void> {
  const onServer = options.lane === "serve";
  if (!onServer && options.keepServer !== undefined) {
    throw new HandrailError("bad-usage", "--keep-server needs a server", { fix: "--lane serve" });
  }
  const wanted = {
    file,
    cwd: process.cwd(),
    model: checkedModel(options.model),
    agent: options.agent,
    timeoutMs: options.timeout === undefined ? undefined : minutes(options.timeout),
    waitMinutes: options.wait === undefined ? undefined : minutes(options.wait) / 60_000,
    validate: options.validate,
    progress: progressFor(options),
  };
  if (options.background) {
    await inBackground(file, options);
    return;
  }
  const { keepServer } = options;
  const record = await delegateWithRetry(wanted, (again) =>
    onServer ? delegateOnServer({ ...again, keepServer }) : delegate(again),
  );
  const report = reportSchema.parse(record);
  const handoff = handoffOf(record);
  const { language } = loadConfig(record.root);
  emit(
    options,
    { ...reportJson(report), handoff },
    // A packet's handover has to be reported; of a task file the callback says what matters.
    () =>
      record.spec.packet
        ? `${handoffText(handoff, language)}\n\n${callbackText(report)}`
        : callbackText(report),
    exitCodeOf(record),
  );
}

async function inBackground(file: string, options: RunOptions): Promise<void> {
  const { root } = await openHere();
  const task = locateTask(file, root, process.cwd());
  loadTask(task, root); // what is wrong is said now, and not in a job
  const { lane, model, agent, timeout, wait, validate, keepServer } = options;
  const given = { lane, model, agent, timeout, wait, "keep-server": keepServer };
  const args = [
    "run",
    task,
    ...Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${value}`])),
    ...(validate ? ["--validate"] : []),
  ];
  await runInBackground(options, { kind: "run", root, args });
}

/** `run`'s exit code (design, section 6): refusals are no failure, nor is `unverifiable`. */
export function exitCodeOf(record: RunRecord): ExitCode {
  if (record.verdict === "violated" || record.state === "blocked") return EXIT.violated;
  return record.state === "done" && !validationFailed(record) ? EXIT.done : EXIT.failed;
}
