import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { isRecord, type ModelRequest, type Script, type Step, stepFor } from "./script.ts";

/** How one API speaks: which requests are for the model, how they read, how a step is streamed. */
export interface Dialect {
  /** Reads a model request; undefined for requests that are answered by `other`. */
  read(
    path: string,
    headers: Record<string, string>,
    body: Record<string, unknown>,
  ): ModelRequest | undefined;
  /** A step for requests that no script should see (titles and the like). */
  housekeeping(request: ModelRequest): Step | undefined;
  /** The server-sent events of a step, as `[event name or "", data]`. */
  events(
    step: Extract<Step, { text: string } | { calls: unknown }>,
    request: ModelRequest,
  ): [string, string][];
  error(status: number, message: string): unknown;
  other(path: string, body: Record<string, unknown>): unknown;
}

export interface ModelServer {
  /** `http://127.0.0.1:PORT` */
  url: string;
  /** Requests that reached the script, oldest first. */
  requests: ModelRequest[];
  /** Titles and the like, answered without the script. */
  housekeeping: ModelRequest[];
  /** Replaces the script for the requests to come. */
  script(script: Script): void;
  close(): Promise<void>;
}

/** Starts a scripted model server on a free loopback port. */
export async function startModelServer(dialect: Dialect, first: Script): Promise<ModelServer> {
  let script = first;
  const requests: ModelRequest[] = [];
  const housekeeping: ModelRequest[] = [];

  async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(incoming);
    const path = (incoming.url ?? "/").split("?")[0] ?? "/";
    const request = dialect.read(path, flat(incoming.headers), body);
    if (!request) return sendJson(response, 200, dialect.other(path, body));
    const own = dialect.housekeeping(request);
    (own ? housekeeping : requests).push(request);
    const step = own ?? stepFor(script, request);
    if (step.delayMs) await sleep(step.delayMs);
    await step.after?.();
    if ("hang" in step) {
      const [event] = step.text ? dialect.events({ text: step.text }, request) : [];
      if (event) response.writeHead(200, { "content-type": "text/event-stream" }).write(frame(event));
      return;
    }
    if ("error" in step) {
      return sendJson(response, step.error, dialect.error(step.error, step.message ?? "scripted error"));
    }
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
    if ("reset" in step) {
      const [event] = dialect.events({ text: step.text ?? "cut o" }, request);
      if (event) response.write(frame(event));
      await sleep(20);
      response.destroy();
      return;
    }
    for (const event of dialect.events(step, request)) response.write(frame(event));
    response.end();
  }

  const server = createServer((incoming, response) => {
    answer(incoming, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else sendJson(response, 500, dialect.error(500, `lab: ${error}`));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    housekeeping,
    script: (next) => {
      script = next;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function frame([event, data]: [string, string]): string {
  return `${event ? `event: ${event}\n` : ""}data: ${data}\n\n`;
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(value));
}

async function readBody(incoming: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(Buffer.from(chunk));
  const text = Buffer.concat(chunks).toString("utf8");
  if (!text) return {};
  const value: unknown = JSON.parse(text);
  return isRecord(value) ? value : {};
}

function flat(headers: IncomingMessage["headers"]): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}
