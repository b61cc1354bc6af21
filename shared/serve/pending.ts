import * as z from "zod/mini";
import { HandrailError } from "../errors.ts";
import { readEvents } from "../run/events.ts";
import type { RunRecord } from "../run/record.ts";
import { ask, askFor, type Server } from "./client.ts";

const permissionSchema = z.object({
  id: z.string(),
  sessionID: z.string(),
  permission: z.string(),
  patterns: z.array(z.string()),
});
const questionSchema = z.object({
  id: z.string(),
  sessionID: z.string(),
  questions: z.array(
    z.object({
      question: z.string(),
      options: z._default(z.array(z.looseObject({ label: z.string() })), []),
      multiple: z.optional(z.boolean()),
    }),
  ),
});

/** Something that only a person can answer, and until then the session waits. */
export interface Pending {
  /** OpenCode's id of the request, where it is known. */
  id?: string;
  session_id: string;
  kind: "permission" | "question";
  /** The executor's words: not to be trusted. */
  text: string;
  /** Of a question that OpenCode could list: its parts, with the answers that it offers. */
  questions?: AskedQuestion[];
}

export interface AskedQuestion {
  question: string;
  options: string[];
  /** Several of the options may be chosen. */
  multiple?: boolean;
}

/** An answer to what is pending. */
export type Reply =
  /** `always`: OpenCode asks no more for the like, as it understands that. */
  | { kind: "allow"; how: "once" | "always" }
  | { kind: "reject"; message?: string }
  /** For each question what was chosen, or written. */
  | { kind: "answers"; answers: string[][] };

/**
 * What a session waits for, oldest first, as OpenCode lists it; where it cannot, as Handrail's plugin has heard it.
 * @param family the session and its sub-agents
 */
export async function pendingOf(
  server: Server,
  sessionId: string,
  family: readonly string[],
  run: RunRecord | undefined,
): Promise<Pending[]> {
  return (await listedPending(server, family)) ?? pendingOnRecord(sessionId, run);
}

/**
 * @returns undefined when the server cannot list it: one request whose description it cannot encode is enough
 *   (1.18.33, measured: webfetch without a timeout)
 */
async function listedPending(server: Server, family: readonly string[]): Promise<Pending[] | undefined> {
  const [permissions, questions] = await Promise.all([
    listed(askFor("list its requests", server.client.permission.list(), z.array(permissionSchema))),
    listed(askFor("list its questions", server.client.question.list(), z.array(questionSchema))),
  ]);
  const all: Pending[] = [
    ...(permissions ?? []).map(({ id, sessionID, permission, patterns }) => ({
      id,
      session_id: sessionID,
      kind: "permission" as const,
      text: `may it use ${permission} on ${patterns.join(", ")}?`,
    })),
    ...(questions ?? []).map((one) => ({
      id: one.id,
      session_id: one.sessionID,
      kind: "question" as const,
      text: one.questions.map(({ question }) => question).join(" "),
      questions: one.questions.map(({ question, options, multiple }) => ({
        question,
        options: options.map(({ label }) => label),
        ...(multiple ? { multiple } : {}),
      })),
    })),
  ];
  const own = all.filter(({ session_id }) => family.includes(session_id));
  return own.length > 0 || (permissions && questions) ? own : undefined;
}

async function listed<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (error instanceof HandrailError && error.code === "server-failed") return undefined;
    throw error;
  }
}

/** What the plugin has heard that nobody has answered yet. */
function pendingOnRecord(session_id: string, run: RunRecord | undefined): Pending[] {
  if (!run) return [{ session_id, kind: "permission", text: "OpenCode cannot say what it asks" }];
  const open = new Map<string, Pending>();
  for (const event of readEvents(run.root, run.run_id)) {
    if (event.turn !== run.turn) continue;
    if (event.type === "answered") open.delete(event.request);
    if (event.type !== "asked") continue;
    const kind = event.about === "question" ? "question" : "permission";
    const text =
      kind === "question" ? event.words : `may it use ${event.subject ?? "a tool"} on ${event.words}?`;
    open.set(event.request, { id: event.request, session_id, kind, text });
  }
  return [...open.values()];
}

const taken = z.unknown();

/**
 * Answers what a session waits for; it goes on then. What it does with a permission Handrail still holds to the task.
 * @param id OpenCode's id of the request
 * @throws HandrailError `not-found` when it does not wait for that any more, `server-failed`
 */
export async function answerPending(
  server: Server,
  { id, kind }: { id: string; kind: Pending["kind"] },
  reply: Reply,
): Promise<void> {
  const { permission, question } = server.client;
  const requestID = id;
  const request =
    reply.kind === "answers"
      ? question.reply({ requestID, answers: reply.answers })
      : reply.kind === "allow"
        ? permission.reply({ requestID, reply: reply.how })
        : kind === "question"
          ? question.reject({ requestID })
          : permission.reply({
              requestID,
              reply: "reject",
              ...(reply.message ? { message: reply.message } : {}),
            });
  if ((await ask("take an answer", request, taken)) !== undefined) return;
  throw new HandrailError("not-found", `OpenCode waits for no answer to ${id} any more`, {
    fix: "handrail session list",
  });
}
