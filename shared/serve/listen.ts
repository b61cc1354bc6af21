import { clientFor, type Server } from "./client.ts";
import { type HostEvent, readHostEvent } from "./host-event.ts";

/**
 * Hears what a server says of some sessions, until the signal or until the stream drops. What was said before
 * and meanwhile is not repeated: for looking at, never the truth of what a turn came to.
 * @param about tells whether a session is one of them
 */
export async function* listen(
  server: Server,
  about: (session: string) => boolean,
  signal: AbortSignal,
): AsyncGenerator<HostEvent> {
  const client = clientFor(server.entry, undefined);
  // The retries of the SDK's own cannot be broken off.
  const { stream } = await client.event.subscribe({}, { signal, sseMaxRetryAttempts: 1 });
  for await (const raw of stream) {
    const event = readHostEvent(raw);
    if (event?.session !== undefined && about(event.session)) yield event;
  }
}
