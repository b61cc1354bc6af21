import type { OpencodeServer } from "./opencode.ts";

/** Asks a server of OpenCode, as a client with its password does. */
export interface Client {
  post(path: string, body: unknown): Promise<{ status: number; json: unknown }>;
  get(path: string): Promise<{ status: number; json: unknown }>;
}

export function clientOf(
  server: Pick<OpencodeServer, "url"> & { headers?: OpencodeServer["headers"] },
): Client {
  const ask = async (path: string, init: RequestInit) => {
    const headers = { ...server.headers, "content-type": "application/json" };
    const answer = await fetch(`${server.url}${path}`, {
      ...init,
      headers,
      signal: AbortSignal.timeout(60_000),
    });
    const text = await answer.text();
    return { status: answer.status, json: text === "" ? undefined : (JSON.parse(text) as unknown) };
  };
  return {
    post: (path, body) => ask(path, { method: "POST", body: JSON.stringify(body) }),
    get: (path) => ask(path, { method: "GET" }),
  };
}
