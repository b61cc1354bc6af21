import { HandrailError } from "../../../shared/errors.ts";
import { reap } from "../../../shared/run/reap.ts";
import { readableRun } from "../../../shared/run/store.ts";
import type { Server } from "../../../shared/serve/client.ts";
import { findServer, joinRunningServer } from "../../../shared/serve/ensure.ts";
import { answerPending, type Pending, pendingOf, type Reply } from "../../../shared/serve/pending.ts";
import { familyOf } from "../../../shared/serve/session.ts";
import type { SessionRecord } from "../../../shared/serve/session-record.ts";
import { interruptible } from "../interruption.ts";
import type { Progress } from "../progress.ts";
import { endAfterTask } from "./end-server.ts";
import { awaitTurn } from "./perform.ts";
import {
  type AwaitedAnswer,
  attachCommand,
  type SessionResult,
  stateOfSession,
  withReplies,
} from "./result.ts";

/** An answer as it was typed. */
export interface TypedAnswer {
  words: readonly string[];
  once?: boolean | undefined;
  always?: boolean | undefined;
  reject?: boolean | undefined;
  /** Told to the executor with a refusal. */
  message?: string | undefined;
  /** OpenCode's id of what is answered, where several things wait. */
  request?: string | undefined;
}

export interface AnswerWish {
  answer: TypedAnswer;
  /** Goes on to wait for the turn; undefined: returns at once. */
  timeoutMs: number | undefined;
  progress: Progress;
}

/**
 * Answers what a session waits for, and waits for its turn as `attach` does. Never prompts.
 * @throws HandrailError `not-found` when nothing waits for an answer, `bad-usage` for an answer that does not fit
 */
export async function answerSession(record: SessionRecord, wish: AnswerWish): Promise<SessionResult> {
  const { directory: root } = record;
  const { answer, timeoutMs, progress } = wish;
  const chosen = chosenOf(answer);
  await reap(root);
  const server = await joinRunningServer(root);
  if (!server) throw nothingWaits(record);
  try {
    const runId = record.runs.at(-1);
    const one = pick(record, await pendingIn(server, record), answer.request);
    const reply = replyTo(one, answer, chosen);
    await answerPending(server, one, reply);
    progress.say(`answered ${one.kind} ${one.id}`);
    if (timeoutMs === undefined) return stateOfSession(record, runId, "running");
    return await interruptible((interruption) =>
      awaitTurn(server, record, runId, {
        prompted: false,
        answered: one.id,
        ...{ timeoutMs, progress, interruption },
      }),
    );
  } finally {
    await endAfterTask(server);
  }
}

/** What a session waits for now, with the command that answers each; nothing where its server is gone. */
export async function awaitedAnswers(record: SessionRecord): Promise<AwaitedAnswer[]> {
  const server = await findServer(record.directory);
  if (!server) return [];
  return withReplies(record, await pendingIn(server, record));
}

async function pendingIn(server: Server, record: SessionRecord): Promise<Pending[]> {
  const { session_id, directory, runs } = record;
  const runId = runs.at(-1);
  const run = runId === undefined ? undefined : readableRun(directory, runId);
  return pendingOf(server, session_id, await familyOf(server, session_id), run);
}

type Chosen = "once" | "always" | "reject" | "words";

/** @throws HandrailError `bad-usage` without an answer, and with two */
function chosenOf({ words, once, always, reject, message }: TypedAnswer): Chosen {
  const given = { once, always, reject, words: words.length > 0 };
  const [chosen, ...others] = (Object.keys(given) as Chosen[]).filter((name) => given[name]);
  if (chosen === undefined || others.length > 0) {
    throw new HandrailError("bad-usage", "give one answer: --once, --always, --reject, or words after --", {
      fix: "handrail session reply --help",
    });
  }
  if (message !== undefined && chosen !== "reject") {
    throw new HandrailError("bad-usage", "--message goes with --reject", { fix: '--reject --message "WHY"' });
  }
  return chosen;
}

/** @throws HandrailError `not-found`, `bad-usage` where it is not clear what is answered */
function pick(
  record: SessionRecord,
  pending: readonly Pending[],
  request: string | undefined,
): Pending & { id: string } {
  const wanted = request === undefined ? pending : pending.filter(({ id }) => id === request);
  const [one, ...others] = wanted;
  if (!one) throw nothingWaits(record, request);
  if (others.length > 0) {
    const commands = withReplies(record, pending).map(({ reply }) => reply);
    throw new HandrailError("bad-usage", `session ${record.session_id} waits for ${pending.length} answers`, {
      fix: commands.join("\n       "),
    });
  }
  const { id } = one;
  if (id !== undefined) return { ...one, id };
  throw new HandrailError(
    "server-failed",
    "OpenCode does not say what it asks, so that it cannot be answered",
    {
      fix: `handrail session abort ${record.session_id}`,
    },
  );
}

/** @throws HandrailError `bad-usage` for an answer of the other kind, or too few or too many */
function replyTo(asked: Pending, { words, message }: TypedAnswer, chosen: Chosen): Reply {
  if (chosen === "reject") return { kind: "reject", ...(message === undefined ? {} : { message }) };
  if (asked.kind === "permission") {
    if (chosen !== "words") return { kind: "allow", how: chosen };
    throw new HandrailError("bad-usage", "it waits for a permission, not for words", {
      fix: "--once, --always, or --reject",
    });
  }
  if (chosen !== "words") {
    throw new HandrailError("bad-usage", "it waits for words, not for a permission", {
      fix: '-- "ANSWER", or --reject',
    });
  }
  const questions = asked.questions ?? [{ question: asked.text, options: [] }];
  // One question is answered with a sentence as with a word in quotation marks.
  const given = questions.length === 1 ? [words.join(" ")] : words;
  if (given.length !== questions.length) {
    throw new HandrailError(
      "bad-usage",
      `it asks ${questions.length} questions, and got ${given.length} answers`,
      {
        fix: `-- ${questions.map((_, index) => `"ANSWER ${index + 1}"`).join(" ")}`,
      },
    );
  }
  const answers = questions.map(({ options, multiple }, index) => {
    const text = (given[index] ?? "").trim();
    const parts = text.split(",").map((part) => part.trim());
    return multiple && parts.every((part) => options.includes(part)) ? parts : [text];
  });
  return { kind: "answers", answers };
}

function nothingWaits({ session_id, directory }: SessionRecord, request?: string): HandrailError {
  const what = request === undefined ? "an answer" : `an answer to ${request}`;
  return new HandrailError("not-found", `session ${session_id} does not wait for ${what}`, {
    fix: attachCommand(session_id, directory),
  });
}
