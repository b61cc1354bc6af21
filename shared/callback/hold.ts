import { randomBytes } from "node:crypto";
import * as z from "zod/mini";
import { claim } from "../lock/claim.ts";
import { identify, isAlive, processIdentitySchema } from "../run/process.ts";
import { parseJson } from "../state/files.ts";

const holderSchema = z.object({
  process: processIdentitySchema,
  /** Two deliveries in one process are two holders. */
  nonce: z.string(),
  /** Milliseconds since 1970, by the holder's clock. */
  at: z.number(),
});

/** Longer than any process goes on delivering one entry (policy: budget and one attempt). */
const MAX_HOLD_MS = 10 * 60_000;

/**
 * Holds an outbox entry while it is delivered and written, against other processes and other deliveries in
 * this one. A holder that was killed holds nothing.
 * @param file the entry's file
 * @returns the release, or undefined while somebody else holds it
 */
export function holdEntry(file: string): (() => void) | undefined {
  const holder = { process: identify(), nonce: randomBytes(6).toString("hex"), at: Date.now() };
  const place = claim(`${file.replace(/\.json$/, "")}.held`, JSON.stringify(holder), holds);
  return place.ok ? place.release : undefined;
}

function holds(holder: string): boolean {
  const parsed = parseJson(holder, holderSchema);
  // A time far away, either way, means a clock that was set or a release that a full disk swallowed: either
  // way it must not hold for ever. Two deliveries side by side are still one: the key is the same.
  return parsed.ok && isAlive(parsed.value.process) && Math.abs(Date.now() - parsed.value.at) < MAX_HOLD_MS;
}
