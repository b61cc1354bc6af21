import { type Handle, type Iteration, lastJudgement, type Role } from "./state.ts";

/** What to do now, in words and as commands; `options` are for the user to choose from. */
export interface NextStep {
  say: string;
  commands: string[];
  options: string[];
}

/** What the run records say of a role's session since the last event: it works, or its turn is over. */
export type Live = Partial<Record<Role, "working" | "answered">>;

/** What a phase is left by; filled in so that a Claude session that knows nothing else can go on. */
export function nextStep(state: Iteration, live: Live = {}): NextStep {
  const record = (words: string) => `handrail plan record ${quoted(state.plan)} ${state.feature} ${words}`;
  const step = (say: string, commands: string[] = [], options: string[] = []) => ({ say, commands, options });
  switch (state.phase) {
    case "parse":
      return step("Show the user the feature and ask whether it is the one.", [
        `handrail plan show ${quoted(state.plan)} ${state.feature}`,
        record("feature-confirmed"),
      ]);
    case "plan":
      return step("Explore the code, draft the plan and the file scope, and ask the user to approve them.", [
        record("plan-approved --plan-text FILE --scope-file FILE"),
      ]);
    case "generate":
      return step("Have the generator implement the feature.", [
        ...talk(state, "generator", "initial-implementation", live, record),
        record("generated"),
      ]);
    case "evaluate":
      return step("Have the reviewer judge the work; it changes nothing.", [
        ...talk(
          state,
          "reviewer",
          // Before the first fix round there is nothing to look at again, even where an answer could not be read.
          state.round > 0 ? "re-evaluation" : "initial-evaluation",
          live,
          record,
        ),
        record("evaluation --answer FILE"),
      ]);
    case "fix":
      return step(fixWords(state), [
        ...talk(state, "generator", "fix-iteration", live, record),
        record("fixed"),
      ]);
    case "advisory":
      return step("Run the adversarial review of everything since the base.", [
        `handrail review --directory ${quoted(state.directory)} --adversarial --scope branch --base ${state.base_ref} --wait --json > FILE`,
        record("advisory --answer FILE"),
      ]);
    case "escalated":
      return step(
        escalation(state),
        [],
        [
          `accept what is left: ${record('accepted --note "why"')}`,
          `allow one more fix round: ${record("more-rounds --rounds 1")}`,
          `stop here and keep the work as it is: ${record("abandoned")}`,
          "take the work over by hand, then record the same",
        ],
      );
    case "done":
      return step(
        "Check each checklist item against the code, tick it, bring the documents up to date, and sum up.",
        [
          `handrail plan check ${quoted(state.plan)} ${state.feature}`,
          `handrail plan check ${quoted(state.plan)} ${state.feature} --tick N`,
          record("finished"),
        ],
      );
    default:
      return step(`The iteration is ${state.phase}.`);
  }
}

type Recorder = (words: string) => string;

/**
 * The command for a role's next turn: a new session where it has none; its own again; only `attach` where the
 * turn has been asked for already. A prompt is never sent twice.
 */
function talk(state: Iteration, role: Role, template: string, live: Live, record: Recorder): string[] {
  const handle = state[role];
  const prompt = `"$(handrail plan prompt ${template} --plan ${quoted(state.plan)} --feature ${state.feature})"`;
  const where = `--directory ${quoted(state.directory)}`;
  if (!handle)
    return [`handrail session new ${where} --timeout 60 -- ${prompt}`, record(`${role} --session ID`)];
  const { session_id } = handle;
  if (session_id === undefined) return awaitJob(handle, role, record);
  const asked = live[role] !== undefined || state.history.at(-1)?.event === `${role} ${session_id}`;
  if (asked) return [`handrail session attach ${session_id} ${where} --timeout 5`];
  return [`handrail session continue ${session_id} ${where} --timeout 60 -- ${prompt}`];
}

function awaitJob(handle: Handle, role: Role, record: Recorder): string[] {
  const id = handle.job_id ?? "ID";
  return [`handrail job status ${id}`, `handrail job result ${id}`, record(`${role} --session ID`)];
}

function fixWords(state: Iteration): string {
  const lost = state.generator?.session_id === undefined ? " Its session is lost: start a new one." : "";
  const round =
    state.after_fix === "advisory"
      ? "Have the generator mend what the advisory review found; then the review runs once more."
      : `Fix round ${state.round} of ${state.max_fix_rounds}: have the generator mend what the reviewer found.`;
  return round + lost;
}

function escalation(state: Iteration): string {
  const judgement = lastJudgement(state);
  if (judgement?.classification === "unclassified")
    return "The review could not be read twice. Ask the user.";
  if (state.advisories.length > 0)
    return "The advisory review still finds Critical or High problems after its one fix round. Ask the user.";
  return `The reviewer still finds Critical or High problems after ${state.round} fix rounds. Ask the user.`;
}

function quoted(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
