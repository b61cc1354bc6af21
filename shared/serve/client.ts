import { createOpencodeClient, type OpencodeClient } from "@opencode-ai/sdk/v2/client";
import type * as z from "zod/mini";
import { HandrailError } from "../errors.ts";
import type { ServerEntry } from "./entry.ts";

/** How long one request may take, in milliseconds: during a start it may hang for ever (facts, opencode.md). */
const REQUEST_MS = 30_000;

/** A server that has shown to be this project's, with Handrail's plugin in it. */
export interface Server {
  entry: ServerEntry;
  /** Only its routes without `/api/`: those call no plugin hook (facts, opencode.md). */
  client: OpencodeClient;
}

/** A client for a server on record; asks nothing yet. */
export function clientFor(
  { url, directory, password }: Pick<ServerEntry, "url" | "directory" | "password">,
  timeoutMs: number | undefined = REQUEST_MS,
): OpencodeClient {
  const limited = (request: Request): Promise<Response> =>
    fetch(request, {
      redirect: "error",
      signal:
        timeoutMs === undefined
          ? request.signal
          : AbortSignal.any([request.signal, AbortSignal.timeout(timeoutMs)]),
    });
  return createOpencodeClient({
    baseUrl: url,
    directory,
    headers: { authorization: `Basic ${Buffer.from(`opencode:${password}`).toString("base64")}` },
    fetch: limited as typeof fetch,
  });
}

interface Answer {
  data?: unknown;
  error?: unknown;
  response?: Response;
}

/**
 * Reads the server's answer through a schema.
 * @param what was asked, for the message of an error
 * @returns undefined for 404: what was asked for is not there
 * @throws HandrailError `server-failed` for any other refusal, an answer of another shape, or none at all
 */
export async function ask<T extends z.ZodMiniType>(
  what: string,
  request: Promise<Answer>,
  schema: T,
): Promise<z.infer<T> | undefined> {
  let answer: Answer;
  try {
    answer = await request;
  } catch (error) {
    throw failed(what, error instanceof Error ? error.message : String(error), error);
  }
  const { status } = answer.response ?? {};
  if (status === 404) return undefined;
  if (answer.error !== undefined || status === undefined || status >= 400) {
    throw failed(what, status === undefined ? reason(answer.error) : `it answered ${status}`, answer.error);
  }
  const parsed = schema.safeParse(answer.data);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw failed(what, `its answer has another shape than expected (${issue?.path.join(".") || "all of it"})`);
}

/** As `ask`, where 404 is a failure, too. */
export async function askFor<T extends z.ZodMiniType>(
  what: string,
  request: Promise<Answer>,
  schema: T,
): Promise<z.infer<T>> {
  const value = await ask(what, request, schema);
  if (value === undefined) throw failed(what, "it answered 404");
  return value;
}

function failed(what: string, why: string, cause?: unknown): HandrailError {
  return new HandrailError("server-failed", `OpenCode's server could not ${what}: ${why}`, {
    fix: "handrail serve status",
    cause,
  });
}

function reason(error: unknown): string {
  if (error instanceof Error) return error.name === "TimeoutError" ? "no answer in time" : error.message;
  return "no answer";
}
