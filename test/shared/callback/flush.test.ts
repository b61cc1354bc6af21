import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { flushOutbox } from "../../../shared/callback/flush.ts";
import { holdEntry } from "../../../shared/callback/hold.ts";
import { claimAll, peek } from "../../../shared/callback/inbox.ts";
import {
  deliver,
  entryFile,
  listOutbox,
  listUnreadable,
  type OutboxEntry,
  projectInbox,
  putOutbox,
  readEntry,
  saveEntry,
} from "../../../shared/callback/outbox.ts";
import { reopen } from "../../../shared/callback/reopen.ts";
import { closing } from "../../lab/cleanup.ts";
import { refusingOrigin, startEndpoint } from "../../lab/endpoint.ts";
import { startGateway } from "../../lab/openclaw-gateway.ts";
import { until } from "../../lab/process.ts";
import { FAST, makeProject, TOKEN } from "./outgoing.ts";
import { samplePayload } from "./sample.ts";

const targets = (entries: OutboxEntry[]) => entries.flatMap((entry) => entry.targets);
const endpoint = async (...statuses: number[]) =>
  closing(
    await startEndpoint((_request, response, nth) =>
      response.writeHead(statuses[Math.min(nth, statuses.length) - 1] ?? 200).end(),
    ),
  );

test("500, then a torn connection, then 200: delivered once, under one key", async () => {
  const project = makeProject();
  const server = closing(
    await startEndpoint((_request, response, nth) => {
      if (nth === 1) response.writeHead(500).end("oops");
      else if (nth === 2) response.destroy();
      else response.end();
    }),
  );
  const env = project.knowing(`${server.origin}/cb`);
  project.put("c1", env);
  const { entries, problems } = await flushOutbox(project.root, { env, policy: FAST });
  expect(problems).toEqual([]);
  expect(targets(entries)).toEqual([
    { target: `http:${server.origin}/cb`, env: ["token"], state: "delivered", attempts: 3 },
  ]);
  expect(listOutbox(project.root)).toEqual(entries);
  expect(server.received.map((one) => one.headers["idempotency-key"])).toEqual(["c1", "c1", "c1"]);
  expect(JSON.parse(server.received[2]?.body ?? "")).toEqual(samplePayload("c1"));
  expect(server.received[2]?.headers.authorization).toBe(`Bearer ${TOKEN}`);
  expect((await flushOutbox(project.root, { env, policy: FAST })).entries).toEqual([]);
  expect(server.received).toHaveLength(3);
});

test("401 is final and tells why; the other callbacks go on; redeliver starts it again", async () => {
  const project = makeProject();
  const gateway = closing(await startGateway({ token: TOKEN, allowRequestSessionKey: true }));
  const wrong = project.knowing(gateway.url, "wrong-token");
  const right = project.knowing(gateway.url);
  project.put("c1", wrong);
  const first = await flushOutbox(project.root, { env: wrong, policy: FAST });
  expect(targets(first.entries)).toMatchObject([
    { state: "failed", attempts: 1, error: "HTTP 401: Unauthorized" },
  ]);
  project.put("c2", right);
  expect(targets((await flushOutbox(project.root, { env: right, policy: FAST })).entries)).toMatchObject([
    { state: "delivered" },
  ]);
  reopen(project.root, "c1");
  const again = await flushOutbox(project.root, { env: right, policy: FAST, only: "c1" });
  expect(targets(again.entries)).toMatchObject([{ state: "delivered", attempts: 1 }]);
  expect(gateway.runs).toHaveLength(2);
});

test("while nobody answers, attempts are bounded and it stays pending; whoever comes by later goes on", async () => {
  const project = makeProject();
  const env = project.knowing(`${await refusingOrigin()}/cb`);
  project.put("c1", env);
  const [down] = targets((await flushOutbox(project.root, { env, policy: FAST })).entries);
  expect(down).toMatchObject({
    state: "pending",
    attempts: FAST.attempts,
    error: expect.stringContaining("ECONNREFUSED"),
  });
  expect(Date.parse(down?.next_attempt ?? "")).not.toBeNaN();
  const server = await endpoint(200);
  const [entry] = listOutbox(project.root);
  if (!entry) throw new Error("lost");
  saveEntry(project.root, {
    ...entry,
    targets: entry.targets.map((one) => ({ ...one, target: `http:${server.origin}/cb` })),
  });
  const later = await flushOutbox(project.root, {
    env: project.knowing(`${server.origin}/cb`),
    policy: FAST,
  });
  expect(targets(later.entries)).toMatchObject([{ state: "delivered", attempts: FAST.attempts + 1 }]);
  expect(targets(later.entries)[0]).not.toHaveProperty("error");
});

