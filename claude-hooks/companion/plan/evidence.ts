import { HandrailError } from "../../../shared/errors.ts";
import { type Iteration, lastJudgement, type Role } from "../../../shared/iteration/state.ts";
import { isOver, type RunRecord } from "../../../shared/run/record.ts";
import { lastRunOf } from "./state.ts";

/**
 * What the run records must say before the phases generate and fix are left: the generator was prompted since
 * the last judgement, and its turn ended in scope. No phase ends on anybody's word.
 * @throws HandrailError `bad-usage` for work that was never asked for, `busy`, `run-failed`
 */
export function requireWork(state: Iteration, root: string): void {
  const run = endedRun("generator", state, root);
  const judged = lastJudgement(state)?.at;
  if (judged === undefined || run.created > judged) return;
  throw new HandrailError("bad-usage", "the generator has had no prompt since the last judgement", {
    fix: goOn(state),
  });
}

/**
 * The same before a judgement of the reviewer's counts: its run could write nothing, and looked at what the
 * generator made last.
 * @param answered the session that the answer names, where it names one
 */
export function requireReview(state: Iteration, root: string, answered: string | undefined): void {
  const own = state.reviewer?.session_id;
  if (own === undefined) return; // the phases say it
  if (answered !== undefined && answered !== own) {
    throw new HandrailError("bad-usage", `the answer is of session ${answered}; the reviewer is ${own}`, {
      fix: goOn(state),
    });
  }
  requireLooked(endedRun("reviewer", state, root), state, root, "reviewer");
}

/** The same for the advisory review: a fresh session each time. An answer that names no session is taken as it is. */
export function requireAdvisory(state: Iteration, root: string, answered: string | undefined): void {
  if (answered === undefined) return;
  // A session whose answer could not be read may be asked once more.
  const judged = state.advisories.filter(({ classification }) => classification !== "unclassified");
  const known = [state.generator, state.reviewer, ...judged].map((one) => one?.session_id);
  if (known.includes(answered)) {
    throw new HandrailError(
      "bad-usage",
      `session ${answered} has worked on this feature already; the advisory review takes a fresh one`,
      { fix: goOn(state) },
    );
  }
  const run = lastRunOf({ session_id: answered }, root);
  if (run) requireLooked(run, state, root, "advisory session");
}

function requireLooked(run: RunRecord, state: Iteration, root: string, who: string): void {
  if (run.spec.scope.allow.length > 0) {
    throw new HandrailError("bad-usage", `run ${run.run_id} of the ${who} could write; a review only reads`, {
      fix: `give a fresh session the template, as it is printed: ${goOn(state)}`,
    });
  }
  const made = lastRunOf(state.generator, root)?.ended;
  if (made === undefined || run.created > made) return;
  throw new HandrailError("bad-usage", `the ${who} has not looked since the generator's last turn`, {
    fix: goOn(state),
  });
}

function endedRun(role: Role, state: Iteration, root: string): RunRecord {
  const session = state[role]?.session_id;
  const run = lastRunOf(state[role], root);
  if (!run) {
    throw new HandrailError(
      "bad-usage",
      session === undefined
        ? `the ${role}'s session is not on record yet`
        : `no run of session ${session} is on record in this project`,
      { fix: session === undefined ? goOn(state) : "handrail session list" },
    );
  }
  if (!isOver(run)) {
    throw new HandrailError("busy", `run ${run.run_id} of the ${role} is still ${run.state}`, {
      fix: `handrail session attach ${session} --directory ${state.directory} --timeout 5`,
    });
  }
  if (run.state === "done" && run.verdict !== "violated") return run;
  throw new HandrailError(
    "run-failed",
    `run ${run.run_id} of the ${role} is ${run.state} (${run.verdict ?? "no verdict"})`,
    { fix: `handrail show ${run.run_id}, then continue the session, or ask the user` },
  );
}

function goOn({ plan, feature }: Iteration): string {
  return `handrail plan state ${plan} ${feature}`;
}
