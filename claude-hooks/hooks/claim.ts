import * as z from "zod/mini";
import { claimAll } from "../../shared/callback/inbox.ts";
import { faultPoint } from "../../shared/fault.ts";
import { answer, eventSchema, readEvent, runHook } from "../event.ts";
import { tell } from "../session/context.ts";
import { inboxesOf } from "../session/inboxes.ts";
import { pluginData } from "../session/place.ts";

/** What a tool has answered: of a command its output, `error` after one that failed. */
const schema = z.extend(eventSchema, {
  tool_response: z.optional(z.unknown()),
  error: z.optional(z.string()),
});
const commandSchema = z.looseObject({ stdout: z.string() });

/** UserPromptSubmit, PostToolUse (Bash, the bridge's tools) and Stop: claims what waits and tells it; Stop's words go on with the turn. */
runHook("claim", async () => {
  const event = readEvent(schema);
  // A sub-agent's words are not the conversation's: what waits is for the session itself.
  if (event.agent_id !== undefined) return;
  const inboxes = inboxesOf(pluginData(process.env), event.session_id);
  const claimed = claimAll(inboxes, { transcript: event.transcript_path });
  const { context, marker } = tell(claimed, printed(event));
  if (context !== undefined) await answer(event.hook_event_name, { additionalContext: context });
  faultPoint("text-printed");
  claimed.told(event.session_id, marker);
});

function printed({ tool_response: response, error }: z.infer<typeof schema>): string | undefined {
  const command = commandSchema.safeParse(response);
  if (command.success) return command.data.stdout;
  return response === undefined ? error : JSON.stringify(response);
}
