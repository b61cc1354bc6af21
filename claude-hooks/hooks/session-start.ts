import { appendFileSync } from "node:fs";
import * as z from "zod/mini";
import { claimAll } from "../../shared/callback/inbox.ts";
import { answer, eventSchema, readEvent, runHook } from "../event.ts";
import { callbackContext, MOST_AT_ONCE } from "../session/context.ts";
import { sessionExports } from "../session/exports.ts";
import { openInboxes } from "../session/inboxes.ts";
import { pluginData } from "../session/place.ts";

const schema = z.extend(eventSchema, { source: z.string() });

/** SessionStart: makes the session's inbox, has it watched, arms its commands, and tells what waits. */
runHook("session start", async () => {
  const event = await readEvent(schema);
  const pid = Number(process.env.CLAUDE_PID);
  const inboxes = openInboxes({
    sessionId: event.session_id,
    source: event.source,
    dataDir: pluginData(process.env),
    pid: Number.isSafeInteger(pid) && pid > 0 ? pid : undefined,
  });
  const exports = process.env.CLAUDE_ENV_FILE;
  if (exports && inboxes[0]) appendFileSync(exports, sessionExports(event.session_id, inboxes[0]));
  const claimed = claimAll(inboxes, { most: MOST_AT_ONCE });
  const context = callbackContext(claimed);
  await answer("SessionStart", {
    watchPaths: inboxes,
    ...(context === undefined ? {} : { additionalContext: context }),
  });
  claimed.told();
});
