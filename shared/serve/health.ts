import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod/mini";
import { ask, clientFor } from "./client.ts";
import type { ServerEntry } from "./entry.ts";

const healthSchema = z.object({ healthy: z.literal(true), version: z.string() });
/** One try; a request that is sent while the server starts may hang for minutes (facts, opencode.md). */
const TRY_MS = 2000;

/**
 * Asks `GET /global/health`, again and again.
 * @param withinMs how long to go on
 * @param alive whether it is worth going on
 * @returns OpenCode's version; undefined when it gave no good answer in time
 */
export async function healthOf(
  entry: Pick<ServerEntry, "url" | "directory" | "password">,
  withinMs: number,
  alive: () => boolean = () => true,
): Promise<string | undefined> {
  const end = Date.now() + withinMs;
  const client = clientFor(entry, TRY_MS);
  do {
    try {
      const health = await ask("tell its health", client.global.health(), healthSchema);
      if (health) return health.version;
    } catch {
      // Not up yet, or too busy to answer: what counts is whether it does in the end.
    }
    await sleep(100);
  } while (Date.now() < end && alive());
  return undefined;
}
