import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createRawServer, type Socket } from "node:net";

/** A request as it came in, with its whole body. */
export interface Received {
  method: string;
  path: string;
  headers: IncomingMessage["headers"];
  body: string;
}

export interface Endpoint {
  /** `http://127.0.0.1:<port>`, without a slash at the end. */
  origin: string;
  /** In the order in which they came. */
  received: Received[];
  close(): Promise<void>;
}

/**
 * An HTTP endpoint on loopback.
 * @param answer may never answer; `nth` counts from 1
 * @param port one that was free; by default any
 */
export async function startEndpoint(
  answer: (request: Received, response: ServerResponse, nth: number) => void,
  port = 0,
): Promise<Endpoint> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("error", () => undefined); // the caller went away: what came so far is not a request
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      const one = { method, path: url, headers, body: Buffer.concat(chunks).toString("utf8") };
      answer(one, response, received.push(one));
    });
  });
  const origin = await listen(server, port);
  return {
    origin,
    received,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A server that speaks bytes: for answers that no HTTP server gives. */
export async function startRawEndpoint(
  talk: (socket: Socket, nth: number) => void,
): Promise<{ origin: string; connections: () => number; close(): Promise<void> }> {
  let connections = 0;
  const open = new Set<Socket>();
  const server = createRawServer((socket) => {
    open.add(socket.on("close", () => open.delete(socket)).on("error", () => undefined));
    talk(socket, ++connections);
  });
  const origin = await listen(server);
  return {
    origin,
    connections: () => connections,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}

/** An origin where nobody listens: its port was free a moment ago. */
export async function refusingOrigin(): Promise<string> {
  const server = createRawServer();
  const origin = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return origin;
}

function listen(server: ReturnType<typeof createRawServer>, port = 0): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once("error", reject).listen(port, "127.0.0.1", () => {
      const address = server.address();
      if (address === null || typeof address === "string") reject(new Error("no port"));
      else resolve(`http://127.0.0.1:${address.port}`);
    });
  });
}
