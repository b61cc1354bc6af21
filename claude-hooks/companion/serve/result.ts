import type { Report } from "../../../shared/callback/payload.ts";
import { reportSchema } from "../../../shared/callback/payload.ts";
import { callbackText } from "../../../shared/callback/text.ts";
import { EXIT, type ExitCode } from "../../../shared/errors.ts";
import type { RunRecord } from "../../../shared/run/record.ts";
import type { Pending } from "../../../shared/serve/pending.ts";
import type { SessionRecord } from "../../../shared/serve/session-record.ts";
import type { TurnOutcome } from "../../../shared/serve/wait.ts";
import { printable } from "../../../shared/text/printable.ts";
import { reportJson } from "../report-json.ts";
import { shellWord } from "./directory.ts";

/** How much of the executor's answer is printed, in characters. */
const MAX_ANSWER = 20_000;

/** What a session waits for, and the command that answers it. */
export interface AwaitedAnswer extends Pending {
  reply: string;
}

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
  pending?: AwaitedAnswer[];
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
  if (outcome.state === "awaiting_permission")
    return { ...base, pending: withReplies(record, outcome.pending) };
  if (outcome.state === "timed_out" || outcome.state === "interrupted") return base;
  const { run, answer, error } = outcome;
  return {
    ...base,
    ...(answer === undefined ? {} : { text: answer }),
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

/** What is pending, with the command that answers each. */
export function withReplies(
  { session_id, directory }: Pick<SessionRecord, "session_id" | "directory">,
  pending: readonly Pending[],
): AwaitedAnswer[] {
  return pending.map((one) => {
    // With one alone there is no doubt which is meant.
    const which = pending.length > 1 && one.id !== undefined ? ` --request ${one.id}` : "";
    const answer =
      one.kind === "permission"
        ? "--once"
        : `-- ${one.questions?.map(() => '"ANSWER"').join(" ") ?? '"ANSWER"'}`;
    const command = `handrail session reply ${session_id} --directory ${shellWord(directory)}`;
    return { ...one, reply: `${command}${which} ${answer}` };
  });
}

/** The command that gives a session another prompt. */
export function continueCommand({
  session_id,
  directory,
}: Pick<SessionResult, "session_id" | "directory">): string {
  return `handrail session continue ${session_id} --directory ${shellWord(directory)} -- "PROMPT"`;
}

/** Exit code of what a session, or a job of it, came to. */
export function exitCodeOfState(state: string, verdict?: RunRecord["verdict"] | null): ExitCode {
  if (verdict === "violated" || state === "blocked") return EXIT.violated;
  if (state === "timed_out" || state === "interrupted") return EXIT.timeout;
  if (state === "awaiting_permission") return EXIT.missing;
  return state === "failed" || state === "aborted" || state === "lost" ? EXIT.failed : EXIT.done;
}

/** The result as it is printed: an answer that is too long is cut, and says so. */
export function shortened(result: SessionResult): SessionResult {
  const { text } = result;
  if (text === undefined || text.length <= MAX_ANSWER) return result;
  const left = text.length - MAX_ANSWER;
  return { ...result, text: `${text.slice(0, MAX_ANSWER)}\n[cut: ${left} characters more]` };
}

/** The result for a person or a model to read: evidence first, then the executor's words as such. */
export function resultText(result: SessionResult): string {
  const { report, text, pending, error } = result;
  return [
    report ? callbackText(report as Report) : `Session ${result.session_id}: ${words(result.state)}.`,
    ...(error && !report ? [`${error.code}: ${printable(error.message, 300)}`] : []),
    ...(pending ?? []).flatMap(pendingLines),
    ...(text === undefined
      ? []
      : ["", "The executor's answer (its own words, not checked):", indented(text)]),
    "",
    `session ${result.session_id}${result.run_id ? `, run ${result.run_id}` : ""}, ${result.directory}`,
    ...(isOpenEnded(result.state) && !pending ? [`go on with: ${result.attach}`] : []),
    ...(result.state === "aborted" ? [`go on with: ${continueCommand(result)}`] : []),
  ].join("\n");
}

/** What somebody is asked, what may be answered, and how. The words are the executor's. */
export function pendingLines({ kind, id, text, questions, reply }: AwaitedAnswer): string[] {
  const offered = (questions ?? []).flatMap(({ question, options, multiple }) => [
    ...(questions && questions.length > 1 ? [`  ${printable(question, 300)}`] : []),
    ...(options.length > 0
      ? [
          `  offered${multiple ? ", several may be given, with commas" : ""}: ${options.map((one) => printable(one, 80)).join(" | ")}`,
        ]
      : []),
  ]);
  const no = reply.replace(/ (--once|-- ".*)$/, " --reject");
  return [
    `It waits for an answer (${[kind, id].filter(Boolean).join(" ")}): ${printable(text, 300)}`,
    ...offered,
    `  answer: ${reply}`,
    `  refuse: ${no}`,
  ];
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
