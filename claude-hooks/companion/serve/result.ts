import type { Report } from "../../../shared/callback/payload.ts";
import { reportSchema } from "../../../shared/callback/payload.ts";
import { callbackText } from "../../../shared/callback/text.ts";
import { EXIT, type ExitCode } from "../../../shared/errors.ts";
import type { RunRecord } from "../../../shared/run/record.ts";
import type { Pending } from "../../../shared/serve/session.ts";
import type { SessionRecord } from "../../../shared/serve/session-record.ts";
import type { TurnOutcome } from "../../../shared/serve/wait.ts";
import { printable } from "../../../shared/text/printable.ts";
import { reportJson } from "../report-json.ts";
import { shellWord } from "./directory.ts";

/** How much of the executor's answer is handed on, in characters. */
const MAX_ANSWER = 20_000;

/** What the session verbs print with `--json` (design, section 6). */
export interface SessionResult {
  session_id: string;
  run_id?: string;
  job_id?: string;
  state: string;
  directory: string;
  /** What its newest prompt may write. */
  held: SessionRecord["held"];
  /** The executor's last words; untrusted. */
  text?: string;
  /** The evidence: what the run's callback tells. */
  report?: ReturnType<typeof reportJson>;
  pending?: Pending[];
  error?: { code: string; message: string };
  /** The session that was lost, and whose place this one takes. */
  replaces?: string;
  /** The command to go on with. */
  attach: string;
}

/** A session's result from what became of its turn. */
export function resultOf(
  record: SessionRecord,
  runId: string | undefined,
  outcome: TurnOutcome,
): SessionResult {
  const base = stateOfSession(record, runId, outcome.state);
  if (outcome.state === "awaiting_permission") return { ...base, pending: outcome.pending };
  if (outcome.state === "timed_out" || outcome.state === "interrupted") return base;
  const { run, answer, error } = outcome;
  return {
    ...base,
    ...(answer === undefined ? {} : { text: answer.slice(0, MAX_ANSWER) }),
    ...(run ? { report: reportJson(reportSchema.parse(run)) } : {}),
    ...(error ? { error } : {}),
  };
}

export function stateOfSession(
  { session_id, directory, held }: SessionRecord,
  runId: string | undefined,
  state: string,
): SessionResult {
  return {
    session_id,
    ...(runId === undefined ? {} : { run_id: runId }),
    state,
    directory,
    held,
    attach: attachCommand(session_id, directory),
  };
}

export function attachCommand(sessionId: string, directory: string): string {
  return `handrail session attach ${sessionId} --directory ${shellWord(directory)} --timeout 5`;
}

/** Exit code of what a session, or a job of it, came to. */
export function exitCodeOfState(state: string, verdict?: RunRecord["verdict"] | null): ExitCode {
  if (verdict === "violated" || state === "blocked") return EXIT.violated;
  if (state === "timed_out" || state === "interrupted") return EXIT.timeout;
  if (state === "awaiting_permission") return EXIT.missing;
  return state === "failed" || state === "aborted" || state === "lost" ? EXIT.failed : EXIT.done;
}

/** The result for a person or a model to read: evidence first, then the executor's words as such. */
export function resultText(result: SessionResult): string {
  const { report, text, pending, error } = result;
  return [
    report ? callbackText(report as Report) : `Session ${result.session_id}: ${words(result.state)}.`,
    ...(error && !report ? [`${error.code}: ${printable(error.message, 300)}`] : []),
    ...(pending ?? []).map(
      (one) =>
        `It waits for an answer (${[one.kind, one.id].filter(Boolean).join(" ")}): ${printable(one.text, 300)}`,
    ),
    ...(text === undefined
      ? []
      : ["", "The executor's answer (its own words, not checked):", indented(text)]),
    "",
    `session ${result.session_id}${result.run_id ? `, run ${result.run_id}` : ""}, ${result.directory}`,
    ...(isOpenEnded(result.state) ? [`go on with: ${result.attach}`] : []),
  ].join("\n");
}

function isOpenEnded(state: string): boolean {
  return ["timed_out", "interrupted", "awaiting_permission", "running", "queued"].includes(state);
}

function words(state: string): string {
  switch (state) {
    case "timed_out":
      return "the time was up before its turn was over; it may still be working";
    case "interrupted":
      return "left alone while it works";
    case "awaiting_permission":
      return "it waits for a person";
    default:
      return state;
  }
}

function indented(text: string): string {
  return text
    .split("\n")
    .map((line) => `  ${printable(line, 2000)}`)
    .join("\n");
}