test("after very many attempts it is given up, and says so", async () => {
  const project = makeProject();
  const env = project.knowing(`${await refusingOrigin()}/cb`);
  project.put("c1", env);
  const { entries } = await flushOutbox(project.root, { env, policy: { ...FAST, giveUpAfter: 2 } });
  expect(targets(entries)).toMatchObject([
    { state: "failed", attempts: 2, error: expect.stringContaining("given up after 2 attempts") },
  ]);
});

test("429 is obeyed: within the longest wait here, beyond this process's time by a later one", async () => {
  const project = makeProject();
  const server = closing(
    await startEndpoint((_request, response, nth) =>
      nth === 1 ? response.writeHead(429, { "retry-after": "3600" }).end() : response.end(),
    ),
  );
  const env = project.knowing(`${server.origin}/cb`);
  project.put("c1", env);
  const hour = { ...FAST, maxWaitMs: 7_200_000 };
  const [waits] = targets((await flushOutbox(project.root, { env, policy: hour })).entries);
  expect(waits).toMatchObject({ state: "pending", attempts: 1, error: "HTTP 429" });
  const wait = Date.parse(waits?.next_attempt ?? "") - Date.now();
  expect(wait).toBeGreaterThan(3_000_000);
  expect((await flushOutbox(project.root, { env, policy: hour, scheduled: true })).entries).toEqual([
    expect.objectContaining({ targets: [waits] }),
  ]);
  expect(server.received).toHaveLength(1);
  // By a policy that never waits that long the time is one that a clock set back left behind.
  const done = await flushOutbox(project.root, { env, policy: FAST, scheduled: true });
  expect(targets(done.entries)).toMatchObject([{ state: "delivered", attempts: 2 }]);
});

test("a person's flush does not wait for the schedule", async () => {
  const project = makeProject();
  const server = await endpoint(503, 200);
  const env = project.knowing(`${server.origin}/cb`);
  project.put("c1", env);
  const slow = { ...FAST, attempts: 1, baseWaitMs: 60_000, maxWaitMs: 60_000 };
  expect(targets((await flushOutbox(project.root, { env, policy: slow })).entries)).toMatchObject([
    { state: "pending" },
  ]);
  await flushOutbox(project.root, { env, policy: slow, scheduled: true });
  expect(server.received).toHaveLength(1);
  expect(targets((await flushOutbox(project.root, { env, policy: slow })).entries)).toMatchObject([
    { state: "delivered" },
  ]);
});

test("a person may deliver it while a deliverer waits for its next attempt", async () => {
  const project = makeProject();
  const server = await endpoint(503, 200);
  const env = project.knowing(`${server.origin}/cb`);
  project.put("c1", env);
  const stop = new AbortController();
  const patient = { ...FAST, baseWaitMs: 15_000, maxWaitMs: 15_000 };
  const waiting = flushOutbox(project.root, { env, policy: patient, signal: stop.signal });
  await until("the first attempt", () => targets(listOutbox(project.root))[0]?.attempts === 1);
  const { entries } = await flushOutbox(project.root, { env, policy: FAST });
  expect(targets(entries)).toMatchObject([{ state: "delivered", attempts: 2 }]);
  stop.abort();
  expect(targets((await waiting).entries)).toMatchObject([{ state: "delivered", attempts: 2 }]);
  expect(server.received).toHaveLength(2);
});

test("without the token it waits and says so; nothing is sent, no attempt is counted", async () => {
  const project = makeProject();
  const gateway = closing(await startGateway({ token: TOKEN, allowRequestSessionKey: true }));
  project.put("c1", project.knowing(gateway.url));
  const { HANDRAIL_CALLBACK_TOKEN: _, ...without } = project.knowing(gateway.url);
  for (const env of [project.env, without]) {
    expect(targets((await flushOutbox(project.root, { env, policy: FAST })).entries)).toEqual([
      {
        target: `openclaw:${gateway.url}`,
        env: ["token"],
        state: "pending",
        attempts: 0,
        error: expect.stringContaining("HANDRAIL_CALLBACK_TOKEN"),
      },
    ]);
  }
  expect(gateway.received).toEqual([]);
  const env = project.knowing(gateway.url);
  expect(targets((await flushOutbox(project.root, { env, policy: FAST })).entries)).toMatchObject([
    { state: "delivered" },
  ]);
});

