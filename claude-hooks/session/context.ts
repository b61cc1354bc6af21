import type { Claimed } from "../../shared/callback/inbox.ts";
import { callbackText } from "../../shared/callback/text.ts";
import { quote } from "../../shared/scope/quote.ts";

/** Claude Code keeps a hook's context short; what is left comes with the next hook. */
export const MOST_AT_ONCE = 5;

/** What Claude is told of claimed callbacks. @returns undefined when there is nothing to tell */
export function callbackContext(claimed: Claimed): string | undefined {
  const texts = [
    ...claimed.callbacks.map(callbackText),
    ...claimed.unreadable.map(
      (file) => `Handrail: a callback could not be read; it is kept as ${quote(file)}.`,
    ),
  ];
  return texts.length === 0 ? undefined : texts.join("\n\n");
}
