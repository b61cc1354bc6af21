import { HandrailError } from "../../shared/errors.ts";

/** What a person at the terminal wants of work that goes on. */
export interface Interruption {
  /** The first Ctrl-C, or SIGTERM: stop it. */
  stop: AbortSignal;
  /** The second: leave it alone as it is. */
  leave: AbortSignal;
}

/** Hears Ctrl-C and SIGTERM for as long as `work` takes: it ends itself, and leaves nothing behind. */
export async function interruptible<T>(work: (interruption: Interruption) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const leave = new AbortController();
  const heard = () => (stop.signal.aborted ? leave : stop).abort();
  process.on("SIGINT", heard);
  process.on("SIGTERM", heard);
  try {
    return await work({ stop: stop.signal, leave: leave.signal });
  } finally {
    process.off("SIGINT", heard);
    process.off("SIGTERM", heard);
  }
}

/** @param before what it had not come to */
export function interrupted(before: string): HandrailError {
  return new HandrailError("interrupted", `stopped before ${before}`, { fix: "give the command again" });
}
