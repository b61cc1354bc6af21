import { subscribe } from "node:diagnostics_channel";
import { closeSync, openSync } from "node:fs";

/*
 * Named points between the start of a turn and the moment its callback is told, at which a test kills the
 * process: `HANDRAIL_FAULT=<point>`, once for all processes that share the file `HANDRAIL_FAULT_ONCE`.
 *
 * `__HANDRAIL_FAULTS__` is given by the build: false in what is shipped, where nothing of this remains
 * (test/real/package.test.ts looks), true in the builds of the fault tests (test/lab/faults.ts).
 */
declare const __HANDRAIL_FAULTS__: boolean | undefined;

/** In the order in which a turn comes by them, process by process. */
export const FAULT_POINTS = {
  opencode: [
    "run-recorded",
    "turn-running",
    "snapshot-taken",
    "idle-seen",
    "audit-done",
    "outbox-written",
    "inbox-drafted",
    "inbox-renamed",
    "inbox-noted",
    "run-ended",
    "deliverer-started",
  ],
  deliverer: ["deliverer-runs", "entry-held", "request-sent", "answer-received", "target-marked"],
  hook: ["claim-noted", "claimed", "text-printed", "told-marked"],
} as const;
export type FaultPoint = (typeof FAULT_POINTS)[keyof typeof FAULT_POINTS][number];

const ON = typeof __HANDRAIL_FAULTS__ !== "undefined" && __HANDRAIL_FAULTS__;

/** What a process that is started by another must be given of its environment, for its own points. */
export const FAULT_VARIABLES: readonly string[] = ON ? ["HANDRAIL_FAULT", "HANDRAIL_FAULT_ONCE"] : [];

// Read now: the plugin takes Handrail's variables out of the environment.
const wanted = FAULT_VARIABLES.map((name) => process.env[name]);

/** Ends this process here with SIGKILL, where a test has asked for it; nothing at all in a shipped build. */
export function faultPoint(point: FaultPoint): void {
  if (ON) strike(point);
}

/** The point `request-sent`: the whole request has left, and no answer has come (undici's own channel). */
export function watchRequests(): void {
  if (ON) subscribe("undici:request:bodySent", () => strike("request-sent"));
}

function strike(point: FaultPoint): void {
  const [at, once] = wanted;
  if (at !== point || once === undefined) return;
  try {
    closeSync(openSync(once, "wx"));
  } catch {
    return; // it has struck
  }
  process.kill(process.pid, "SIGKILL");
}
