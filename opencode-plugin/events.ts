import type { Hooks } from "@opencode-ai/plugin";
import { messageOf } from "../shared/run/unfinished.ts";
import type { Family } from "./family.ts";
import { questionOf } from "./questions.ts";
import type { Sessions } from "./sessions.ts";

type Event = Parameters<NonNullable<Hooks["event"]>>[0]["event"];

/**
 * Follows what OpenCode says of its sessions, one thing after the other, in the order in which it was said of a
 * session and its sub-agents: what one family has to wait for does not hold up another.
 */
export class Listener {
  readonly #family: Family;
  readonly #sessions: Sessions;
  readonly #report: (error: unknown) => void;
  /** What is still to be dealt with, by root session. */
  readonly #tails = new Map<string, Promise<void>>();

  /** @param report what to do with an error: thrown, it would be a stack on the person's terminal */
  constructor(family: Family, sessions: Sessions, report: (error: unknown) => void) {
    this.#family = family;
    this.#sessions = sessions;
    this.#report = report;
  }

  /** OpenCode does not wait for this (facts, opencode.md): what must not be lost is waited for with `settled`. */
  hear(event: Event): void {
    // At once: the child's first tool call asks for its parent.
    if (event.type === "session.created") {
      this.#family.learn(event.properties.info.id, event.properties.info.parentID);
    }
    const session = sessionOf(event);
    if (session !== undefined) this.#sessions.sign(session);
    if (HEARD.test(event.type)) this.#queue(event, this.#rootOf(session ?? ""));
  }

  /** Everything that was heard so far of a session's family, or of all, has been dealt with. */
  async settled(sessionID?: string): Promise<void> {
    if (sessionID === undefined) await Promise.all(this.#tails.values());
    else await this.#tails.get(this.#rootOf(sessionID));
  }

  #queue(event: Event, root: string): void {
    const before = this.#tails.get(root) ?? Promise.resolve();
    const tail = before
      .then(() => follow(event, this.#sessions))
      .catch(this.#report)
      .then(() => {
        if (this.#tails.get(root) === tail) this.#tails.delete(root);
      });
    this.#tails.set(root, tail);
  }

  #rootOf(session: string): string {
    return this.#family.knownRoot(session) ?? session;
  }
}

/** The session that an event is about: a part's and a delta's are signs of life as well. */
function sessionOf({ type, properties }: Event): string | undefined {
  if (type === "session.deleted") return properties.info.id;
  if ("sessionID" in properties && typeof properties.sessionID === "string") return properties.sessionID;
  const inner = "part" in properties ? properties.part : "info" in properties ? properties.info : undefined;
  const named =
    typeof inner === "object" && inner !== null && "sessionID" in inner ? inner.sessionID : undefined;
  return typeof named === "string" ? named : undefined;
}

/** The others come with every word that the model says. */
const HEARD = /^(session\.(status|idle|error|deleted)|message\.updated|(permission|question)\.[a-z]+)$/;

async function follow(event: Event, sessions: Sessions): Promise<void> {
  switch (event.type) {
    case "session.status":
      if (event.properties.status.type !== "idle")
        await sessions.busy(event.properties.sessionID, event.properties.status);
      return;
    case "session.idle":
      await sessions.idle(event.properties.sessionID);
      return;
    case "session.deleted":
      await sessions.deleted(event.properties.info.id);
      return;
    case "session.error": {
      const { sessionID, error } = event.properties;
      if (sessionID !== undefined && error)
        await sessions.failed(sessionID, error.name, messageOf(error.data));
      return;
    }
    case "message.updated": {
      const { info } = event.properties;
      if (info.role === "assistant" && info.time.completed !== undefined)
        await sessions.used(info.sessionID, info);
      return;
    }
    default: {
      const question = questionOf(event);
      if (question?.ask) await sessions.asked(question.sessionID, question.request, question.ask);
      else if (question) await sessions.answered(question.sessionID, question.request);
    }
  }
}
