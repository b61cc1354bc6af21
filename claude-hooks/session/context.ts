import { digestText, needsLook } from "../../shared/callback/digest.ts";
import type { Claimed } from "../../shared/callback/inbox.ts";
import type { CallbackPayload } from "../../shared/callback/payload.ts";
import { callbackText } from "../../shared/callback/text.ts";
import { quote } from "../../shared/scope/quote.ts";

/** So many are told in full; of more than that the first ones, and the others in one text. */
const IN_FULL = 5;
const FIRST = 4;

/** What Claude is told, and by which words its conversation can be asked about a callback later. */
export interface Telling {
  /** undefined when there is nothing to tell. */
  context: string | undefined;
  marker(id: string): string | undefined;
}

/**
 * What Claude is told of claimed callbacks, however many: what needs a look first, in full, the rest as one
 * text.
 * @param printed what the tool that just ended has answered: `handrail run`, and `opencode_execute_task` with
 *   `wait`, end with the report itself, word for word, and then Claude has it already
 */
export function tell(claimed: Claimed, printed = ""): Telling {
  const news = claimed.callbacks.filter((one) => !isOver(one, claimed.callbacks) && !isOn(printed, one));
  const sorted = [...news.filter(needsLook), ...news.filter((one) => !needsLook(one))];
  const full = sorted.slice(0, sorted.length > IN_FULL ? FIRST : IN_FULL);
  const rest = sorted.slice(full.length);
  const texts = [
    ...full.map((one) => callbackText(one)),
    ...(rest.length > 0 ? [digestText(rest, claimed.marker)] : []),
    ...unreadable(claimed.unreadable),
  ];
  const markers = new Map([
    ...full.map(({ callback_id: id }) => [id, `[${id}]`] as const),
    ...rest.map(({ callback_id: id }) => [id, claimed.marker] as const),
  ]);
  return {
    context: texts.length === 0 ? undefined : texts.join("\n\n"),
    marker: (id) => markers.get(id),
  };
}

/** A note of a turn whose callback is here, too. */
function isOver(one: CallbackPayload, all: readonly CallbackPayload[]): boolean {
  const { kind, run_id, turn } = one;
  return (
    kind === "note" && all.some((end) => end.kind === "end" && end.run_id === run_id && end.turn === turn)
  );
}

function isOn(printed: string, { callback_id: _, ...report }: CallbackPayload): boolean {
  return printed !== "" && holds(printed, callbackText(report));
}

/** Whether an answer holds a text, as it stands or as JSON, which an MCP tool's answer is, in JSON. */
function holds(printed: string, text: string): boolean {
  const quoted = JSON.stringify(text).slice(1, -1);
  const twice = JSON.stringify(quoted).slice(1, -1);
  return [text, quoted, twice].some((form) => printed.includes(form));
}

function unreadable(files: readonly string[]): string[] {
  const [first] = files;
  if (first === undefined) return [];
  const more = files.length > 1 ? `, and ${files.length - 1} more beside it` : "";
  return [`Handrail: a callback could not be read; it is kept as ${quote(first)}${more}.`];
}
