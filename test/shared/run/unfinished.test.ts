import { expect, test } from "vitest";
import { type Ending, unfinished } from "../../../shared/run/unfinished.ts";

const stopped = { name: "MessageAbortedError", data: { message: "Aborted" } };

test.each<[name: string, answer: Ending | undefined, code: string | undefined]>([
  ["no answer", undefined, "MessageAbortedError"],
  ["a last word", { finish: "stop" }, undefined],
  ["one that was cut off by its length", { finish: "length" }, undefined],
  ["a person's own command, which is no model's", {}, undefined],
  ["calls, and nothing after them", { finish: "tool-calls" }, "MessageAbortedError"],
  ["an end that OpenCode asks on after", { finish: "unknown" }, "MessageAbortedError"],
  ["an answer in the form that was asked for", { finish: "tool-calls", structured: { a: 1 } }, undefined],
  ["stopped before its first word", { error: stopped }, "MessageAbortedError"],
  ["one that failed", { finish: "stop", error: { name: "APIError", data: { message: "no" } } }, "APIError"],
])("%s", (_name, answer, code) => {
  expect(unfinished(answer)?.code).toBe(code);
});

test("words of an error are kept, and cut", () => {
  const error = { name: "APIError", data: { message: "x".repeat(2000) } };
  expect(unfinished({ error })?.message).toBe("x".repeat(500));
  expect(unfinished({ error: { name: "APIError", data: 7 } })?.message).toBe("the last answer failed");
});
