import type { Command } from "commander";
import { reportSchema } from "../../../shared/callback/payload.ts";
import { callbackText } from "../../../shared/callback/text.ts";
import { EXIT, type ExitCode, HandrailError } from "../../../shared/errors.ts";
import type { RunRecord } from "../../../shared/run/record.ts";
import { delegate } from "../delegate.ts";
import { emit } from "../output.ts";
import { Progress } from "../progress.ts";
import { reportJson } from "../report-json.ts";
import { checkedModel, minutes } from "../turn-options.ts";

interface RunOptions {
  json?: boolean;
  lane: string;
  model?: string;
  agent?: string;
  timeout?: string;
}

/** `handrail run FILE`: delegates a task in the foreground and ends with the callback text. */
export function configure(command: Command): void {
  command
    .argument("<file>", "task file or coding packet, from the repository root or here")
    .option("--lane <lane>", "cli: one `opencode run`", "cli")
    .option("--model <provider/model>", "the executor's model instead of OpenCode's own choice")
    .option("--agent <agent>", "the OpenCode agent that does the work")
    .option("--timeout <minutes>", "end OpenCode after this long; fractions allowed")
    .addHelpText("after", "\nExample:\n  handrail run opencode_tasks/20261121-add-retry.txt --timeout 30")
    .action(async (file: string, options: RunOptions) => {
      if (options.lane !== "cli") {
        throw new HandrailError("bad-usage", `lane ${JSON.stringify(options.lane)} is not there yet`, {
          fix: "handrail run --lane cli FILE",
        });
      }
      const record = await delegate({
        file,
        cwd: process.cwd(),
        model: checkedModel(options.model),
        agent: options.agent,
        timeoutMs: options.timeout === undefined ? undefined : minutes(options.timeout),
        progress: new Progress(options.json ? undefined : process.stderr),
      });
      const report = reportSchema.parse(record);
      emit(options, reportJson(report), () => callbackText(report), exitCodeOf(record));
    });
}

/** `run`'s exit code (design, section 6): refusals are no failure, nor is `unverifiable`. */
export function exitCodeOf(record: RunRecord): ExitCode {
  if (record.verdict === "violated" || record.state === "blocked") return EXIT.violated;
  return record.state === "done" ? EXIT.done : EXIT.failed;
}
