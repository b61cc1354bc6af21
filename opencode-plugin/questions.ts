import * as z from "zod/mini";
import type { Sessions } from "./sessions.ts";

const MOST_WORDS = 300;

// Measured with 1.18.33; the published types of the plugin lack them.
const askedSchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("permission.asked"),
    properties: z.object({
      id: z.string(),
      sessionID: z.string(),
      permission: z.string(),
      patterns: z.array(z.string()),
    }),
  }),
  z.object({
    type: z.literal("question.asked"),
    properties: z.object({
      id: z.string(),
      sessionID: z.string(),
      questions: z.array(z.object({ question: z.string() })),
    }),
  }),
  ...(["permission.replied", "question.replied", "question.rejected"] as const).map((type) =>
    z.object({
      type: z.literal(type),
      properties: z.object({ sessionID: z.string(), requestID: z.string() }),
    }),
  ),
]);

/**
 * Follows OpenCode's questions to a person: permissions that its own settings ask for, and the model's.
 * @param event any event @returns whether it was one of these
 */
export function questionOf(event: unknown): ((sessions: Sessions) => Promise<void>) | undefined {
  const parsed = askedSchema.safeParse(event);
  if (!parsed.success) return undefined;
  const { properties } = parsed.data;
  if ("requestID" in properties) {
    return (sessions) => sessions.answered(properties.sessionID, properties.requestID);
  }
  const words =
    "permission" in properties
      ? `may it use ${properties.permission} on ${quoted(properties.patterns)}?`
      : quoted(properties.questions.map(({ question }) => question));
  return (sessions) => sessions.asked(properties.sessionID, properties.id, words);
}

/** The executor's words, so that they cannot be taken for Handrail's. */
function quoted(words: readonly string[]): string {
  return JSON.stringify(words.join(", ").slice(0, MOST_WORDS));
}
