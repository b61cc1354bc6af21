import { type Agent, type Dispatcher, request } from "undici";
import { faultPoint } from "../fault.ts";
import type { Outcome } from "./outcome.ts";
import { type DeliveryPolicy, isWorthRetrying, retryAfterMs } from "./policy.ts";

export interface Post {
  url: URL;
  headers: Record<string, string>;
  body: string;
  dispatcher: Agent;
  policy: DeliveryPolicy;
  /** Ends the attempt early; the outcome is then `again`. */
  signal?: AbortSignal | undefined;
}

/** How often one attempt follows a redirect within the origin. */
const MAX_HOPS = 3;
/** What is read of an answer's words. Cut later, after secrets have been taken out. */
const REASON_CHARS = 1_000;

/**
 * Posts once. A 2xx status is success, whatever becomes of the rest of the answer: to send it again because
 * the answer's body was torn would deliver twice. Redirects are followed only where they keep the method and
 * the origin. Never throws for what the network or the server does.
 */
export async function post(wanted: Post): Promise<Outcome> {
  const timeout = AbortSignal.timeout(wanted.policy.totalMs);
  const signal = wanted.signal ? AbortSignal.any([timeout, wanted.signal]) : timeout;
  let url = wanted.url;
  try {
    for (let hop = 0; ; hop++) {
      const answer = await request(url, {
        method: "POST",
        headers: { "content-type": "application/json", ...wanted.headers },
        body: wanted.body,
        dispatcher: wanted.dispatcher,
        signal,
      });
      faultPoint("answer-received");
      const next = hop < MAX_HOPS ? redirect(answer, url) : undefined;
      if (!next) return await judge(answer, url);
      discard(answer);
      url = next;
    }
  } catch (error) {
    if (timeout.aborted)
      return { kind: "again", reason: `no answer within ${wanted.policy.totalMs / 1000} s` };
    if (wanted.signal?.aborted) return { kind: "again", reason: "the attempt was ended early" };
    const reason = networkReason(error);
    // What undici does not even try (a header that cannot be sent) no later attempt will mend.
    return isCode(error, "UND_ERR_INVALID_ARG") ? { kind: "failed", reason } : { kind: "again", reason };
  }
}

async function judge(answer: Dispatcher.ResponseData, url: URL): Promise<Outcome> {
  const status = answer.statusCode;
  if (status >= 200 && status < 300) {
    discard(answer);
    return { kind: "delivered" };
  }
  const location = one(answer.headers.location);
  const said = await beginning(answer);
  if (status >= 300 && status < 400) {
    const target = location && URL.canParse(location, url.href) ? new URL(location, url).origin : "nowhere";
    return {
      kind: "failed",
      reason: `HTTP ${status}: redirects to ${target}, which is not followed; name the final address`,
    };
  }
  const reason = `HTTP ${status}${said ? `: ${said}` : ""}`;
  if (!isWorthRetrying(status)) return { kind: "failed", reason };
  const afterMs = retryAfterMs(one(answer.headers["retry-after"]), Date.now());
  return { kind: "again", reason, ...(afterMs === undefined ? {} : { afterMs }) };
}

/** The status is all that counts: the rest is not read, and its end, good or bad, is nobody's matter. */
function discard({ body }: Dispatcher.ResponseData): void {
  body.on("error", () => undefined).destroy();
}

/** Where a redirect leads that may be followed: 307 and 308 keep the method (RFC 9110), the origin must stay. */
function redirect(answer: Dispatcher.ResponseData, from: URL): URL | undefined {
  const location = one(answer.headers.location);
  if (![307, 308].includes(answer.statusCode) || !location || !URL.canParse(location, from.href))
    return undefined;
  const to = new URL(location, from);
  return to.origin === from.origin ? to : undefined;
}

/** The first words of an answer's body, however it ends: torn, endless or empty. */
async function beginning({ body }: Dispatcher.ResponseData): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of body) {
      const bytes = Buffer.from(chunk);
      chunks.push(bytes);
      length += bytes.length;
      if (length >= REASON_CHARS) break;
    }
  } catch {
    // Torn, too long or too late: the status is known, and the words so far will do.
  }
  return Buffer.concat(chunks).toString("utf8").replace(/\s+/g, " ").trim();
}

function networkReason(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return networkReason(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error && typeof error.code === "string" ? error.code : error.name;
  return error.message.includes(code) ? error.message : `${code}: ${error.message}`;
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

function one(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}
