import { PassThrough } from "node:stream";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Progress } from "../../../claude-hooks/companion/progress.ts";
import { inWords } from "../../../claude-hooks/companion/progress-tellers.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** What a person reads of a verb's progress; `terminal`: on one. */
function told(terminal = false) {
  const stream = Object.assign(new PassThrough(), { isTTY: terminal });
  const read = () => String(stream.read() ?? "");
  return { progress: new Progress(inWords(stream as unknown as NodeJS.WriteStream)), read };
}

const call = (status: string, more: object = {}) => ({
  type: "tool_use",
  part: { tool: "bash", state: { status, title: "npm test", ...more } },
});

test("what was done, with tokens so far and refusals; plain where there is no terminal", () => {
  const { progress, read } = told();
  progress.line({ type: "step_finish", part: { tokens: { total: 1280 } } });
  progress.line(call("completed", { metadata: { exit: 1 } }));
  expect(read()).toBe("handrail bash npm test ended with 1 (1280 tokens so far)\n");
  progress.of({ event: "refusal", run_id: "r1", code: "out-of-scope" });
  progress.line(call("error", { error: "Handrail refused this call. It is not in scope." }));
  progress.line(call("completed", { title: "a\u001b[2Jb" }));
  expect(read()).toBe(
    "handrail bash npm test refused: It is not in scope.\n" +
      "handrail bash a\\u{1b}[2Jb (1280 tokens so far, 1 refused)\n",
  );
});

test("a call that takes long is told of while it runs, once; a short one is not", () => {
  const { progress, read } = told();
  progress.line(call("running"));
  vi.advanceTimersByTime(9_000);
  progress.line(call("completed"));
  vi.advanceTimersByTime(60_000);
  expect(read()).toBe("handrail bash npm test (0 tokens so far)\n");
  progress.line(call("running"));
  vi.advanceTimersByTime(60_000);
  expect(read()).toBe("handrail bash npm test still runs\n");
});
