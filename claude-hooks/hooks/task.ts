import * as z from "zod/mini";
import { answer, eventSchema, readEvent, runHook } from "../event.ts";
import { describeTask } from "../task/describe.ts";
import { taskFilesWritten } from "../task/written.ts";

const schema = z.extend(eventSchema, {
  tool_name: z.string(),
  tool_input: z.looseObject({ file_path: z.optional(z.string()), command: z.optional(z.string()) }),
  duration_ms: z.optional(z.number()),
});

/** PostToolUse: a task file was written. Captures its baseline and says what will hold, and what is only advice. */
runHook("task", async () => {
  const event = readEvent(schema);
  const texts: string[] = [];
  for (const file of taskFilesWritten(event)) texts.push(await describeTask(file));
  if (texts.length > 0) await answer(event.hook_event_name, { additionalContext: texts.join("\n") });
});
