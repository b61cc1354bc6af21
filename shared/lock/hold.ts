import { HEARTBEAT_MS } from "./lease.ts";
import { renew } from "./store.ts";

/** Keeps a lease alive while this process works for its run. @returns ends that; the lease stays */
export function keepLease(dir: string, runId: string): () => void {
  const timer = setInterval(() => {
    // A lease that was given back or taken over is noticed by the guard, at the next write.
    if (!renew(dir, runId)) clearInterval(timer);
  }, HEARTBEAT_MS);
  // It must not keep the process from ending.
  timer.unref();
  return () => clearInterval(timer);
}
