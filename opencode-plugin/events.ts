import type { Hooks } from "@opencode-ai/plugin";
import type { Family } from "./family.ts";
import type { Sessions } from "./sessions.ts";

type Event = Parameters<NonNullable<Hooks["event"]>>[0]["event"];

/**
 * Follows what OpenCode says of its sessions. OpenCode does not wait for this (facts, opencode.md):
 * what must not be lost is waited for in `dispose`.
 */
export async function listen(event: Event, family: Family, sessions: Sessions): Promise<void> {
  switch (event.type) {
    case "session.created":
      family.learn(event.properties.info.id, event.properties.info.parentID);
      return;
    case "session.status":
      if (event.properties.status.type !== "idle") await sessions.busy(event.properties.sessionID);
      return;
    case "session.idle":
      await sessions.idle(event.properties.sessionID);
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
