import { HandrailError } from "../errors.ts";
import type { Classification, Finding } from "../review/findings.ts";
import { type Iteration, type Judgement, lastJudgement, type Phase, type Role } from "./state.ts";

/** What a reviewer came to, and the session that it answered in, where the answer says so. */
interface Judged {
  classification: Classification;
  findings: Finding[];
  session_id?: string;
}

/** What happens in a task iteration. */
export type IterationEvent =
  | { type: "feature-confirmed" }
  | { type: "plan-approved"; plan_text: string; scope_text: string }
  | { type: "session"; role: Role; session_id?: string; job_id?: string }
  | { type: "lost"; role: Role }
  | { type: "generated" }
  | ({ type: "evaluation" } & Judged)
  | { type: "fixed" }
  | ({ type: "advisory" } & Judged)
  | { type: "accepted"; note: string }
  | { type: "more-rounds"; rounds: number }
  | { type: "finished" }
  | { type: "abandoned" };

/** The phases in which an event may come; elsewhere it is an error that says what is awaited. */
const EXPECTED: Record<IterationEvent["type"], readonly Phase[]> = {
  "feature-confirmed": ["parse"],
  "plan-approved": ["plan"],
  session: ["generate", "evaluate", "fix"],
  lost: ["generate", "evaluate", "fix"],
  generated: ["generate"],
  evaluation: ["evaluate"],
  fixed: ["fix"],
  advisory: ["advisory"],
  accepted: ["escalated"],
  "more-rounds": ["escalated"],
  finished: ["done"],
  abandoned: ["parse", "plan", "generate", "evaluate", "fix", "advisory", "escalated", "done"],
};

/**
 * What an event makes of a task iteration. Pure: the phases of the skill, their exits, the bounded fix loop
 * (early exit on a clean pass, then escalation) and the advisory gate (one fix round, one more look, then the user).
 * @throws HandrailError `bad-usage` for an event that does not fit the phase
 */
export function advance(state: Iteration, event: IterationEvent, at: string): Iteration {
  if (!EXPECTED[event.type].includes(state.phase)) {
    throw new HandrailError(
      "bad-usage",
      `"${event.type}" does not fit the phase ${state.phase}; it fits ${EXPECTED[event.type].join(", ")}`,
      { fix: `handrail plan state ${state.plan} ${state.feature}` },
    );
  }
  const next = step(state, event, at);
  return { ...next, history: [...state.history, { at, event: nameOf(event), phase: next.phase }] };
}

function step(state: Iteration, event: IterationEvent, at: string): Iteration {
  switch (event.type) {
    case "feature-confirmed":
      return { ...state, phase: "plan" };
    case "plan-approved":
      return { ...state, phase: "generate", plan_text: event.plan_text, scope_text: event.scope_text };
    case "session":
      return withSession(state, event, at);
    case "lost":
      return without(state, event.role);
    case "generated":
      return { ...withRequired(state, "generator"), phase: "evaluate" };
    case "fixed":
      return { ...withRequired(state, "generator"), phase: state.after_fix };
    case "evaluation":
      return evaluated(withRequired(state, "reviewer"), event, at);
    case "advisory":
      return advised(state, event, at);
    case "accepted":
      return accepted(state, event.note, at);
    case "more-rounds":
      return extended(state, event.rounds);
    default:
      return { ...state, phase: event.type };
  }
}

function withSession(
  state: Iteration,
  { role, session_id, job_id }: Extract<IterationEvent, { type: "session" }>,
  at: string,
): Iteration {
  const other = role === "generator" ? state.reviewer : state.generator;
  if (session_id !== undefined && other?.session_id === session_id) {
    throw new HandrailError(
      "bad-usage",
      `${session_id} is the other role's session; the reviewer stays independent`,
      {
        fix: "start a session of its own: handrail session new",
      },
    );
  }
  if (role === "reviewer" && state.phase !== "evaluate") {
    throw new HandrailError("bad-usage", `the reviewer starts in the phase evaluate, not in ${state.phase}`, {
      fix: `handrail plan state ${state.plan} ${state.feature}`,
    });
  }
  const known = state[role];
  if (known?.session_id !== undefined && session_id !== undefined && known.session_id !== session_id) {
    throw new HandrailError(
      "bad-usage",
      `the ${role} is ${known.session_id} already; one session does all rounds`,
      {
        fix: `if it is lost: handrail plan record ${state.plan} ${state.feature} lost --role ${role}`,
      },
    );
  }
  const session = session_id ?? known?.session_id;
  const job = job_id ?? known?.job_id;
  const mode = job === undefined ? ("foreground" as const) : ("background" as const);
  const handle = {
    ...(session === undefined ? {} : { session_id: session }),
    ...(job === undefined ? {} : { job_id: job }),
  };
  return { ...state, [role]: { ...handle, mode, at } };
}

