import type { Command } from "commander";
import { TEMPLATES } from "../../../shared/iteration/fill.ts";
import type { CheckOptions } from "../plan/check.ts";
import type { PromptOptions } from "../plan/prompt.ts";
import type { RecordOptions } from "../plan/record.ts";
import type { StartOptions } from "../plan/state.ts";

type Json = { json?: boolean };

/** `handrail plan ...`: exec plans, their prompts, and where a feature stands. The Markdown parser is loaded when used. */
export function configure(command: Command): void {
  const verb = (name: string, summary: string, example: string) =>
    command
      .command(name)
      .summary(summary)
      .description(summary)
      .addHelpText("after", `\nExample:\n  handrail plan ${example}`);
  const several = (value: string, before: string[] = []) => [...before, value];

  verb("list", "list the features of an exec plan", "list docs/exec-plan.md")
    .argument("<plan>", "exec plan, a Markdown file")
    .action(async (plan: string, options: Json) =>
      (await import("../plan/show.ts")).listFeatures(plan, options),
    );
  verb("show", "show what the plan says about a feature", "show docs/exec-plan.md 2")
    .argument("<plan>", "exec plan")
    .argument("[feature]", "its number, id, slug or title; not needed where there is one")
    .action(async (plan: string, feature: string | undefined, options: Json) =>
      (await import("../plan/show.ts")).showFeature(plan, feature, options),
    );
  verb(
    "check",
    "show a feature's checklist, tick items of it",
    'check docs/exec-plan.md 2 --tick 1 --tick "tests written"',
  )
    .argument("<plan>", "exec plan")
    .argument("[feature]", "its number, id, slug or title")
    .option("--tick <item>", "number or words of an item that is done; repeatable", several)
    .option("--untick <item>", "number or words of an item that is not; repeatable", several)
    .action(async (plan: string, feature: string | undefined, options: CheckOptions) =>
      (await import("../plan/check.ts")).checkFeature(plan, feature, options),
    );
  verb(
    "prompt",
    "print a prompt template, filled",
    "prompt initial-implementation --plan docs/exec-plan.md --feature 2 --plan-text plan.txt --scope-file scope.txt",
  )
    .argument("<template>", TEMPLATES.join(", "))
    .requiredOption("--plan <plan>", "exec plan")
    .option("--feature <feature>", "its number, id, slug or title")
    .option("--plan-text <file>", "the approved plan; default: the one on record")
    .option("--scope-file <file>", "the file scope; default: the one on record, else the plan's")
    .option("--findings <file>", "what the reviewer found; default: the judgement on record")
    .option("--base <ref>", "what the work began on; default: the one on record")
    .option("--set <name=value>", "any value, or @FILE; repeatable", several)
    .action(async (template: string, options: PromptOptions) =>
      (await import("../plan/prompt.ts")).printPrompt(template, options),
    );
  verb("task", "write a feature as a task file", "task docs/exec-plan.md 2")
    .argument("<plan>", "exec plan")
    .argument("[feature]", "its number, id, slug or title")
    .action(async (plan: string, feature: string | undefined, options: Json) =>
      (await import("../plan/task.ts")).writeTask(plan, feature, options),
    );
  verb("start", "begin to work on a feature", "start docs/exec-plan.md 2 --max-fix-rounds 3")
    .argument("<plan>", "exec plan")
    .argument("[feature]", "its number, id, slug or title")
    .option("--max-fix-rounds <n>", "fix rounds before the user is asked", "3")
    .option("--directory <dir>", "where the sessions work; default: the repository's top level")
    .option("--base <ref>", "what the work begins on; default: HEAD")
    .action(async (plan: string, feature: string | undefined, options: StartOptions) =>
      (await import("../plan/state.ts")).startIteration(plan, feature, options),
    );
  verb("state", "show where a feature stands and what comes next", "state docs/exec-plan.md 2")
    .argument("[plan]", "exec plan; without one, every feature that is being worked on")
    .argument("[feature]", "its number, id, slug or title")
    .action(async (plan: string | undefined, feature: string | undefined, options: Json) =>
      (await import("../plan/state.ts")).showState(plan, feature, options),
    );
  verb(
    "record",
    "record what has happened to a feature",
    "record docs/exec-plan.md 2 generator --session ses_abc",
  )
    .argument("<plan>", "exec plan")
    .argument("<feature>", "its number, id, slug or title")
    .argument(
      "<event>",
      "feature-confirmed, plan-approved, generator, generated, reviewer, evaluation, fixed, advisory, accepted, more-rounds, lost, finished, abandoned",
    )
    .option("--session <id>", "generator, reviewer: the session")
    .option("--job <id>", "generator, reviewer: the background job")
    .option("--role <role>", "lost: generator or reviewer")
    .option("--plan-text <file>", "plan-approved: the plan")
    .option("--scope-file <file>", "plan-approved: the file scope; default: the plan's own")
    .option("--answer <file>", "evaluation, advisory: what the reviewer answered; - is stdin")
    .option("--note <text>", "accepted: what the user said")
    .option("--rounds <n>", "more-rounds: how many", "1")
    .option("--accept-open", "finished: although checklist items are open")
    .action(async (plan: string, feature: string, event: string, options: RecordOptions) =>
      (await import("../plan/record.ts")).recordEvent(plan, feature, event, options),
    );
}
