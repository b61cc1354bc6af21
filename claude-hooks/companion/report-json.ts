import type { Report } from "../../shared/callback/payload.ts";

/** Every field of the contract (design, section 6); null for what is not known. */
export function reportJson(report: Report) {
  return { ...NOT_KNOWN, ...report };
}

const NOT_KNOWN = { verdict: null, envelope: null, usage: null, session: null };
