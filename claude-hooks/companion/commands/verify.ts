import type { Command } from "commander";
import type { ReportedRefusal, Verdict } from "../../../shared/callback/payload.ts";
import { EXIT } from "../../../shared/errors.ts";
import type { RunRecord } from "../../../shared/run/record.ts";
import { listRunIds, requireRun } from "../../../shared/run/store.ts";
import { quote } from "../../../shared/scope/quote.ts";
import { contribution, latestTask } from "../../../shared/tree/diff.ts";
import type { Repository } from "../../../shared/tree/repository.ts";
import { comeBy } from "../come-by.ts";
import { openHere } from "../here.ts";
import { emit } from "../output.ts";
import { evidenceOf } from "../task-evidence.ts";

interface VerifyOptions {
  json?: boolean;
  run?: string;
  strict?: boolean;
}

interface Verification {
  verdict: Verdict;
  outOfScope: string[];
  refused: ReportedRefusal[];
  reasons: string[];
  run?: string;
}

/** `handrail verify`: whether a run kept to its scope, from the evidence on record. */
export function configure(command: Command): void {
  command
    .option("--run <id>", "run id; default: the newest run")
    .option("--strict", "exit with 3 for `unverifiable`, too")
    .addHelpText("after", "\nExample:\n  handrail verify --strict && git add -p")
    .action(async (options: VerifyOptions) => {
      const repo = await openHere();
      await comeBy(repo.root);
      const id = options.run ?? listRunIds(repo.root).at(-1);
      const found = id === undefined ? await withoutRun(repo) : ofRun(requireRun(repo.root, id));
      const bad = found.verdict === "violated" || (options.strict && found.verdict === "unverifiable");
      emit(options, found, () => textOf(found), bad ? EXIT.violated : EXIT.done);
    });
}

function ofRun({ run_id, verdict, changes, refusals, reasons, state }: RunRecord): Verification {
  const outOfScope = changes.filter((change) => change.by === "executor" && !change.inScope);
  return {
    verdict: verdict ?? "unverifiable",
    outOfScope: outOfScope.map((change) => change.path),
    refused: refusals,
    reasons: verdict ? reasons : [`the run is still ${state}`],
    run: run_id,
  };
}

/** Nothing watched the executor: everything since the baseline is taken to be its work. */
async function withoutRun(repo: Repository): Promise<Verification> {
  const task = await latestTask(repo);
  const { inScope, allow } = evidenceOf(repo, task);
  const { files } = await contribution(repo, task, { inScope, allow });
  const outOfScope = files.filter((file) => !file.inScope).map((file) => file.path);
  const reason = inScope
    ? "no run is on record: only files that git does not ignore were compared with the baseline"
    : "no run is on record, and no task file tells the scope";
  return {
    verdict: outOfScope.length > 0 ? "violated" : "unverifiable",
    outOfScope,
    refused: [],
    reasons: [reason],
  };
}

function textOf({ verdict, outOfScope, refused, reasons, run }: Verification): string {
  const subject = run === undefined ? "since the baseline" : `run ${run}`;
  const count = refused.reduce((sum, refusal) => sum + refusal.count, 0);
  return [
    `${verdict.replace("_", " ")}: ${subject}${count > 0 ? `, ${count} refused` : ""}`,
    ...outOfScope.map((path) => `  out of scope: ${quote(path, 120)}`),
    ...reasons
      .filter((reason) => !reason.endsWith("outside the task's scope"))
      .map((reason) => `  ${reason}`),
  ].join("\n");
}
