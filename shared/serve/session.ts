import * as z from "zod/mini";
import { HandrailError } from "../errors.ts";
import { unfinished } from "../run/unfinished.ts";
import { ask, askFor, type Server } from "./client.ts";

const sessionSchema = z.object({
  id: z.string(),
  directory: z.string(),
  title: z.optional(z.string()),
  parentID: z.optional(z.string()),
  time: z.object({ created: z.number(), updated: z.number() }),
});
export type Session = z.infer<typeof sessionSchema>;

const statusesSchema = z.record(z.string(), z.looseObject({ type: z.string() }));
const errorSchema = z.looseObject({
  name: z.string(),
  data: z.optional(z.looseObject({ message: z.optional(z.string()) })),
});
const messageSchema = z.object({
  info: z.looseObject({
    id: z.string(),
    role: z.enum(["user", "assistant"]),
    time: z.object({ created: z.number(), completed: z.optional(z.number()) }),
    error: z.optional(errorSchema),
    finish: z.optional(z.string()),
    structured: z.optional(z.unknown()),
  }),
  parts: z.array(
    z.looseObject({
      type: z.string(),
      text: z.optional(z.string()),
      synthetic: z.optional(z.boolean()),
      ignored: z.optional(z.boolean()),
    }),
  ),
});
export type Message = z.infer<typeof messageSchema>;

export interface NewSession {
  title: string;
  /** Names `provider/model`. */
  model?: string | undefined;
  agent?: string | undefined;
}

/**
 * Creates a session and makes sure that it is bound to this project.
 * @throws HandrailError `wrong-directory` when the server gave it another folder (it is deleted then), `server-failed`
 */
export async function createSession(server: Server, { title }: NewSession): Promise<Session> {
  const session = await askFor("create a session", server.client.session.create({ title }), sessionSchema);
  if (session.directory === server.entry.directory) return session;
  await server.client.session.delete({ sessionID: session.id });
  throw wrongDirectory(session, server);
}

/**
 * @returns the session, or undefined when the server does not know it
 * @throws HandrailError `wrong-directory` for a session of another folder, `server-failed`
 */
export async function findSession(server: Server, sessionId: string): Promise<Session | undefined> {
  const session = await ask(
    "tell of a session",
    server.client.session.get({ sessionID: sessionId }),
    sessionSchema,
  );
  if (session && session.directory !== server.entry.directory) throw wrongDirectory(session, server);
  return session;
}

/**
 * Checks that the server has a model and an agent: a prompt that names one it lacks would be dropped without
 * an answer (1.18.33, measured).
 * @throws HandrailError `bad-usage`
 */
export async function checkChoice(
  server: Server,
  { model, agent }: Pick<NewSession, "model" | "agent">,
): Promise<void> {
  if (agent !== undefined) {
    const agents = await askFor("list its agents", server.client.app.agents(), agentsSchema);
    const names = agents.filter((one) => one.mode !== "subagent" && !one.hidden).map((one) => one.name);
    if (!names.includes(agent)) {
      throw new HandrailError(
        "bad-usage",
        `OpenCode has no agent ${JSON.stringify(agent)} that can be prompted; it has ${names.join(", ")}`,
        { fix: "opencode agent list" },
      );
    }
  }
  if (model !== undefined) {
    const { providerID, modelID } = splitModel(model);
    const { providers } = await askFor(
      "list its models",
      server.client.config.providers(),
      z.object({
        providers: z.array(z.object({ id: z.string(), models: z.record(z.string(), z.unknown()) })),
      }),
    );
    const known = providers.find((provider) => provider.id === providerID);
    if (!known || !Object.hasOwn(known.models, modelID)) {
      throw new HandrailError("bad-usage", `OpenCode has no model ${JSON.stringify(model)}`, {
        fix: "opencode models",
      });
    }
  }
}

const agentsSchema = z.array(
  z.object({ name: z.string(), mode: z.optional(z.string()), hidden: z.optional(z.boolean()) }),
);

/** Sends a prompt and does not wait for what comes of it. */
export async function sendPrompt(
  server: Server,
  sessionId: string,
  prompt: { text: string } & Pick<NewSession, "model" | "agent">,
): Promise<void> {
  const request = server.client.session.promptAsync({
    sessionID: sessionId,
    parts: [{ type: "text", text: prompt.text }],
    ...(prompt.agent === undefined ? {} : { agent: prompt.agent }),
    ...(prompt.model === undefined ? {} : { model: splitModel(prompt.model) }),
  });
  await askFor("take a prompt", request, z.unknown());
}

/** Asks a session to stop; one that does not work is left as it is. */
export async function abortSession(server: Server, sessionId: string): Promise<void> {
  await ask("stop a session", server.client.session.abort({ sessionID: sessionId }), z.unknown());
}

/** The sessions that work now. */
export async function busySessions(server: Server): Promise<string[]> {
  const statuses = await askFor("tell what it does", server.client.session.status(), statusesSchema);
  return Object.entries(statuses)
    .filter(([, status]) => status.type !== "idle")
    .map(([id]) => id);
}

/** A session with all those that it has started, itself first. */
export async function familyOf(server: Server, sessionId: string): Promise<string[]> {
  const children = await ask(
    "list a session's children",
    server.client.session.children({ sessionID: sessionId }),
    z.array(z.object({ id: z.string() })),
  );
  const below = await Promise.all((children ?? []).map(({ id }) => familyOf(server, id)));
  return [sessionId, ...below.flat()];
}

/** The newest messages of a session, oldest first. @returns undefined when the server does not know it */
export function messagesOf(server: Server, sessionId: string, limit: number): Promise<Message[] | undefined> {
  return ask(
    "show a session's messages",
    server.client.session.messages({ sessionID: sessionId, limit }),
    z.array(messageSchema),
  );
}

/** What the executor said last, since the last prompt; untrusted. Undefined when it has said nothing. */
export function lastAnswer(messages: readonly Message[]): string | undefined {
  const asked = messages.findLastIndex(({ info }) => info.role === "user");
  const said = messages.slice(asked + 1).findLast((message) => textOf(message) !== "");
  return said && textOf(said);
}

/** Why the last prompt has not been worked on to the end; undefined when it has. */
export function lastProblem(messages: readonly Message[]): { code: string; message: string } | undefined {
  const last = messages.at(-1)?.info;
  return unfinished(last?.role === "assistant" ? last : undefined);
}

function textOf({ parts }: Message): string {
  return parts
    .flatMap((part) => (part.type === "text" && !part.synthetic && !part.ignored ? [part.text ?? ""] : []))
    .join("\n")
    .trim();
}

/** @param model `provider/model`; the model's own name may hold slashes, too */
export function splitModel(model: string): { providerID: string; modelID: string } {
  const at = model.indexOf("/");
  return { providerID: model.slice(0, at), modelID: model.slice(at + 1) };
}

function wrongDirectory(session: Session, server: Server): HandrailError {
  return new HandrailError(
    "wrong-directory",
    `session ${session.id} belongs to ${session.directory}, not to ${server.entry.directory}`,
    { fix: `--directory ${session.directory}` },
  );
}
