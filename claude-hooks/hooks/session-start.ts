import { appendFileSync } from "node:fs";
import * as z from "zod/mini";
import { bringBackLost } from "../../shared/callback/claimed.ts";
import { conversationIn } from "../../shared/callback/conversation.ts";
import { claimAll } from "../../shared/callback/inbox.ts";
import { faultPoint } from "../../shared/fault.ts";
import { answer, eventSchema, readEvent, runHook } from "../event.ts";
import { tell } from "../session/context.ts";
import { sessionExports } from "../session/exports.ts";
import { markArmed, openInboxes } from "../session/inboxes.ts";
import { pluginData } from "../session/place.ts";

const schema = z.extend(eventSchema, { source: z.string() });

/** SessionStart: makes the session's inbox, has it watched, arms its commands, and tells what waits. */
runHook("session start", async () => {
  const event = readEvent(schema);
  const { CLAUDE_ENV_FILE: exports, CLAUDE_PID } = process.env;
  const pid = Number(CLAUDE_PID);
  const dataDir = pluginData(process.env);
  const sessionId = event.session_id;
  const inboxes = openInboxes({
    sessionId,
    source: event.source,
    dataDir,
    directory: event.cwd,
    pid: Number.isSafeInteger(pid) && pid > 0 ? pid : undefined,
  });
  if (exports && inboxes[0]) {
    appendFileSync(exports, sessionExports(sessionId, inboxes[0]));
    markArmed(dataDir, sessionId);
  }
  if (event.source === "resume" && event.transcript_path) {
    const holds = conversationIn(event.transcript_path);
    for (const inbox of inboxes) bringBackLost(inbox, sessionId, holds);
  }
  const claimed = claimAll(inboxes, { transcript: event.transcript_path });
  const { context, marker } = tell(claimed);
  await answer("SessionStart", {
    watchPaths: inboxes,
    ...(context === undefined ? {} : { additionalContext: context }),
  });
  faultPoint("text-printed");
  claimed.told(sessionId, marker);
});
