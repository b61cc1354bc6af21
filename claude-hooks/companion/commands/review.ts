import { resolve } from "node:path";
import type { Command } from "commander";
import { HandrailError } from "../../../shared/errors.ts";
import type { ReviewScope } from "../../../shared/review/changes.ts";
import { findingsText } from "../../../shared/review/findings.ts";
import { printable } from "../../../shared/text/printable.ts";
import { openHere } from "../here.ts";
import { emit, paint } from "../output.ts";
import { progressFor } from "../progress.ts";
import { exitCodeOfReview, performReview, type ReviewResult } from "../review/perform.ts";
import { startJob } from "../serve/worker.ts";
import { checkedModel, eventsOption, minutes } from "../turn-options.ts";

interface ReviewOptions {
  json?: boolean;
  events?: boolean;
  adversarial?: boolean;
  focus?: string;
  scope: string;
  base?: string;
  wait?: boolean;
  background?: boolean;
  directory?: string;
  model?: string;
  agent?: string;
  timeout: string;
}

const SCOPES: readonly ReviewScope[] = ["auto", "working-tree", "branch"];

/** `handrail review`: findings with evidence, classified PASS, PASS_WITH_NOTES or FAIL. */
export function configure(command: Command): void {
  eventsOption(command)
    .argument("[focus...]", "what to look at most")
    .option("--adversarial", "assume that the change is wrong, and look for what proves it")
    .option("--focus <text>", "the same as the words at the end")
    .option("--scope <scope>", "auto, working-tree, or branch: everything since --base", "auto")
    .option("--base <ref>", "commit, branch or tag to compare the working tree with")
    .option("--wait", "wait for the result (default)")
    .option("--background", "start it as a job and return; see handrail job")
    .option("--directory <dir>", "the project; default: the current folder's")
    .option("--model <provider/model>", "the reviewer's model")
    .option("--agent <name>", "the reviewer's OpenCode agent")
    .option("--timeout <minutes>", "for the whole review", "30")
    .addHelpText(
      "after",
      "\nExample:\n  handrail review --adversarial --scope branch --base main -- race conditions",
    )
    .action(review);
}

async function review(focus: string[], options: ReviewOptions): Promise<void> {
  const { wait, background, directory, base, agent } = options;
  if (wait && background)
    throw new HandrailError("bad-usage", "--wait and --background exclude each other", {
      fix: "give one of them",
    });
  const scope = SCOPES.find((one) => one === options.scope);
  if (!scope)
    throw new HandrailError(
      "bad-usage",
      `--scope takes ${SCOPES.join(", ")}, not ${JSON.stringify(options.scope)}`,
      {
        fix: "--scope branch --base main",
      },
    );
  const repo = await openHere(directory === undefined ? process.cwd() : resolve(directory));
  const model = checkedModel(options.model);
  const timeoutMs = minutes(options.timeout);
  const adversarial = options.adversarial === true;
  const words = [...focus, ...(options.focus === undefined ? [] : [options.focus])].join(" ") || undefined;
  if (background) {
    const given = (name: string, value: string | undefined) => (value === undefined ? [] : [name, value]);
    const args = ["review", "--directory", repo.root, "--scope", scope, "--timeout", options.timeout];
    // In one word: the worker puts its own options behind.
    const look = words === undefined ? [] : [`--focus=${words}`];
    const more = [...look, ...given("--base", base), ...given("--model", model), ...given("--agent", agent)];
    await inBackground([...args, ...more, ...(adversarial ? ["--adversarial"] : [])], repo.root, options);
    return;
  }
  const progress = progressFor(options);
  const wish = { repo, scope, base, adversarial, focus: words };
  const result = await performReview({ ...wish, model, agent, timeoutMs, progress });
  emit(options, result, () => reviewText(result), exitCodeOfReview(result));
}

async function inBackground(args: string[], root: string, options: ReviewOptions): Promise<void> {
  const job = await startJob({ kind: "review", root, args });
  const { job_id, session_id, state, started, directory } = job;
  const shown = { job_id, state, started, directory, ...(session_id === undefined ? {} : { session_id }) };
  emit(options, shown, () => `job ${job_id}: ${state}\n  handrail job wait ${job_id}`);
}

function reviewText(result: ReviewResult): string {
  const { classification, findings, problem, files, parts, omitted, secret } = result;
  const colour = classification === "FAIL" ? 31 : classification === "unclassified" ? 33 : 32;
  return [
    `${paint(colour, classification)}: ${findings.length} finding${findings.length === 1 ? "" : "s"} in ${files} changed file${files === 1 ? "" : "s"}${parts > 1 ? `, ${parts} parts` : ""}`,
    ...(findings.length > 0 ? [findingsText(findings)] : []),
    ...(problem === undefined ? [] : [`not classified as a pass: ${printable(problem, 300)}`]),
    ...(omitted.length > 0
      ? [`too large to be shown to the reviewer: ${omitted.map((path) => printable(path)).join(", ")}`]
      : []),
    ...(secret.length > 0
      ? [`left out, since they hold secrets: ${secret.map((path) => printable(path)).join(", ")}`]
      : []),
    ...(result.session_id === undefined ? [] : [`session ${result.session_id}`]),
    ...(result.state === "timed_out" && result.attach
      ? [`the time was up; go on with: ${result.attach}`]
      : []),
  ].join("\n");
}