function without(state: Iteration, role: Role): Iteration {
  const { [role]: _lost, ...rest } = state;
  return rest;
}

function withRequired(state: Iteration, role: Role): Iteration {
  if (state[role]?.session_id !== undefined) return state;
  throw new HandrailError("bad-usage", `the ${role}'s session is not on record yet`, {
    fix: `handrail plan record ${state.plan} ${state.feature} ${role} --session ID`,
  });
}

function evaluated(state: Iteration, { classification, findings }: Judged, at: string): Iteration {
  const before = state.evaluations.at(-1);
  const now: Judgement = { at, round: state.round, classification, findings };
  const judged = { ...state, evaluations: [...state.evaluations, now] };
  switch (classification) {
    case "PASS":
    case "PASS_WITH_NOTES":
      return { ...judged, phase: "advisory" };
    case "FAIL":
      if (state.round >= state.max_fix_rounds) return { ...judged, phase: "escalated" };
      return { ...judged, phase: "fix", round: state.round + 1, after_fix: "evaluate" };
    default:
      return isSecondUnclassified(before, now) ? { ...judged, phase: "escalated" } : judged;
  }
}

function advised(state: Iteration, { classification, findings, session_id }: Judged, at: string): Iteration {
  const before = state.advisories.at(-1);
  const from = session_id === undefined ? {} : { session_id };
  const now: Judgement = { at, round: state.round, classification, findings, ...from };
  const judged = { ...state, advisories: [...state.advisories, now] };
  switch (classification) {
    case "PASS":
    case "PASS_WITH_NOTES":
      return { ...judged, phase: "done" };
    case "FAIL":
      if (state.advisory_fixed) return { ...judged, phase: "escalated" };
      return { ...judged, phase: "fix", round: state.round + 1, after_fix: "advisory", advisory_fixed: true };
    default:
      return isSecondUnclassified(before, now) ? { ...judged, phase: "escalated" } : judged;
  }
}

/** What could not be read is asked for once more in the same round; then the user decides. */
function isSecondUnclassified(before: Judgement | undefined, now: Judgement): boolean {
  return before?.classification === "unclassified" && before.round === now.round;
}

function accepted(state: Iteration, note: string, at: string): Iteration {
  const findings = lastJudgement(state)?.findings ?? [];
  const phase = state.advisories.length > 0 ? ("done" as const) : ("advisory" as const);
  return { ...state, phase, accepted: [...state.accepted, { at, note, findings }] };
}

function extended(state: Iteration, rounds: number): Iteration {
  if (!Number.isSafeInteger(rounds) || rounds < 1 || rounds > 10)
    throw new HandrailError("bad-usage", "--rounds is a whole number from 1 to 10");
  const after = state.advisories.length > 0 ? ("advisory" as const) : ("evaluate" as const);
  if (lastJudgement(state)?.classification === "unclassified") return { ...state, phase: after };
  return {
    ...state,
    phase: "fix",
    round: state.round + 1,
    after_fix: after,
    max_fix_rounds: after === "evaluate" ? state.round + rounds : state.max_fix_rounds,
  };
}

function nameOf(event: IterationEvent): string {
  if (event.type === "session") return `${event.role} ${event.session_id ?? event.job_id ?? ""}`.trim();
  if (event.type === "evaluation" || event.type === "advisory")
    return `${event.type} ${event.classification}`;
  return event.type === "lost" ? `lost ${event.role}` : event.type;
}
