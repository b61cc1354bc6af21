import type { CallbackPayload } from "./payload.ts";

/** What a receiver takes at most: OpenClaw's limit, and the inbox's (facts/protocols: OpenClaw; inbox.ts). */
export const MAX_PAYLOAD_BYTES = 200 * 1024;

const MAX_TEXT = 2_000;
const LISTS = ["changes", "refusals", "quarantine", "validation", "reasons"] as const;

/**
 * Cuts a payload to a size that every receiver takes. Nothing is lost: the run's record has it all, and the
 * payload says what was cut.
 * @param max bytes of its JSON
 */
export function boundPayload(payload: CallbackPayload, max: number = MAX_PAYLOAD_BYTES): CallbackPayload {
  if (size(payload) <= max) return payload;
  let bounded: CallbackPayload = {
    ...payload,
    reasons: payload.reasons.map(clipped),
    validation: payload.validation.map((one) => ({
      ...one,
      command: clipped(one.command),
      ...(one.tail === undefined ? {} : { tail: one.tail.slice(-MAX_TEXT) }),
    })),
    ...(payload.error
      ? { error: { code: payload.error.code, message: clipped(payload.error.message) } }
      : {}),
  };
  while (size(bounded) > max) {
    const longest = LISTS.reduce((a, b) => (size(bounded[b]) > size(bounded[a]) ? b : a));
    if (bounded[longest].length === 0) break;
    bounded = { ...bounded, [longest]: bounded[longest].slice(0, Math.floor(bounded[longest].length / 2)) };
  }
  const cut = LISTS.filter((list) => bounded[list].length < payload[list].length).map(
    (list) => `${list} (${bounded[list].length} of ${payload[list].length})`,
  );
  const note = `too long for a callback, cut here: ${cut.join(", ") || "long texts"}; all of it: handrail show ${payload.run_id}`;
  return { ...bounded, reasons: [...bounded.reasons, note] };
}

function clipped(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}

function size(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}
