import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";
import { type Usage, usageSchema } from "../callback/payload.ts";
import { parseJson, privateDir } from "../state/files.ts";
import { runDir } from "./store.ts";

const stamped = { at: z.string(), turn: z.number() };

/** One line of `events.jsonl`: what happened in a run, in the order in which it did. */
export const runEventSchema = z.discriminatedUnion("type", [
  z.object({ ...stamped, type: z.literal("state"), from: z.optional(z.string()), to: z.string() }),
  z.object({ ...stamped, type: z.literal("turn"), session: z.string() }),
  z.object({
    ...stamped,
    type: z.literal("refusal"),
    code: z.string(),
    path: z.optional(z.string()),
    rule: z.optional(z.string()),
    tool: z.optional(z.string()),
  }),
  z.object({
    ...stamped,
    type: z.literal("shell"),
    callID: z.optional(z.string()),
    confinement: z.string(),
    what: z._default(z.enum(["command", "formatter", "language-servers"]), "command"),
  }),
  /** Tokens of one assistant message; a later line of the same message replaces it. */
  z.object({
    ...stamped,
    type: z.literal("usage"),
    message: z.string(),
    model: z.string(),
    usage: usageSchema,
  }),
  /** Somebody has to answer; the words are the executor's. */
  z.object({
    ...stamped,
    type: z.literal("asked"),
    request: z.string(),
    about: z.string(),
    /** What a permission is for: a tool. */
    subject: z.optional(z.string()),
    words: z.string(),
  }),
  z.object({ ...stamped, type: z.literal("answered"), request: z.string() }),
  /** No sign of life for so long, or `none`: there is one again. */
  z.object({
    ...stamped,
    type: z.literal("stall"),
    level: z.enum(["soft", "hard", "none"]),
    quiet_s: z.number(),
  }),
  /** Somebody who ordered the work was told that it is theirs to decide. */
  z.object({ ...stamped, type: z.literal("escalation"), reason: z.string() }),
  z.object({ ...stamped, type: z.literal("checkpoint"), kind: z.string(), state: z.string() }),
  z.object({ ...stamped, type: z.literal("error"), name: z.string(), message: z.string() }),
]);
export type RunEvent = z.infer<typeof runEventSchema>;

type Unstamped<E> = E extends unknown ? Omit<E, "at" | "turn"> : never;
/** An event as its source knows it; the log adds the time and the turn. */
export type NewRunEvent = Unstamped<RunEvent>;

/** Appends one line (O_APPEND: lines of several processes do not mix). */
export function logEvent(run: { root: string; run_id: string; turn: number }, event: NewRunEvent): void {
  const dir = privateDir(runDir(run.root, run.run_id));
  const line = JSON.stringify({ at: new Date().toISOString(), turn: run.turn, ...event });
  appendFileSync(join(dir, "events.jsonl"), `${line}\n`, { mode: 0o600 });
}

/** All events of a run. A last line that a kill tore off is left out; it never reached its end. */
export function readEvents(root: string, runId: string): RunEvent[] {
  let text: string;
  try {
    text = readFileSync(join(runDir(root, runId), "events.jsonl"), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  return text.split("\n").flatMap((line) => {
    const parsed = line === "" ? undefined : parseJson(line, runEventSchema);
    return parsed?.ok ? [parsed.value] : [];
  });
}

/** The tokens and cost of these events, each message counted once. */
export function sumUsage(events: RunEvent[]): Usage | undefined {
  const byMessage = new Map<string, Usage>();
  for (const event of events) if (event.type === "usage") byMessage.set(event.message, event.usage);
  if (byMessage.size === 0) return undefined;
  const sum: Usage = { input: 0, output: 0, reasoning: 0, cacheRead: 0, cacheWrite: 0 };
  for (const usage of byMessage.values()) {
    sum.input += usage.input;
    sum.output += usage.output;
    sum.reasoning += usage.reasoning;
    sum.cacheRead += usage.cacheRead;
    sum.cacheWrite += usage.cacheWrite;
    if (usage.cost !== undefined) sum.cost = (sum.cost ?? 0) + usage.cost;
  }
  return sum;
}
