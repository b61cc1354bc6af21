import { abortsOn } from "../task/abort.ts";
import { missingEvidence } from "../task/evidence.ts";
import type { Packet } from "../task/packet-schema.ts";
import type { Checkpoint, TaskState } from "./checkpoint.ts";
import { checkpointOf } from "./checkpoints.ts";
import type { RunRecord } from "./record.ts";

/**
 * The END report of a packet's run.
 * @param closed the run as it ends
 * @param earlier its checkpoints so far
 */
export function endCheckpoint(closed: RunRecord, earlier: readonly Checkpoint[]): Checkpoint {
  const packet = closed.spec.packet;
  const own = closed.changes.filter((change) => change.by === "executor").map((change) => change.path);
  const tests: Checkpoint["tests_run"] = closed.validation.map(({ command, exitCode }) => ({
    command,
    result: exitCode === undefined ? "not run" : exitCode === 0 ? "passed" : "failed",
  }));
  const ran = tests.filter((test) => test.result !== "not run").map((test) => test.command);
  const asked = missingEvidence(packet?.validation?.must_include ?? [], { ran, changed: own });
  const missing = [
    ...missingEvents(packet, earlier),
    ...tests.filter((test) => test.result === "not run").map((test) => `${test.command}: it did not run`),
    ...asked.missing,
  ];
  const refused = closed.refusals.reduce((sum, one) => sum + one.count, 0);
  const end = checkpointOf(closed, {
    kind: "END",
    state: "running",
    files_changed: own,
    tests_run: tests,
    risks: [
      ...closed.reasons,
      ...(refused > 0 ? [`${refused} ${refused === 1 ? "act was" : "acts were"} refused`] : []),
    ],
    blockers: closed.error ? [`${closed.error.code}: ${closed.error.message}`] : [],
    lock_release_request: closed.verdict !== "violated",
    complete: missing.length === 0,
    missing,
    unchecked: asked.unchecked,
    summary: missing.length === 0 ? "the report is complete" : "the report is not complete",
  });
  return { ...end, state: taskState({ ...closed, end }) };
}

/** `required_events` of the checkpoint plan that are not on record; END is the one being made. */
function missingEvents(packet: Packet | undefined, earlier: readonly Checkpoint[]): string[] {
  const wanted = packet?.checkpoint_plan?.required_events ?? ["start"];
  const kinds = new Set(earlier.map((one) => one.kind));
  return wanted.flatMap((event) => {
    const kind = KINDS.find(([shape]) => shape.test(event))?.[1];
    return kind === undefined || kind === "END" || kinds.has(kind)
      ? []
      : [`${kind} checkpoint: not on record`];
  });
}

const KINDS: readonly [RegExp, Checkpoint["kind"]][] = [
  [/^start/i, "START"],
  [/^mid/i, "MID"],
  [/^(end|done|blocked|failed|aborted)/i, "END"],
];

/** Whether an event of a checkpoint plan is one that Handrail writes. */
export function isKnownEvent(event: string): boolean {
  return KINDS.some(([shape]) => shape.test(event));
}

type Judged = Pick<RunRecord, "state" | "verdict" | "error" | "validation" | "refusals" | "spec"> & {
  end?: Checkpoint | undefined;
};

/** Errors of runs that stopped because another run has what they need. */
const CONFLICTS: ReadonlySet<string> = new Set(["busy", "lease-wait", "conflict_unresolved"]);
const OPEN = new Set(["queued", "server_ready", "session_created", "prompt_sent"]);

/** The state of the task that a run works for. A packet is done only with a complete END and its evidence. */
export function taskState(run: Judged): TaskState {
  if (OPEN.has(run.state)) return "queued";
  if (CONFLICTS.has(run.error?.code ?? "")) return "blocked_conflict";
  if (run.state === "aborted") return "aborted";
  if (run.state === "failed") return "failed";
  if (run.state === "blocked" || run.verdict === "violated") {
    return abortsOn(run.spec.packet, "scope_drift") ? "aborted" : "failed";
  }
  if (run.state !== "done") return "running";
  if (run.refusals.some((one) => one.code === "leased") && abortsOn(run.spec.packet, "conflict_unresolved"))
    return "blocked_conflict";
  if (validationFailed(run)) return "failed";
  return run.spec.packet === undefined || run.end?.complete ? "done" : "checkpoint_needed";
}

/** Whether a validation command ran and did not succeed. */
export function validationFailed(run: Pick<RunRecord, "validation">): boolean {
  return run.validation.some(({ exitCode }) => exitCode !== undefined && exitCode !== 0);
}
