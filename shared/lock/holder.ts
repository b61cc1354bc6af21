import { randomBytes } from "node:crypto";
import { identify, isAlive, processIdentitySchema } from "../run/process.ts";
import { parseJson } from "../state/files.ts";

/** Names a caller for a claim: one caller, not one process; two calls in a process race like two processes. */
export function newHolder(): string {
  return JSON.stringify({ ...identify(), nonce: randomBytes(6).toString("hex") });
}

/** Whether the process of a caller, as `newHolder` names it, still runs. */
export function isHolderAlive(holder: string): boolean {
  const parsed = parseJson(holder, processIdentitySchema);
  return parsed.ok && isAlive(parsed.value);
}
