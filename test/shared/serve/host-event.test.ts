import * as fc from "fast-check";
import { expect, test } from "vitest";
import { EVENT_KINDS } from "../../../shared/run/lifecycle.ts";
import { readHostEvent } from "../../../shared/serve/host-event.ts";

const event = (type: string, properties: Record<string, unknown> = {}) => ({ id: "evt_1", type, properties });
const tool = {
  type: "tool",
  sessionID: "ses_1",
  tool: "edit",
  state: { status: "completed", title: "src/a.ts" },
};

test.each([
  [
    event("session.created", { info: { id: "ses_1", time: { created: 0, updated: 1000 } } }),
    { kind: "session_created", session: "ses_1", at: "1970-01-01T00:00:01.000Z" },
  ],
  [
    event("session.status", { sessionID: "ses_1", status: { type: "busy" } }),
    { kind: "busy", session: "ses_1" },
  ],
  [
    event("session.status", { sessionID: "ses_1", status: { type: "retry", attempt: 1, message: "429" } }),
    { kind: "retrying", text: "429" },
  ],
  [event("session.status", { sessionID: "ses_1", status: { type: "idle" } }), { kind: "idle" }],
  [event("session.idle", { sessionID: "ses_1" }), { kind: "idle", session: "ses_1", type: "session.idle" }],
  [
    event("session.error", { sessionID: "ses_1", error: { name: "APIError", data: { message: "no" } } }),
    { kind: "error", text: "APIError: no" },
  ],
  [event("session.deleted", { info: { id: "ses_1" } }), { kind: "session_deleted", session: "ses_1" }],
  [
    event("message.updated", { info: { id: "msg_1", sessionID: "ses_1", role: "assistant" } }),
    { kind: "message", session: "ses_1", status: "assistant" },
  ],
  [
    event("message.part.updated", { part: tool }),
    { kind: "tool", tool: "edit", status: "completed", text: "src/a.ts", session: "ses_1" },
  ],
  [
    event("message.part.updated", { part: { type: "text", sessionID: "ses_1" } }),
    { kind: "message", status: "text" },
  ],
  [
    event("permission.asked", { sessionID: "ses_1", permission: "edit", patterns: ["a", "b"] }),
    { kind: "permission_asked", text: "edit: a, b" },
  ],
  [event("permission.replied", { sessionID: "ses_1" }), { kind: "permission_replied" }],
  [
    event("question.asked", { sessionID: "ses_1", questions: [{ question: "Which?" }] }),
    { kind: "question_asked", text: "Which?" },
  ],
  [event("question.rejected", { sessionID: "ses_1" }), { kind: "question_replied" }],
  [event("file.edited", { file: "/r/a.ts" }), { kind: "file_edited", text: "/r/a.ts" }],
  [{ type: "session.idle" }, { kind: "idle" }],
])("%o", (raw, expected) => {
  expect(readHostEvent(raw)).toMatchObject(expected);
});

test("what OpenCode may say some day is passed on, and not guessed", () => {
  expect(readHostEvent(event("session.paused", { sessionID: "ses_1" }))).toEqual({
    kind: "unknown",
    type: "session.paused",
    session: "ses_1",
  });
  expect(readHostEvent(event("session.status", { status: { type: "napping" } }))?.kind).toBe("unknown");
});

test("what is no event is none", () => {
  for (const raw of [
    undefined,
    null,
    1,
    "x",
    [],
    {},
    { type: 1 },
    { type: "" },
    { type: "session.idle", properties: [] },
  ]) {
    expect(readHostEvent(raw)).toBeUndefined();
  }
});

test("the executor's words are cut and cannot steer a terminal", () => {
  const text =
    readHostEvent(event("file.edited", { file: `\u001b[2J\u202e${"x".repeat(5000)}` }))?.text ?? "";
  expect(text.length).toBeLessThan(260);
  expect([...text].filter((char) => char === "\u001b" || char === "\u202e")).toEqual([]);
});

test("anything at all is an event of a known kind, or none", () => {
  fc.assert(
    fc.property(fc.anything(), fc.string(), (properties, type) => {
      const read = readHostEvent({ type, properties });
      if (read) expect(EVENT_KINDS).toContain(read.kind);
    }),
  );
});
