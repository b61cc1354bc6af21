import { type Dialect, type ModelServer, startModelServer } from "./model-server.ts";
import type { CountTokens } from "./openai-server.ts";
import { argsText, contentText, type Message, records, type Script } from "./script.ts";

/**
 * A scripted Anthropic Messages API (`POST /v1/messages`, streamed, and `/count_tokens`), for the real
 * `claude`. Requests without tools (topic, title, quota checks) are answered by themselves.
 */
export function startAnthropicServer(
  script: Script = [],
  count: CountTokens = () => USAGE,
): Promise<ModelServer> {
  return startModelServer(dialectWith(count), script);
}

/** Tokens reported for every answer. */
const USAGE = { prompt: 900, completion: 40 };

const NOTIFICATION = "[SYSTEM NOTIFICATION - NOT USER INPUT]";

const dialectWith = (count: CountTokens): Dialect => ({
  read(path, headers, body) {
    if (!path.endsWith("/v1/messages")) return undefined;
    const messages = records(body.messages).map(readMessage);
    // Hook context arrives as system entries; tool results and wake-ups come in the user's name.
    const lastUser = messages.findLastIndex(
      (entry) =>
        entry.role === "user" && entry.toolResults.length === 0 && !entry.text.includes(NOTIFICATION),
    );
    return {
      path,
      headers,
      body,
      model: String(body.model),
      system: [
        contentText(body.system),
        ...messages.filter((entry) => entry.role === "system").map((entry) => entry.text),
      ].join("\n"),
      messages,
      tools: records(body.tools).map((tool) => String(tool.name)),
      userText: typed(messages[lastUser]?.text ?? ""),
      step: messages.slice(lastUser + 1).filter((entry) => entry.role === "assistant").length,
    };
  },
  housekeeping: (request) => (request.tools.length === 0 ? { text: "{}" } : undefined),
  events(step, request) {
    const calls = "calls" in step ? step.calls : [];
    const said = step.text ?? "";
    const { prompt, completion } = count(request, step);
    const blocks = [
      ...(said ? [{ start: { type: "text", text: "" }, delta: { type: "text_delta", text: said } }] : []),
      ...calls.map((call, index) => ({
        start: {
          type: "tool_use",
          id: `toolu_${request.messages.length}_${request.step}_${index}`,
          name: call.name,
          input: {},
        },
        delta: { type: "input_json_delta", partial_json: argsText(call) },
      })),
    ];
    const events: { type: string; [key: string]: unknown }[] = [
      {
        type: "message_start",
        message: {
          id: `msg_${request.messages.length}_${request.step}`,
          type: "message",
          role: "assistant",
          model: request.model,
          content: [],
          stop_reason: null,
          stop_sequence: null,
          usage: { input_tokens: prompt, output_tokens: 1 },
        },
      },
      ...blocks.flatMap((block, index) => [
        { type: "content_block_start", index, content_block: block.start },
        { type: "content_block_delta", index, delta: block.delta },
        { type: "content_block_stop", index },
      ]),
      {
        type: "message_delta",
        delta: { stop_reason: calls.length > 0 ? "tool_use" : "end_turn", stop_sequence: null },
        usage: { output_tokens: completion },
      },
      { type: "message_stop" },
    ];
    return events.map((event) => [event.type, JSON.stringify(event)]);
  },
  error: (_status, message) => ({ type: "error", error: { type: "api_error", message } }),
  other: (path) => (path.endsWith("/count_tokens") ? { input_tokens: 900 } : {}),
});

function readMessage(entry: Record<string, unknown>): Message {
  return {
    role: String(entry.role),
    text: contentText(entry.content),
    toolResults: records(entry.content)
      .filter((part) => part.type === "tool_result")
      .map((part) => contentText(part.content)),
  };
}

/** In a terminal, reminders come in the same message as what was typed. */
function typed(text: string): string {
  return text.replace(/<system-reminder>[\s\S]*?<\/system-reminder>/g, "").trim() || text;
}