test("neither the token nor the address's key is ever on disk, whatever the server repeats", async () => {
  const project = makeProject();
  const KEY = "k3y-0123456789";
  const server = closing(
    await startEndpoint((request, response, nth) =>
      response
        .writeHead(nth % 2 ? 500 : 400)
        .end(`${"x".repeat(170)} ${request.headers.authorization} ${request.path} ${TOKEN}`),
    ),
  );
  const env = project.knowing(`${server.origin}/cb?key=${KEY}`);
  project.put("c1", env, {
    error: { code: "x", message: `curl ${server.origin}/cb?key=${KEY} with ${TOKEN}` },
  });
  const { entries } = await flushOutbox(project.root, { env, policy: FAST });
  expect(targets(entries)).toMatchObject([{ state: "failed", error: expect.stringContaining("HTTP 400") }]);
  expect(server.received[0]?.path).toBe(`/cb?key=${KEY}`);
  expect(server.received[0]?.body).not.toMatch(KEY);
  const files = readdirSync(project.state, { recursive: true, withFileTypes: true }).filter((one) =>
    one.isFile(),
  );
  expect(files.length).toBeGreaterThan(0);
  for (const file of files) {
    const text = readFileSync(join(file.parentPath, file.name), "utf8");
    expect(text).not.toContain(TOKEN);
    expect(text).not.toContain(TOKEN.slice(0, 10));
    expect(text).not.toContain(KEY);
  }
});

test("a caller's inbox and address both get it; without either it is the project's own inbox", async () => {
  const project = makeProject();
  const server = await endpoint(200);
  const env = project.knowing(`${server.origin}/cb`);
  const inbox = join(project.dir, "inbox");
  const target = { target: `http:${server.origin}/cb` };
  const both = putOutbox(project.root, samplePayload("c1"), { inbox, callback: target });
  expect(targets([deliver(project.root, both)]).map(({ state }) => state)).toEqual(["delivered", "pending"]);
  expect(peek(inbox)).toEqual(["c1"]);
  await flushOutbox(project.root, { env, policy: FAST });
  expect(targets(listOutbox(project.root)).map(({ state }) => state)).toEqual(["delivered", "delivered"]);
  expect(existsSync(projectInbox(project.root))).toBe(false);

  const alone = putOutbox(project.root, samplePayload("c2"), {});
  deliver(project.root, alone);
  expect(peek(projectInbox(project.root))).toEqual(["c2"]);
  expect(targets([putOutbox(project.root, samplePayload("c3"), { callback: target })])).toMatchObject([
    target,
  ]);
});

test("closing the same turn again finds the first callback, and an inbox gets it once", () => {
  const project = makeProject();
  const inbox = join(project.dir, "inbox");
  const first = deliver(project.root, putOutbox(project.root, samplePayload("c1"), { inbox }));
  claimAll([inbox]).told();
  expect(putOutbox(project.root, samplePayload("c1", { state: "failed" }), {})).toEqual(first);
  deliver(project.root, first);
  reopen(project.root, "c1");
  deliver(project.root, first);
  expect(peek(inbox)).toEqual([]);
  expect(targets(listOutbox(project.root))).toMatchObject([{ state: "delivered", attempts: 1 }]);
});

test("an inbox that cannot be written is tried again", async () => {
  const project = makeProject();
  const inbox = join(project.dir, "inbox");
  writeFileSync(inbox, "a file is in the way");
  const entry = deliver(project.root, putOutbox(project.root, samplePayload("c1"), { inbox }));
  expect(targets([entry])).toMatchObject([{ state: "pending", attempts: 1, error: expect.any(String) }]);
  rmSync(inbox);
  await flushOutbox(project.root, { env: project.env, policy: FAST });
  expect(peek(inbox)).toEqual(["c1"]);
});

