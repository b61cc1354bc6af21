import { realpathSync } from "node:fs";
import { resolve } from "node:path";
import { HandrailError } from "../../../shared/errors.ts";
import { type Live, nextStep } from "../../../shared/iteration/next.ts";
import { type Handle, type Iteration, lastJudgement, ROLES } from "../../../shared/iteration/state.ts";
import { beginIteration, openIterations, requireIteration } from "../../../shared/iteration/store.ts";
import { findingsText } from "../../../shared/review/findings.ts";
import { isOver, type RunRecord } from "../../../shared/run/record.ts";
import { readRuns } from "../../../shared/run/store.ts";
import { liesIn } from "../../../shared/state/place.ts";
import { findFeature } from "../../../shared/task/plan-features.ts";
import { featureTask } from "../../../shared/task/plan-spec.ts";
import { printable } from "../../../shared/text/printable.ts";
import { captureGit } from "../../../shared/tree/git.ts";
import { openHere } from "../here.ts";
import { emit } from "../output.ts";
import { openPlan } from "./open.ts";
import { summaryLines, summaryOf } from "./summary.ts";

export interface StartOptions {
  json?: boolean;
  maxFixRounds: string;
  directory?: string;
  base?: string;
}

/** `handrail plan start`: records that a feature is begun, where, and on which commit. */
export async function startIteration(
  named: string,
  wanted: string | undefined,
  options: StartOptions,
): Promise<void> {
  const repo = await openHere();
  const opened = openPlan(named);
  const feature = findFeature(opened.plan, wanted, opened.file);
  const rounds = Number(options.maxFixRounds);
  if (!Number.isSafeInteger(rounds) || rounds < 0 || rounds > 20) {
    throw new HandrailError(
      "bad-usage",
      `--max-fix-rounds ${options.maxFixRounds}: a whole number from 0 to 20`,
    );
  }
  const now = new Date().toISOString();
  const state: Iteration = {
    schema: 1,
    plan: opened.file,
    feature: feature.slug,
    title: feature.title,
    task: featureTask(opened.plan, feature),
    directory: directoryIn(repo.root, options.directory),
    base_ref: options.base === undefined ? repo.head : await commitOf(repo.root, options.base),
    max_fix_rounds: rounds,
    phase: "parse",
    round: 0,
    after_fix: "evaluate",
    advisory_fixed: false,
    evaluations: [],
    advisories: [],
    accepted: [],
    history: [{ at: now, event: "started", phase: "parse" }],
    created: now,
  };
  beginIteration(repo.root, state);
  await print(state, options, {});
}

/** `handrail plan state`: where a feature stands, and the next command; without a plan, all that are open. */
export async function showState(
  named: string | undefined,
  wanted: string | undefined,
  options: { json?: boolean },
): Promise<void> {
  const { root } = await openHere();
  if (named === undefined) {
    const open = openIterations(root);
    emit(options, open.map(brief), () => openText(open));
    return;
  }
  const opened = openPlan(named);
  const feature = findFeature(opened.plan, wanted, opened.file);
  const state = requireIteration(root, opened.file, feature.slug);
  await print(state, options, liveOf(state, root));
}

/** What the run records say about the sessions of an iteration since its last event. */
export function liveOf(state: Iteration, root: string): Live {
  const since = state.history.at(-1)?.at ?? state.created;
  const live: Live = {};
  for (const role of ROLES) {
    const run = lastRunOf(state[role], root);
    if (!run) continue;
    if (!isOver(run)) live[role] = "working";
    else if ((run.ended ?? "") > since) live[role] = "answered";
  }
  return live;
}

/** The newest run of a role's session. */
export function lastRunOf(
  handle: Pick<Handle, "session_id"> | undefined,
  root: string,
): RunRecord | undefined {
  if (handle?.session_id === undefined) return undefined;
  const runs = readRuns(root).runs.filter((run) => run.session === handle.session_id);
  return runs.toSorted((a, b) => a.created.localeCompare(b.created)).at(-1);
}

/** Prints where an iteration stands; of one that is finished also the summary. */
export async function print(state: Iteration, options: { json?: boolean }, live: Live): Promise<void> {
  const next = nextStep(state, live);
  const summary = state.phase === "finished" ? await summaryOf(state) : undefined;
  emit(options, { ...state, live, next, ...(summary ? { summary } : {}) }, () =>
    [stateText(state, live, next), ...(summary ? summaryLines(summary) : [])].join("\n"),
  );
}

function stateText(state: Iteration, live: Live, next: ReturnType<typeof nextStep>): string {
  const judgement = lastJudgement(state);
  const open = judgement?.findings ?? [];
  return [
    `${state.plan}: ${state.feature}, ${printable(state.title)}`,
    `phase ${state.phase}, fix round ${state.round} of ${state.max_fix_rounds}, base ${state.base_ref.slice(0, 12)}`,
    `directory ${state.directory}`,
    ...ROLES.flatMap((role) => {
      const { session_id, job_id } = state[role] ?? {};
      if (session_id === undefined && job_id === undefined) return [];
      const parts = [session_id, job_id && `job ${job_id}`, live[role]].filter(Boolean);
      return [`${role} ${parts.join(", ")}`];
    }),
    ...(judgement ? [`last judgement: ${judgement.classification}`] : []),
    ...(open.length > 0 ? [findingsText(open).replace(/^/gm, "  ")] : []),
    `next: ${next.say}`,
    ...next.commands.map((command) => `  ${command}`),
    ...next.options.map((option) => `  - ${option}`),
  ].join("\n");
}

function brief(state: Iteration) {
  const { plan, feature, title, phase, round, max_fix_rounds } = state;
  return { plan, feature, title, phase, round, max_fix_rounds };
}

function openText(open: readonly Iteration[]): string {
  if (open.length === 0) return "no feature is being worked on";
  return open
    .map(
      ({ plan, feature, phase, round }) =>
        `${plan}  ${feature}: ${phase}, fix round ${round}\n  handrail plan state ${plan} ${feature}`,
    )
    .join("\n");
}

function directoryIn(root: string, given: string | undefined): string {
  if (given === undefined) return root;
  const path = resolve(given);
  if (path === root || liesIn(path, root)) return realpathSync(path);
  throw new HandrailError("bad-usage", `--directory ${given} lies outside the repository ${root}`, {
    fix: "run this in the repository that the feature belongs to",
  });
}

async function commitOf(root: string, ref: string): Promise<string> {
  const git = captureGit({ directory: root });
  const args = ["rev-parse", "--verify", "--quiet", `${ref.replace(/^-+/, "")}^{commit}`];
  const { code, text } = await git(args, { okCodes: [0, 1, 128] });
  if (code === 0) return text;
  throw new HandrailError(
    "bad-usage",
    `--base ${JSON.stringify(ref.slice(0, 80))} is no commit of this repository`,
  );
}
