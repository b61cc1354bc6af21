import { expect, test } from "vitest";
import { identify } from "../../../shared/run/process.ts";
import { clientFor } from "../../../shared/serve/client.ts";
import type { ServerEntry } from "../../../shared/serve/entry.ts";
import { follow, type SessionEvent } from "../../../shared/serve/follow.ts";
import { closing } from "../../lab/cleanup.ts";
import { startEndpoint } from "../../lab/endpoint.ts";
import { until } from "../../lab/process.ts";

function entryAt(url: string): ServerEntry {
  return {
    schema: 1,
    state: "ready",
    url,
    directory: "/somewhere/mit Ümläut",
    password: "secret-of-it",
    leader: identify(),
    version: "1.0.0",
    program: "",
    plugin: "",
    started: new Date().toISOString(),
    reason: "test",
  };
}

const toolEvent = (id: string) => ({
  type: "message.part.updated",
  properties: {
    part: { type: "tool", id, sessionID: "ses_a", tool: "edit", state: { status: "completed", title: id } },
  },
});

test("a stream that drops is taken up again; what is repeated is heard once, what is none is left out", async () => {
  const answers = [
    [toolEvent("one"), { type: "nonsense" }, "no object"],
    [toolEvent("one"), toolEvent("two"), { type: "session.idle", properties: { sessionID: "ses_a" } }],
  ];
  const endpoint = closing(
    await startEndpoint((_request, response, nth) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      for (const event of answers[nth - 1] ?? []) response.write(`data: ${JSON.stringify(event)}\n\n`);
      if (nth === 1) setImmediate(() => response.destroy());
    }),
  );
  const entry = entryAt(endpoint.origin);
  const heard: SessionEvent[] = [];
  const stop = new AbortController();
  const following = follow({ entry, client: clientFor(entry) }, (event) => heard.push(event), stop.signal);
  await until("the last event", () => heard.some((event) => event.kind === "changed"));
  stop.abort();
  await following;
  expect(heard.flatMap((event) => (event.kind === "tool" ? [event.title] : []))).toEqual(["one", "two"]);
  const [first] = endpoint.received;
  expect(first?.headers.authorization).toBe(
    `Basic ${Buffer.from("opencode:secret-of-it").toString("base64")}`,
  );
  expect(new URL(`http://x${first?.path}`).searchParams.get("directory")).toBe(entry.directory);
});
