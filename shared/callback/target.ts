import * as z from "zod/mini";
import { HandrailError } from "../errors.ts";
import { percentDecoded, publicUrl } from "./redact.ts";

/**
 * Where a callback goes, as it is stored: never a secret. What cannot be stored is named in `env` and
 * has to be in the environment of whoever delivers.
 */
export const targetSchema = z.object({
  /** `inbox:<folder>`, `http:<url>` or `openclaw:<url>`; of the URL only what may be shown. */
  target: z.string(),
  /** `url`: parts of HANDRAIL_CALLBACK_URL were left out; `token`: it goes with HANDRAIL_CALLBACK_TOKEN. */
  env: z.optional(z.array(z.enum(["url", "token"]))),
});
export type Target = z.infer<typeof targetSchema>;

export type Kind = "inbox" | "http" | "openclaw";

/** The parts of a stored target. @returns undefined for one that this version does not know */
export function readTarget(target: string): { kind: Kind; place: string } | undefined {
  const [, kind, place] = /^(inbox|http|openclaw):(.+)$/s.exec(target) ?? [];
  if ((kind !== "inbox" && kind !== "http" && kind !== "openclaw") || !place) return undefined;
  return { kind, place };
}

/**
 * The network target that an environment asks for.
 * @returns undefined without HANDRAIL_CALLBACK_URL
 * @throws HandrailError `routing` for an address that cannot be called; it is not repeated in the message
 */
export function targetFromEnv(env: NodeJS.ProcessEnv): Target | undefined {
  const text = env.HANDRAIL_CALLBACK_URL?.trim();
  if (!text) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new HandrailError("routing", "HANDRAIL_CALLBACK_URL is no http or https address", {
      fix: "export HANDRAIL_CALLBACK_URL=https://host/path, or unset it",
    });
  }
  const kind: Kind = isOpenClawPath(url.pathname) ? "openclaw" : "http";
  if (kind === "openclaw" && url.searchParams.has("token")) {
    throw new HandrailError("routing", "OpenClaw refuses a token in the address", {
      fix: "export the token as HANDRAIL_CALLBACK_TOKEN",
    });
  }
  const token = env.HANDRAIL_CALLBACK_TOKEN?.trim();
  if (token && !/^[\x21-\x7e]+$/.test(token)) {
    throw new HandrailError("routing", "HANDRAIL_CALLBACK_TOKEN cannot be sent in a header", {
      fix: "a token is printable ASCII without spaces",
    });
  }
  const shown = publicUrl(url);
  url.hash = "";
  const needs = [
    ...(new URL(shown).href === url.href ? [] : (["url"] as const)),
    ...(token ? (["token"] as const) : []),
  ];
  return { target: `${kind}:${shown}`, ...(needs.length > 0 ? { env: needs } : {}) };
}

/** OpenClaw's ingress is told by its path, `<hooks path>/agent` (its default is `/hooks`). */
export function isOpenClawPath(path: string): boolean {
  return /\/hooks\/agent\/?$/.test(path);
}

export interface Address {
  url: URL;
  /** The value of the Authorization header. */
  authorization?: string;
}

/**
 * What a stored network target is in this environment.
 * @returns the address, or why it cannot be called from here (then it waits for a process that can).
 *   A token is never sent to an origin that the environment does not name beside it.
 */
export function resolveTarget(
  stored: Target,
  env: NodeJS.ProcessEnv,
): { ok: true; address: Address } | { ok: false; reason: string } {
  const place = readTarget(stored.target)?.place;
  if (!place || !URL.canParse(place)) return { ok: false, reason: "the stored address does not parse" };
  const text = env.HANDRAIL_CALLBACK_URL?.trim();
  const given = text && URL.canParse(text) ? new URL(text) : undefined;
  const same = given !== undefined && publicUrl(given) === place;
  if (stored.env?.includes("url") && !same) {
    return {
      ok: false,
      reason: "waits for its HANDRAIL_CALLBACK_URL: parts of it are secret and not stored",
    };
  }
  const url = same ? given : new URL(place);
  const token = env.HANDRAIL_CALLBACK_TOKEN?.trim();
  const elsewhere = given !== undefined && given.origin !== url.origin;
  if (stored.env?.includes("token")) {
    if (!token) return { ok: false, reason: "waits for HANDRAIL_CALLBACK_TOKEN in the environment" };
    if (elsewhere) return { ok: false, reason: "HANDRAIL_CALLBACK_TOKEN here belongs to another address" };
  }
  const bearer = token && (stored.env?.includes("token") || given) && !elsewhere ? token : undefined;
  const authorization = bearer ? `Bearer ${bearer}` : basic(url);
  const bareUrl = new URL(url);
  bareUrl.username = "";
  bareUrl.password = "";
  bareUrl.hash = "";
  return { ok: true, address: { url: bareUrl, ...(authorization ? { authorization } : {}) } };
}

function basic(url: URL): string | undefined {
  if (!url.username && !url.password) return undefined;
  const pair = `${percentDecoded(url.username)}:${percentDecoded(url.password)}`;
  return `Basic ${Buffer.from(pair).toString("base64")}`;
}
