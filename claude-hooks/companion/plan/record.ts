import { HandrailError } from "../../../shared/errors.ts";
import { advance, type IterationEvent } from "../../../shared/iteration/machine.ts";
import { type Iteration, ROLES, type Role } from "../../../shared/iteration/state.ts";
import { requireIteration, saveIteration } from "../../../shared/iteration/store.ts";
import { classificationSchema, classify, readFindings } from "../../../shared/review/findings.ts";
import { findFeature } from "../../../shared/task/plan-features.ts";
import { scopeText } from "../../../shared/task/plan-spec.ts";
import { openHere } from "../here.ts";
import { requireAdvisory, requireReview, requireWork } from "./evidence.ts";
import { type OpenedPlan, openPlan, planFileOf } from "./open.ts";
import { progress } from "./show.ts";
import { liveOf, print } from "./state.ts";
import { scopeBlock, textOfFile } from "./values.ts";

export interface RecordOptions {
  json?: boolean;
  session?: string;
  job?: string;
  role?: string;
  answer?: string;
  planText?: string;
  scopeFile?: string;
  note?: string;
  rounds?: string;
  acceptOpen?: boolean;
}

/** What `handrail plan record` takes. */
export const EVENTS = [
  "feature-confirmed",
  "plan-approved",
  "generator",
  "generated",
  "reviewer",
  "evaluation",
  "fixed",
  "advisory",
  "accepted",
  "more-rounds",
  "lost",
  "finished",
  "abandoned",
] as const;

/** `handrail plan record`: what has happened to a feature; checked against its phase and the run records. */
export async function recordEvent(
  named: string,
  wanted: string,
  event: string,
  options: RecordOptions,
): Promise<void> {
  const { root } = await openHere();
  const opened = openPlan(named);
  const feature = findFeature(opened.plan, wanted, opened.file);
  const state = requireIteration(root, opened.file, feature.slug);
  if (event === "finished") requireChecklist(opened, state, options);
  const read = eventOf(event, state, opened, options);
  // The phase goes first: an event that does not fit says so, whatever the runs came to.
  const next = advance(state, read, new Date().toISOString());
  requireEvidence(read, state, root);
  saveIteration(root, next);
  await print(next, options, liveOf(next, root));
}

function eventOf(
  event: string,
  state: Iteration,
  opened: OpenedPlan,
  options: RecordOptions,
): IterationEvent {
  switch (event) {
    case "feature-confirmed":
    case "generated":
    case "fixed":
    case "finished":
    case "abandoned":
      return { type: event };
    case "plan-approved":
      return planApproved(state, opened, options);
    case "generator":
    case "reviewer":
      return session(event, options);
    case "lost":
      return { type: "lost", role: roleOf(options.role) };
    case "evaluation":
    case "advisory":
      return { type: event, ...judged(options, opened.root) };
    case "accepted":
      return { type: "accepted", note: options.note ?? "" };
    case "more-rounds":
      return { type: "more-rounds", rounds: Number(options.rounds ?? "1") };
    default:
      throw new HandrailError(
        "bad-usage",
        `no event "${event.slice(0, 60)}"; there are ${EVENTS.join(", ")}`,
      );
  }
}

function planApproved(
  state: Iteration,
  opened: OpenedPlan,
  { planText, scopeFile }: RecordOptions,
): IterationEvent {
  const feature = findFeature(opened.plan, state.feature, opened.file);
  if (planText === undefined) {
    throw new HandrailError(
      "bad-usage",
      "plan-approved needs --plan-text FILE, the plan that the user approved",
      {
        fix: "--plan-text - reads stdin",
      },
    );
  }
  const plan_text = textOfFile(planText, "--plan-text", opened.root).trim();
  if (plan_text === "") throw new HandrailError("bad-input", `--plan-text ${planText} is empty`);
  const given = scopeFile === undefined ? undefined : textOfFile(scopeFile, "--scope-file", opened.root);
  const own = given ?? scopeText(opened.plan, feature, planFileOf(opened)).text;
  const source = scopeFile === undefined ? `${opened.file}:${feature.line}` : `--scope-file ${scopeFile}`;
  return { type: "plan-approved", plan_text, scope_text: scopeBlock(opened, feature, own, source) };
}

function session(role: Role, { session, job }: RecordOptions): IterationEvent {
  if (session === undefined && job === undefined) {
    throw new HandrailError("bad-usage", `${role} needs --session ID, or --job ID of a background job`);
  }
  if (session !== undefined && !/^[\w-]{1,128}$/.test(session)) {
    throw new HandrailError(
      "bad-usage",
      `--session ${JSON.stringify(session.slice(0, 60))} is no session id`,
      {
        fix: "handrail session list",
      },
    );
  }
  return {
    type: "session",
    role,
    ...(session === undefined ? {} : { session_id: session }),
    ...(job === undefined ? {} : { job_id: job }),
  };
}

function roleOf(named: string | undefined): Role {
  const role = ROLES.find((one) => one === named);
  if (role) return role;
  throw new HandrailError("bad-usage", "lost needs --role generator or --role reviewer");
}

/** A reviewer's answer: its own words, the JSON of `session` with the words in it, or that of `review`. */
function judged({ answer }: RecordOptions, root: string) {
  if (answer === undefined) {
    throw new HandrailError("bad-usage", "a judgement needs --answer FILE: what the reviewer answered", {
      fix: "--answer - reads stdin",
    });
  }
  const text = textOfFile(answer, "--answer", root);
  const outer = asObject(text);
  // What `handrail review` could not classify is not made a PASS by reading it again.
  const said = classificationSchema.safeParse(outer?.classification);
  const from = typeof outer?.session_id === "string" ? { session_id: outer.session_id } : {};
  if (said.success && said.data === "unclassified")
    return { ...from, classification: said.data, findings: [] };
  const reading = readFindings(typeof outer?.text === "string" ? outer.text : text);
  return { ...from, classification: classify(reading), findings: reading.ok ? reading.findings : [] };
}

function asObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined; // prose with findings in it
  }
}

/** A phase is not left on the executor's word, nor on Claude's. */
function requireEvidence(event: IterationEvent, state: Iteration, root: string): void {
  if (event.type === "generated" || event.type === "fixed") requireWork(state, root);
  if (event.type === "evaluation") requireReview(state, root, event.session_id);
  if (event.type === "advisory") requireAdvisory(state, root, event.session_id);
}

function requireChecklist(opened: OpenedPlan, state: Iteration, { acceptOpen }: RecordOptions): void {
  const { checklist } = findFeature(opened.plan, state.feature, opened.file);
  const { done, total } = progress(checklist);
  if (done === total || acceptOpen) return;
  const open = checklist.filter((item) => !item.checked).map((item) => item.number);
  throw new HandrailError(
    "bad-usage",
    `${total - done} of ${total} checklist items are open: ${open.join(", ")}`,
    {
      fix: `handrail plan check ${opened.file} ${state.feature} --tick N; where the user accepts them open: --accept-open`,
    },
  );
}
