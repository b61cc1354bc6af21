import { resolve } from "node:path";
import type { Command } from "commander";
import { HandrailError } from "../../../shared/errors.ts";
import type { ReviewScope } from "../../../shared/review/changes.ts";
import { openHere } from "../here.ts";
import { emit } from "../output.ts";
import { progressFor } from "../progress.ts";
import { performReview } from "../review/perform.ts";
import { exitCodeOfReview, reviewText } from "../review/result.ts";
import { runInBackground } from "../serve/background.ts";
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
    const rest = [...more, ...(adversarial ? ["--adversarial"] : [])];
    return runInBackground(options, { kind: "review", root: repo.root, args: [...args, ...rest] });
  }
  const progress = progressFor(options);
  const wish = { repo, scope, base, adversarial, focus: words };
  const result = await performReview({ ...wish, model, agent, timeoutMs, progress });
  emit(options, result, () => reviewText(result), exitCodeOfReview(result));
}
