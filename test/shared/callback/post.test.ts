import { expect, test } from "vitest";
import { createDispatcher } from "../../../shared/callback/deliver.ts";
import type { DeliveryPolicy } from "../../../shared/callback/policy.ts";
import { post } from "../../../shared/callback/post.ts";
import { closing } from "../../lab/cleanup.ts";
import { refusingOrigin, startEndpoint, startRawEndpoint } from "../../lab/endpoint.ts";
import { FAST } from "./outgoing.ts";

/** Long enough for an answer on loopback, short enough to wait for. */
const IMPATIENT: DeliveryPolicy = { ...FAST, totalMs: 300, connectMs: 300 };

function send(url: string, policy: DeliveryPolicy = FAST, more: { signal?: AbortSignal } = {}) {
  const dispatcher = createDispatcher(policy);
  closing({ close: () => dispatcher.destroy() });
  const headers = { "idempotency-key": "c1", authorization: "Bearer t" };
  return post({ url: new URL(url), headers, body: '{"a":1}', dispatcher, policy, ...more });
}
const raw = async (talk: Parameters<typeof startRawEndpoint>[0]) => closing(await startRawEndpoint(talk));
const http = async (answer: Parameters<typeof startEndpoint>[0]) => closing(await startEndpoint(answer));

test.each([200, 201, 202, 204])("%i is success", async (status) => {
  const endpoint = await http((_request, response) => response.writeHead(status).end());
  expect(await send(`${endpoint.origin}/cb?x=1`)).toEqual({ kind: "delivered" });
  expect(endpoint.received).toEqual([
    {
      method: "POST",
      path: "/cb?x=1",
      body: '{"a":1}',
      headers: expect.objectContaining({
        "content-type": "application/json",
        "idempotency-key": "c1",
        authorization: "Bearer t",
      }),
    },
  ]);
});

test("a success whose body is torn, slow or endless is a success: it is not sent again", async () => {
  const torn = await raw((socket) =>
    socket.once("data", () =>
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{", () => socket.resetAndDestroy()),
    ),
  );
  expect(await send(torn.origin)).toEqual({ kind: "delivered" });
  const slow = await http((_request, response) => response.writeHead(200).write("{"));
  expect(await send(slow.origin)).toEqual({ kind: "delivered" });
  const endless = await http((_request, response) => flood(response.writeHead(200)));
  expect(await send(endless.origin)).toEqual({ kind: "delivered" });
});

test("nobody listens", async () => {
  expect(await send(await refusingOrigin())).toEqual({
    kind: "again",
    reason: expect.stringContaining("ECONNREFUSED"),
  });
});

test("a name that does not resolve", async () => {
  expect(await send("http://handrail.invalid/")).toMatchObject({ kind: "again" });
});

test("it accepts and says nothing", async () => {
  const silent = await raw(() => undefined);
  expect(await send(silent.origin, IMPATIENT)).toEqual({ kind: "again", reason: "no answer within 0.3 s" });
});

test("it begins its headers and does not end them", async () => {
  const slow = await raw((socket) => socket.write("HTTP/1.1 200 OK\r\nx: y\r\n"));
  expect(await send(slow.origin, IMPATIENT)).toMatchObject({ kind: "again" });
});

test.each([
  ["at once", ""],
  ["within the status line", "HTTP/1.1 20"],
  ["within the headers", "HTTP/1.1 200 OK\r\ncontent-le"],
])("it resets the connection %s", async (_when, bytes) => {
  const rude = await raw((socket) =>
    socket.once("data", () =>
      bytes ? socket.write(bytes, () => socket.resetAndDestroy()) : socket.resetAndDestroy(),
    ),
  );
  expect(await send(rude.origin)).toMatchObject({ kind: "again" });
});

test("it speaks no HTTP", async () => {
  const other = await raw((socket) => socket.end("220 smtp.example.invalid ESMTP\r\n"));
  expect(await send(other.origin)).toMatchObject({ kind: "again" });
});

test("headers without end are cut off", async () => {
  const huge = await raw((socket) =>
    socket.write(`HTTP/1.1 200 OK\r\n${`x: ${"y".repeat(1000)}\r\n`.repeat(100)}\r\n`),
  );
  expect(await send(huge.origin)).toMatchObject({
    kind: "again",
    reason: expect.stringContaining("HEADERS"),
  });
});

test("an error tells its words, cut off where they do not end", async () => {
  const bad = await http((_request, response) => response.writeHead(400).end("sessionKey\n  is disabled"));
  expect(await send(bad.origin)).toEqual({ kind: "failed", reason: "HTTP 400: sessionKey is disabled" });
  const endless = await http((_request, response) => flood(response.writeHead(500)));
  const outcome = await send(endless.origin);
  expect(outcome).toMatchObject({ kind: "again", reason: expect.stringContaining("HTTP 500: yyy") });
  const hanging = await http((_request, response) => response.writeHead(503).write("busy"));
  expect(await send(hanging.origin, IMPATIENT)).toEqual({ kind: "again", reason: "HTTP 503: busy" });
});

test.each([401, 403, 404, 405, 413])("%i is final", async (status) => {
  const endpoint = await http((_request, response) =>
    response.writeHead(status, { "retry-after": "1" }).end(),
  );
  expect(await send(endpoint.origin)).toEqual({ kind: "failed", reason: `HTTP ${status}` });
});

test.each([408, 409, 425, 429, 500, 502, 503])("%i is tried again, when the server says", async (status) => {
  const endpoint = await http((_request, response) =>
    response.writeHead(status, { "retry-after": "7" }).end(),
  );
  expect(await send(endpoint.origin)).toEqual({ kind: "again", reason: `HTTP ${status}`, afterMs: 7000 });
});

test("a redirect within the origin is followed with method, body and token; to another it is not", async () => {
  const other = await http((_request, response) => response.end());
  const endpoint = await http((request, response) => {
    if (request.path === "/final") response.end();
    else if (request.path === "/away") response.writeHead(307, { location: `${other.origin}/final` }).end();
    else if (request.path === "/loop") response.writeHead(308, { location: "/loop" }).end();
    else if (request.path === "/found") response.writeHead(302, { location: "/final" }).end();
    else response.writeHead(307, { location: "/final" }).end();
  });
  expect(await send(`${endpoint.origin}/start`)).toEqual({ kind: "delivered" });
  expect(endpoint.received.at(-1)).toMatchObject({
    method: "POST",
    path: "/final",
    body: '{"a":1}',
    headers: { authorization: "Bearer t" },
  });
  expect(await send(`${endpoint.origin}/away`)).toEqual({
    kind: "failed",
    reason: expect.stringContaining(`redirects to ${other.origin}`),
  });
  expect(other.received).toEqual([]);
  expect(await send(`${endpoint.origin}/loop`)).toMatchObject({ kind: "failed" });
  // 302 turns a POST into a GET: not the same request any more.
  expect(await send(`${endpoint.origin}/found`)).toMatchObject({ kind: "failed" });
});

test("an attempt can be ended early", async () => {
  const silent = await raw(() => undefined);
  const stop = new AbortController();
  const outcome = send(silent.origin, FAST, { signal: stop.signal });
  stop.abort();
  expect(await outcome).toEqual({ kind: "again", reason: "the attempt was ended early" });
});

function flood(response: import("node:http").ServerResponse): void {
  response.on("error", () => undefined);
  const more = () => {
    while (!response.destroyed && response.write("y".repeat(10_000)));
  };
  response.on("drain", more);
  more();
}
