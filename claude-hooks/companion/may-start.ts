import { closeOnce } from "../../shared/run/close-once.ts";
import type { RunRecord } from "../../shared/run/record.ts";
import { takeStart } from "../../shared/serve/start-gate.ts";
import { interrupted, interruptible } from "./interruption.ts";

/**
 * Waits until no other OpenCode starts.
 * @returns lets the next one start
 * @throws HandrailError `interrupted` by Ctrl-C: the run is aborted then
 */
export function mayStart(record: RunRecord): Promise<() => void> {
  return interruptible(async ({ stop }) => {
    const started = await takeStart(process.env, stop);
    if (!stop.aborted) return started;
    started();
    await closeOnce(record, { outcome: "aborted" });
    throw interrupted("OpenCode was started");
  });
}
