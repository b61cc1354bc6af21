import { expect, test } from "vitest";
import { startAnthropicServer } from "./anthropic-server.ts";
import { closing } from "./cleanup.ts";
import { startOpenAiServer, USAGE } from "./openai-server.ts";
import { call, type Script } from "./script.ts";

async function chat(script: Script, messages: object[], signal?: AbortSignal) {
  const model = closing(await startOpenAiServer(script));
  const answer = await fetch(`${model.url}/v1/chat/completions`, {
    method: "POST",
    body: JSON.stringify({ model: "m", stream: true, messages, tools: [{ function: { name: "bash" } }] }),
    ...(signal ? { signal } : {}),
  });
  return { model, answer };
}
const user = { role: "user", content: [{ type: "text", text: "go" }] };

test("the step is the number of answers since the user last spoke; after the script it is done", async () => {
  const script = [call("bash", { command: "true" })];
  const first = await (await chat(script, [user])).answer.text();
  expect(first).toContain('"finish_reason":"tool_calls"');
  expect(first).toContain(`"prompt_tokens":${USAGE.prompt}`);
  const { model, answer } = await chat(script, [
    user,
    { role: "assistant", content: "" },
    { role: "tool", content: "out" },
  ]);
  expect(await answer.text()).toContain("Done.");
  expect(model.requests[0]).toMatchObject({ step: 1, userText: "go", tools: ["bash"] });
  expect(model.requests[0]?.messages[2]?.toolResults).toEqual(["out"]);
});

test("errors, broken connections and silence can be scripted", async () => {
  const error = await chat([{ error: 429, message: "slow down" }], [user]);
  expect(error.answer.status).toBe(429);
  expect(await error.answer.text()).toContain("slow down");
  const broken = await chat([{ reset: true }], [user]);
  await expect(broken.answer.text()).rejects.toThrow();
  await expect(chat([{ hang: true }], [user], AbortSignal.timeout(100))).rejects.toThrow(/abort/i);
});

test("titles are answered without the script", async () => {
  const { model } = await chat([], [{ role: "system", content: "You are a title generator." }, user]);
  expect(model.requests).toHaveLength(0);
  expect(model.housekeeping).toHaveLength(1);
});

test("hook context among Claude's messages counts as system text, tool results not as the user's", async () => {
  const model = closing(await startAnthropicServer([]));
  const answer = await fetch(`${model.url}/v1/messages`, {
    method: "POST",
    body: JSON.stringify({
      model: "m",
      tools: [{ name: "Bash" }],
      messages: [
        { role: "user", content: "go" },
        { role: "assistant", content: [{ type: "tool_use" }] },
        { role: "user", content: [{ type: "tool_result", content: [{ type: "text", text: "out" }] }] },
        { role: "system", content: "from a hook" },
      ],
    }),
  });
  expect(await answer.text()).toContain("message_stop");
  expect(model.requests[0]).toMatchObject({ step: 1, userText: "go", system: "\nfrom a hook" });
});
