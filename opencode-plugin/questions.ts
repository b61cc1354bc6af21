import * as z from "zod/mini";

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

/** What somebody is asked. The words are the executor's. */
export interface Ask {
  about: "permission" | "question";
  /** What a permission is for: a tool. */
  subject?: string;
  words: string;
}

/** That somebody is asked, or without `ask` that he has answered. */
export interface QuestionEvent {
  sessionID: string;
  /** OpenCode's id of the request. */
  request: string;
  ask?: Ask;
}

/**
 * Reads OpenCode's questions to a person: permissions that its own settings ask for, and the model's.
 * @param event any event @returns undefined for any other event
 */
export function questionOf(event: unknown): QuestionEvent | undefined {
  const parsed = askedSchema.safeParse(event);
  if (!parsed.success) return undefined;
  const { properties } = parsed.data;
  const { sessionID } = properties;
  if ("requestID" in properties) return { sessionID, request: properties.requestID };
  const ask: Ask =
    "permission" in properties
      ? { about: "permission", subject: properties.permission, words: capped(properties.patterns) }
      : { about: "question", words: capped(properties.questions.map(({ question }) => question)) };
  return { sessionID, request: properties.id, ask };
}

function capped(words: readonly string[]): string {
  return words.join(", ").slice(0, MOST_WORDS);
}
