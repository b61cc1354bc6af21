import { readFileSync } from "node:fs";
import type { Claimed } from "../../shared/callback/inbox.ts";
import { callbackText } from "../../shared/callback/text.ts";
import { quote } from "../../shared/scope/quote.ts";

/** Claude Code keeps a hook's context short; what is left comes with the next hook. */
export const MOST_AT_ONCE = 5;

/**
 * What Claude is told of claimed callbacks.
 * @param printed what the tool that just ended has answered: `handrail run`, and `opencode_execute_task` with
 *   `wait`, end with the report itself, word for word, and then Claude has it already
 * @returns undefined when there is nothing to tell
 */
export function callbackContext(claimed: Claimed, printed = ""): string | undefined {
  const texts = claimed.callbacks.flatMap((payload) => {
    const { callback_id: _, ...report } = payload;
    return holds(printed, callbackText(report)) ? [] : [callbackText(payload)];
  });
  for (const file of claimed.unreadable) {
    texts.push(`Handrail: a callback could not be read; it is kept as ${quote(file)}.`);
  }
  return texts.length === 0 ? undefined : texts.join("\n\n");
}

/** Whether an answer holds a text, as it stands or as JSON, which an MCP tool's answer is, in JSON. */
function holds(printed: string, text: string): boolean {
  const quoted = JSON.stringify(text).slice(1, -1);
  const twice = JSON.stringify(quoted).slice(1, -1);
  return [text, quoted, twice].some((form) => printed.includes(form));
}

/**
 * Whether a session's transcript holds a callback's text: Claude Code writes down what its hooks add
 * (2.1.329: `hook_additional_context`). A transcript that cannot be read holds everything, so that nothing
 * is told twice.
 */
export function inTranscript(path: string): (callbackId: string) => boolean {
  let text: string | undefined;
  return (callbackId) => {
    text ??= readTranscript(path);
    return text === undefined || text.includes(`[${callbackId}]`);
  };
}

function readTranscript(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // none yet, or larger than a string can be
  }
}
