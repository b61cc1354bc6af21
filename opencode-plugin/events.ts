import type { Hooks } from "@opencode-ai/plugin";
import type { Family } from "./family.ts";
import type { Sessions } from "./sessions.ts";

type Event = Parameters<NonNullable<Hooks["event"]>>[0]["event"];

/** Follows what OpenCode says of its sessions, one thing after the other, in the order in which it was said. */
export class Listener {
  readonly #family: Family;
  readonly #sessions: Sessions;
  readonly #report: (error: unknown) => void;
  #tail: Promise<void> = Promise.resolve();

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
    } else if (HEARD.has(event.type)) {
      this.#tail = this.#tail.then(() => follow(event, this.#sessions)).catch(this.#report);
    }
  }

  /** Everything that was heard so far has been dealt with. */
  settled(): Promise<void> {
    return this.#tail;
  }
}

const HEARD: ReadonlySet<string> = new Set([
  "session.status",
  "session.idle",
  "session.error",
  "session.deleted",
  "message.updated",
]);

async function follow(event: Event, sessions: Sessions): Promise<void> {
  switch (event.type) {
    case "session.status":
      if (event.properties.status.type !== "idle") await sessions.busy(event.properties.sessionID);
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
    default:
  }
}

function messageOf(data: unknown): string {
  const message = typeof data === "object" && data !== null && "message" in data ? data.message : undefined;
  return typeof message === "string" ? message.slice(0, 500) : "";
}
