import { claimAll } from "../../shared/callback/inbox.ts";
import { answer, eventSchema, readEvent, runHook } from "../event.ts";
import { callbackContext, MOST_AT_ONCE } from "../session/context.ts";
import { inboxesOf } from "../session/inboxes.ts";
import { pluginData } from "../session/place.ts";

/** UserPromptSubmit, PostToolUse (Bash) and Stop: claims what waits and tells it; Stop's words go on with the turn. */
runHook("claim", async () => {
  const event = readEvent(eventSchema);
  // A sub-agent's words are not the conversation's: what waits is for the session itself.
  if (event.agent_id !== undefined) return;
  const claimed = claimAll(inboxesOf(pluginData(process.env), event.session_id), { most: MOST_AT_ONCE });
  const context = callbackContext(claimed);
  if (context === undefined) return;
  await answer(event.hook_event_name, { additionalContext: context });
  claimed.told(event.session_id);
});
