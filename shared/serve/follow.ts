import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod/mini";
import { clientFor, type Server } from "./client.ts";
import { isRunning } from "./entry.ts";

/** What a session is seen to do, for progress: words of the executor, not to be trusted. */
export type SessionEvent =
  | { kind: "tool-started"; session: string; tool: string; title: string }
  | { kind: "tool"; session: string; tool: string; title: string; exit: number | undefined }
  | { kind: "tool-failed"; session: string; tool: string; title: string; error: string }
  | { kind: "tokens"; session: string; total: number }
  | { kind: "error"; session: string; code: string; message: string }
  /** Something that may mean that the session's state has changed. */
  | { kind: "changed"; session: string };

/** How soon a dropped stream is taken up again, in milliseconds. */
const AGAIN_MS = 500;

/**
 * Hears a server's events until the signal, or until the server is gone. A stream that drops is taken up again;
 * what was said in between is lost: nobody may take the stream for the truth.
 */
export async function follow(
  server: Server,
  hear: (event: SessionEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  const client = clientFor(server.entry, undefined);
  const seen = new Set<string>();
  while (!signal.aborted && isRunning(server.entry)) {
    try {
      // The retries of the SDK's own cannot be broken off.
      const { stream } = await client.event.subscribe({}, { signal, sseMaxRetryAttempts: 1 });
      for await (const raw of stream) {
        const event = readEvent(raw, seen);
        if (event) hear(event);
      }
    } catch {
      // Dropped, or not there yet.
    }
    if (!signal.aborted) await sleep(AGAIN_MS, undefined, { signal }).catch(() => undefined);
  }
}

const changed = z.object({
  type: z.enum([
    "session.idle",
    "session.status",
    "permission.asked",
    "permission.replied",
    "question.asked",
    "question.replied",
    "question.rejected",
  ]),
  properties: z.looseObject({ sessionID: z.string() }),
});
const failed = z.object({
  type: z.literal("session.error"),
  properties: z.looseObject({
    sessionID: z.string(),
    error: z.looseObject({
      name: z.string(),
      data: z.optional(z.looseObject({ message: z.optional(z.string()) })),
    }),
  }),
});
const toolPart = z.looseObject({
  type: z.literal("tool"),
  id: z.string(),
  sessionID: z.string(),
  tool: z.string(),
  state: z.looseObject({
    status: z.string(),
    input: z.optional(z.looseObject({ command: z.optional(z.unknown()), filePath: z.optional(z.unknown()) })),
    title: z.optional(z.string()),
    error: z.optional(z.string()),
    metadata: z.optional(z.looseObject({ exit: z.optional(z.nullable(z.number())) })),
  }),
});
const stepPart = z.looseObject({
  type: z.literal("step-finish"),
  id: z.string(),
  sessionID: z.string(),
  tokens: z.looseObject({
    total: z.optional(z.number()),
    input: z.number(),
    output: z.number(),
    reasoning: z.number(),
  }),
});
const updated = z.object({
  type: z.literal("message.part.updated"),
  properties: z.looseObject({ part: z.union([toolPart, stepPart]) }),
});

/** @param seen the parts that were told of already: the server repeats them */
function readEvent(raw: unknown, seen: Set<string>): SessionEvent | undefined {
  const part = updated.safeParse(raw);
  if (part.success) return readPart(part.data.properties.part, seen);
  const error = failed.safeParse(raw);
  if (error.success) {
    const { sessionID, error: cause } = error.data.properties;
    return { kind: "error", session: sessionID, code: cause.name, message: cause.data?.message ?? "" };
  }
  const other = changed.safeParse(raw);
  return other.success ? { kind: "changed", session: other.data.properties.sessionID } : undefined;
}

function readPart(
  part: z.infer<typeof toolPart> | z.infer<typeof stepPart>,
  seen: Set<string>,
): SessionEvent | undefined {
  const started = part.type === "tool" && part.state.status === "running";
  if (part.type === "tool" && !started && part.state.status !== "completed" && part.state.status !== "error")
    return undefined;
  const key = started ? `${part.id} started` : part.id;
  if (seen.has(key)) return undefined;
  seen.add(key);
  const session = part.sessionID;
  if (part.type === "step-finish") {
    const { total, input, output, reasoning } = part.tokens;
    return { kind: "tokens", session, total: total ?? input + output + reasoning };
  }
  const { tool, state } = part;
  const title = state.title ?? "";
  if (started) return { kind: "tool-started", session, tool, title: title || aboutOf(state.input) };
  return state.status === "error"
    ? { kind: "tool-failed", session, tool, title, error: state.error ?? "" }
    : { kind: "tool", session, tool, title, exit: state.metadata?.exit ?? undefined };
}

/** What a call that has no title yet is about. */
function aboutOf(input: z.infer<typeof toolPart>["state"]["input"]): string {
  const { command, filePath } = input ?? {};
  return typeof command === "string" ? command : typeof filePath === "string" ? filePath : "";
}
