import { type CallbackPayload, payloadSchema } from "./payload.ts";

/** Takes a text of any origin, returns it without what looks like a secret. */
export type Redact = (text: string) => string;

const MASK = "***";
/** Variables whose values are secrets as a whole. */
const SECRET_VARIABLES = ["HANDRAIL_CALLBACK_TOKEN", "OPENCODE_SERVER_PASSWORD"];
/** A shorter value is taken for a word: to mask it everywhere would spoil the evidence. */
const MIN_SECRET = 4;
const MIN_QUERY_SECRET = 8;

/** What looks like a secret wherever it stands; `$1` is what stays. The order matters. */
const PATTERNS: readonly [RegExp, string][] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, MASK],
  // Basic auth in a URL.
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/?#@"'<>]+@/gi, `$1${MASK}@`],
  // Keys in a URL's query.
  [
    /([?&;][\w.-]*(?:token|key|secret|passw(?:or)?d|pwd|sig|signature|auth|credential|code)[\w.-]*=)[^&#\s"'<>]+/gi,
    `$1${MASK}`,
  ],
  // Headers, as HTTP, as JSON, or as an object prints.
  [
    /\b((?:proxy-)?authorization|(?:set-)?cookie|x-[\w-]*(?:token|key|secret)|api-key)(["']?\s*[:=]\s*["']?)[^\r\n"',;}]+/gi,
    `$1$2${MASK}`,
  ],
  [/\b(bearer\s+)[\w.~+/-]{4,}=*/gi, `$1${MASK}`],
  [/\b(basic\s+)(?=[A-Za-z0-9+/]*[0-9+/=])[A-Za-z0-9+/]{6,}={0,2}/gi, `$1${MASK}`],
  // Settings: NAME_TOKEN=..., "password": "..."
  [
    /\b([A-Z0-9_]*(?:TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY)[A-Z0-9_]*["']?\s*[:=]\s*["']?)[^\s"',;}]{4,}/g,
    `$1${MASK}`,
  ],
  [
    /\b((?:password|passwd|secret|api_?key|access_?token|auth_?token|client_?secret)["']?\s*[:=]\s*["']?)[^\s"',;}]{4,}/gi,
    `$1${MASK}`,
  ],
  // Keys that say what they are.
  [/\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?/g, MASK],
  [
    /\b(?:sk|pk|rk)[-_][\w-]{16,}|\bgh[opsur]_\w{16,}|\bgithub_pat_\w{16,}|\bglpat-[\w-]{16,}|\bxox[abeoprs]-[\w-]{8,}|\bnpm_\w{16,}|\bhf_\w{16,}|\bAIza[\w-]{20,}|\b(?:AKIA|ASIA)[A-Z0-9]{12,}/g,
    MASK,
  ],
];

/**
 * A redactor that knows the secrets of an environment, besides what looks like one.
 * @param env where the secrets are; the URL's own password and keys count too
 */
export function redactor(env: NodeJS.ProcessEnv = process.env): Redact {
  const known = [...new Set(secretsOf(env).flatMap(spellings))].sort((a, b) => b.length - a.length);
  return (text) => {
    let clean = text;
    for (const secret of known) clean = clean.replaceAll(secret, MASK);
    for (const [pattern, stay] of PATTERNS) clean = clean.replace(pattern, stay);
    return clean;
  };
}

/** A URL as it may be shown and stored: no user, no fragment, no query values, no path part that looks like a key. */
export function publicUrl(url: URL): string {
  const path = url.pathname
    .split("/")
    .map((part) => (looksLikeKey(part) ? MASK : part))
    .join("/");
  const query = [...new Set(url.searchParams.keys())].map((name) => `${encodeURIComponent(name)}=${MASK}`);
  return `${url.protocol}//${url.host}${path}${query.length > 0 ? `?${query.join("&")}` : ""}`;
}

/** Redacts what the executor or the network could have put into a payload; ids and routing stay as they are. */
export function redactPayload(payload: CallbackPayload, redact: Redact): CallbackPayload {
  const { envelope, ...rest } = payload;
  const clean = payloadSchema.parse({ ...redactDeep(rest, redact), ...(envelope ? { envelope } : {}) });
  const { run_id, task_id, callback_id, session } = payload;
  return { ...clean, run_id, task_id, callback_id, ...(session === undefined ? {} : { session }) };
}

function redactDeep(value: object, redact: Redact): object {
  const clean = (item: unknown): unknown => {
    if (typeof item === "string") return redact(item);
    return typeof item === "object" && item !== null ? redactDeep(item, redact) : item;
  };
  return Array.isArray(value)
    ? value.map(clean)
    : Object.fromEntries(Object.entries(value).map(([key, item]) => [key, clean(item)]));
}

/** Twenty characters or more with letters and digits in one word: a webhook's secret, not a name. */
function looksLikeKey(part: string): boolean {
  return /^(?=.*\d)(?=.*[A-Za-z])[\w~.-]{20,}$/.test(part);
}

function secretsOf(env: NodeJS.ProcessEnv): string[] {
  const values = SECRET_VARIABLES.flatMap((name) => env[name]?.trim() ?? []);
  const text = env.HANDRAIL_CALLBACK_URL;
  if (text && URL.canParse(text)) {
    const url = new URL(text);
    // A user beside a password is a name; alone it is the key.
    values.push(percentDecoded(url.password || url.username));
    values.push(...[...url.searchParams.values()].filter((value) => value.length >= MIN_QUERY_SECRET));
    values.push(...url.pathname.split("/").filter(looksLikeKey));
  }
  return values.filter((value) => value.length >= MIN_SECRET);
}

/** A secret as it is, as it stands in a URL, and in base64. */
function spellings(secret: string): string[] {
  return [secret, encodeURIComponent(secret), Buffer.from(secret).toString("base64")];
}

/** Undoes percent-encoding; a text that is not encoded properly is meant as it stands. */
export function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
