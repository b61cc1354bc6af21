import { callerKey } from "../../shared/callback/routing.ts";
import { HandrailError } from "../../shared/errors.ts";
import type { Origin } from "../../shared/run/record.ts";
import type { Bridge } from "./bridge.ts";

interface Given {
  origin_session_key?: string | undefined;
  origin_session_id?: string | undefined;
}

/**
 * Who asks: the session that this server works for, or, for a client that has none (OpenClaw's, for instance),
 * who it says it is. Nobody can name another session where the own one is known.
 * @throws HandrailError `routing`
 */
export function originOf(bridge: Bridge, given: Given): Origin {
  const own = bridge.caller();
  const { origin_session_key: key, origin_session_id: id } = given;
  const known = own.session_id !== undefined || own.session_key !== undefined;
  if (!known) return { ...own, ...(key ? { session_key: key } : {}), ...(id ? { session_id: id } : {}) };
  const other = (key !== undefined && key !== callerKey(own)) || (id !== undefined && id !== own.session_id);
  if (!other) return own;
  throw new HandrailError(
    "routing",
    "a callback goes back to the session that asks, and the one that was named is another",
    { fix: "leave origin_session_key and origin_session_id out" },
  );
}