test("a file that does not parse is kept and named, and holds up nothing", async () => {
  const project = makeProject();
  const server = await endpoint(200);
  const env = project.knowing(`${server.origin}/cb`);
  project.put("c2", env);
  for (const [id, text] of [
    ["c1", '{"payload": {'],
    ["c3", "[]"],
    ["c4", ""],
  ] as const) {
    writeFileSync(entryFile(project.root, id), text);
  }
  const { entries } = await flushOutbox(project.root, { env, policy: FAST });
  expect(targets(entries)).toMatchObject([{ state: "delivered" }]);
  expect(listUnreadable(project.root)).toHaveLength(3);
  expect(listOutbox(project.root)).toHaveLength(1);
});

test("an entry of a newer version is not taken for delivered", async () => {
  const project = makeProject();
  const entry = project.put("c1", project.knowing("http://127.0.0.1:9/cb"));
  saveEntry(project.root, { ...entry, targets: [{ target: "pigeon:coop", state: "pending", attempts: 0 }] });
  expect(
    targets((await flushOutbox(project.root, { env: project.env, policy: FAST })).entries),
  ).toMatchObject([{ state: "failed", error: expect.stringContaining("this version") }]);
});

test("two flushes at once in one process send each callback once", async () => {
  const project = makeProject();
  const server = closing(
    await startEndpoint((_request, response) => {
      setTimeout(() => response.end(), 20);
    }),
  );
  const env = project.knowing(`${server.origin}/cb`);
  for (let n = 0; n < 6; n++) project.put(`c${n}`, env);
  await Promise.all([1, 2, 3].map(() => flushOutbox(project.root, { env, policy: FAST })));
  expect(server.received.map((one) => one.headers["idempotency-key"]).sort()).toEqual(
    [0, 1, 2, 3, 4, 5].map((n) => `c${n}`),
  );
});

test("what somebody else is delivering is left to him, and local delivery does not overwrite it", async () => {
  const project = makeProject();
  const server = await endpoint(200);
  const env = project.knowing(`${server.origin}/cb`);
  const stale = project.put("c1", env);
  const release = holdEntry(entryFile(project.root, "c1"));
  expect((await flushOutbox(project.root, { env, policy: FAST })).entries).toEqual([stale]);
  expect(deliver(project.root, stale)).toEqual(stale);
  expect(() => reopen(project.root, "c1")).toThrow(expect.objectContaining({ code: "busy" }));
  expect(server.received).toEqual([]);
  release?.();
  await flushOutbox(project.root, { env, policy: FAST });
  expect(targets([deliver(project.root, stale)])).toMatchObject([{ state: "delivered" }]);
  expect(readEntry(project.root, "c1")?.targets).toMatchObject([{ state: "delivered" }]);
});

test("a hold of a clock that was set does not hold for ever", async () => {
  const project = makeProject();
  const server = await endpoint(200);
  const env = project.knowing(`${server.origin}/cb`);
  project.put("c1", env);
  holdEntry(entryFile(project.root, "c1"));
  const held = join(entryFile(project.root, "c1").replace(/json$/, "held"), "1");
  const claim = JSON.parse(readFileSync(held, "utf8"));
  for (const at of [Date.now() + 86_400_000, Date.now() - 86_400_000]) {
    const holder = JSON.stringify({ ...JSON.parse(claim.holder), at });
    rmSync(join(held, ".."), { recursive: true });
    mkdirSync(join(held, ".."));
    writeFileSync(held, JSON.stringify({ holder }));
    reopen(project.root, "c1");
  }
  await flushOutbox(project.root, { env, policy: FAST });
  expect(server.received).toHaveLength(1);
});

test("a flush that is ended early leaves the rest pending", async () => {
  const project = makeProject();
  const stop = new AbortController();
  const server = closing(await startEndpoint(() => stop.abort()));
  const env = project.knowing(`${server.origin}/cb`);
  project.put("c1", env);
  project.put("c2", env);
  const { entries } = await flushOutbox(project.root, { env, policy: FAST, signal: stop.signal });
  expect(targets(entries).map(({ state }) => state)).toEqual(["pending", "pending"]);
});

test("ids that are none make no path", () => {
  const project = makeProject();
  for (const id of ["../x", "", "a/b", ".", "x".repeat(200)]) {
    expect(() => readEntry(project.root, id)).toThrow(expect.objectContaining({ code: "bad-input" }));
  }
  expect(() => reopen(project.root, "unknown")).toThrow(expect.objectContaining({ code: "not-found" }));
});
