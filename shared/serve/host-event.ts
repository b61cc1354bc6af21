import * as z from "zod/mini";
import type { EventKind } from "../run/lifecycle.ts";
import { printable } from "../text/printable.ts";

/** An event of OpenCode's in Handrail's words. `text` is the executor's: cut, escaped, not to be trusted. */
export interface HostEvent {
  kind: EventKind;
  /** OpenCode's own name of it. */
  type: string;
  session?: string;
  /** ISO 8601, UTC; absent where OpenCode does not say. */
  at?: string;
  tool?: string;
  status?: string;
  text?: string;
}

const MAX_TEXT = 200;

const word = z.pipe(
  z.string(),
  z.transform((text: string) => printable(text, MAX_TEXT)),
);
const time = z.optional(z.looseObject({ created: z.optional(z.number()), updated: z.optional(z.number()) }));
const rawSchema = z.looseObject({
  type: z.string().check(z.minLength(1), z.maxLength(200)),
  properties: z._default(
    z.looseObject({
      sessionID: z.optional(z.string()),
      info: z.optional(
        z.looseObject({
          id: z.optional(z.string()),
          sessionID: z.optional(z.string()),
          role: z.optional(word),
          time,
        }),
      ),
      part: z.optional(
        z.looseObject({
          type: z.string(),
          sessionID: z.optional(z.string()),
          tool: z.optional(word),
          state: z.optional(z.looseObject({ status: z.optional(word), title: z.optional(word) })),
        }),
      ),
      status: z.optional(z.looseObject({ type: z.string(), message: z.optional(word) })),
      error: z.optional(
        z.looseObject({
          name: z.optional(word),
          data: z.optional(z.looseObject({ message: z.optional(word) })),
        }),
      ),
      permission: z.optional(word),
      patterns: z.optional(z.array(word)),
      questions: z.optional(z.array(z.looseObject({ question: z.optional(word) }))),
      file: z.optional(word),
    }),
    {},
  ),
});
type Raw = z.infer<typeof rawSchema>;

/**
 * Reads an event of OpenCode's, from its stream or from a file.
 * @returns what it means; kind `unknown` for one that this version does not know, passed on and never guessed
 * @throws nothing: what is no event at all is undefined
 */
export function readHostEvent(raw: unknown): HostEvent | undefined {
  const parsed = rawSchema.safeParse(raw);
  if (!parsed.success) return undefined;
  const { type, properties } = parsed.data;
  const session =
    properties.sessionID ??
    properties.info?.sessionID ??
    properties.part?.sessionID ??
    (type.startsWith("session.") ? properties.info?.id : undefined);
  const { created, updated } = properties.info?.time ?? {};
  const at = timeOf(updated ?? created);
  return {
    ...detail(type, properties),
    type: printable(type, 80),
    ...(session === undefined ? {} : { session: printable(session, 128) }),
    ...(at === undefined ? {} : { at }),
  };
}

function detail(type: string, properties: Raw["properties"]): Omit<HostEvent, "type" | "session" | "at"> {
  const { info, part, status, error } = properties;
  switch (type) {
    case "session.created":
      return { kind: "session_created" };
    case "session.deleted":
      return { kind: "session_deleted" };
    case "session.idle":
      return { kind: "idle" };
    case "session.status":
      return ofStatus(status);
    case "session.error":
      return { kind: "error", ...text(error?.name, error?.data?.message) };
    case "message.updated":
      return { kind: "message", ...(info?.role === undefined ? {} : { status: info.role }) };
    case "message.part.updated":
      return part?.type === "tool"
        ? {
            kind: "tool",
            ...(part.tool === undefined ? {} : { tool: part.tool }),
            ...(part.state?.status === undefined ? {} : { status: part.state.status }),
            ...text(part.state?.title),
          }
        : { kind: "message", status: printable(part?.type ?? "", 40) };
    case "message.part.delta":
    case "message.removed":
    case "message.part.removed":
      return { kind: "message" };
    case "permission.asked":
      return { kind: "permission_asked", ...text(properties.permission, properties.patterns?.join(", ")) };
    case "permission.replied":
      return { kind: "permission_replied" };
    case "question.asked":
      return { kind: "question_asked", ...text(properties.questions?.map((one) => one.question).join(" ")) };
    case "question.replied":
    case "question.rejected":
      return { kind: "question_replied" };
    case "file.edited":
      return { kind: "file_edited", ...text(properties.file) };
    default:
      return { kind: "unknown" };
  }
}

function ofStatus(status: Raw["properties"]["status"]): Omit<HostEvent, "type"> {
  if (status?.type === "busy") return { kind: "busy" };
  if (status?.type === "idle") return { kind: "idle" };
  if (status?.type === "retry") return { kind: "retrying", ...text(status.message) };
  return { kind: "unknown" };
}

function text(...parts: (string | undefined)[]): { text?: string } {
  const said = parts.filter(Boolean).join(": ");
  return said === "" ? {} : { text: printable(said, MAX_TEXT) };
}

function timeOf(milliseconds: number | undefined): string | undefined {
  if (milliseconds === undefined || !Number.isFinite(milliseconds)) return undefined;
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}
