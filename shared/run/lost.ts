import { isAlive } from "./process.ts";
import type { RunRecord } from "./record.ts";
import { unclosed } from "./store.ts";

/** A run that was recorded but that no process took up within this time is lost, in milliseconds. */
const TAKE_UP_MS = 120_000;

/**
 * Whether nobody works for an open run any more: its process is gone, or its turn has ended and could not
 * be closed.
 */
export function isLost(record: RunRecord): boolean {
  if (record.executor) return !isAlive(record.executor) || unclosed(record) !== undefined;
  // Far away either way: the clock may have been set since.
  return Math.abs(Date.now() - Date.parse(record.created)) > TAKE_UP_MS;
}
