import { spawn } from "node:child_process";
import { FAULT_VARIABLES } from "../fault.ts";
import { ownProgram } from "../serve/own-program.ts";
import { stateDir } from "../state/place.ts";
import { callerOf, isGone } from "./caller.ts";
import { waitsIn } from "./inbox.ts";
import { listOutbox } from "./outbox.ts";
import { DELIVERY, untilDue } from "./policy.ts";
import { only, RESUME_NEEDS, RESUME_VARIABLE } from "./resume-options.ts";
import { readTarget, resolveTarget, type Target } from "./target.ts";

/** What the deliverer needs of the environment besides where the state is: whom to call, and how to reach them. */
const NEEDED = [
  "HANDRAIL_CALLBACK_URL",
  "HANDRAIL_CALLBACK_TOKEN",
  "OPENCODE_SERVER_PASSWORD", // to be taken out of texts, never to be sent
  "NODE_EXTRA_CA_CERTS",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "SystemRoot",
  ...FAULT_VARIABLES,
];

/** Whether there is something in the outbox that a process with this environment could deliver now. */
export function hasDue(root: string, env: NodeJS.ProcessEnv): boolean {
  const now = Date.now();
  return listOutbox(root).some(({ payload, targets }) =>
    targets.some(
      (target) =>
        target.state === "pending" &&
        untilDue(target.next_attempt, now, DELIVERY) === 0 &&
        isDeliverable(target, payload.callback_id, env),
    ),
  );
}

function isDeliverable(target: Target, callbackId: string, env: NodeJS.ProcessEnv): boolean {
  const known = readTarget(target.target);
  if (known?.kind === "inbox") return true;
  // Taken by now, or there for a session that nobody has open.
  if (known?.kind === "resume") return !waitsIn(known.place, callbackId) || isGone(callerOf(known.place));
  return resolveTarget(target, env).ok;
}

/**
 * Starts a process that delivers what is due and outlives this one; OpenCode leaves 10 ms after it is idle
 * (facts, opencode.md). Cheap when there is nothing to deliver; safe to call at any time and by everybody.
 * @param env where the address and the token are; only what delivery needs is passed on
 * @returns whether one was started; never throws for a process that cannot be started
 */
export function startFlusher(root: string, env: NodeJS.ProcessEnv): boolean {
  if (!hasDue(root, env)) return false;
  // A session that is resumed needs more; without the option none is.
  const names = env[RESUME_VARIABLE] ? [...NEEDED, ...RESUME_NEEDS] : NEEDED;
  try {
    const { command, environment } = ownProgram("flush.mjs");
    const [program = process.execPath, ...args] = command;
    const state = stateDir(env);
    const child = spawn(program, [...args, root], {
      env: { ...only(env, names), ...environment, HANDRAIL_STATE_DIR: state },
      // A folder that stays: the repository may be removed meanwhile.
      cwd: state,
      detached: true,
      stdio: "ignore",
    });
    child.on("error", () => undefined);
    child.unref();
    return true;
  } catch {
    // A machine that can start nothing now: the outbox keeps it for the next process that comes by.
    return false;
  }
}
