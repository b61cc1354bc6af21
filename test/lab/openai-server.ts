import { type Dialect, type ModelServer, startModelServer } from "./model-server.ts";
import {
  argsText,
  contentText,
  isRecord,
  type Message,
  type ModelRequest,
  records,
  type Script,
} from "./script.ts";

/** Tokens reported for every answer. */
export const USAGE = { prompt: 1200, completion: 80 } as const;

/** What an answer is said to have cost. */
export type CountTokens = (request: ModelRequest, step: object) => { prompt: number; completion: number };

/**
 * A scripted OpenAI-compatible server (`POST /v1/chat/completions`, streamed), for the real `opencode`.
 * OpenCode's title requests are answered by themselves.
 */
export function startOpenAiServer(
  script: Script = [],
  count: CountTokens = () => USAGE,
): Promise<ModelServer> {
  return startModelServer(dialectWith(count), script);
}

const dialectWith = (count: CountTokens): Dialect => ({
  read(path, headers, body) {
    if (!path.endsWith("/chat/completions")) return undefined;
    const entries = records(body.messages);
    const messages: Message[] = entries.map((entry) => ({
      role: String(entry.role),
      text: entry.role === "tool" ? "" : contentText(entry.content),
      toolResults: entry.role === "tool" ? [contentText(entry.content)] : [],
    }));
    const lastUser = messages.findLastIndex((message) => message.role === "user");
    const request: ModelRequest = {
      path,
      headers,
      body,
      model: String(body.model),
      system: messages
        .filter((message) => message.role === "system")
        .map((message) => message.text)
        .join("\n"),
      messages,
      tools: records(body.tools).map((tool) => (isRecord(tool.function) ? String(tool.function.name) : "")),
      userText: messages[lastUser]?.text ?? "",
      step: messages.slice(lastUser + 1).filter((message) => message.role === "assistant").length,
    };
    return request;
  },
  housekeeping: (request) =>
    /title generator/i.test(request.system) ? { text: "A scripted title" } : undefined,
  events(step, request) {
    const id = `chatcmpl-${request.messages.length}-${request.step}`;
    const chunk = (delta: object, finish: string | null = null): [string, string] => [
      "",
      JSON.stringify({
        id,
        object: "chat.completion.chunk",
        created: 1,
        model: request.model,
        choices: [{ index: 0, delta, finish_reason: finish }],
      }),
    ];
    const calls = "calls" in step ? step.calls : [];
    const { prompt, completion } = count(request, step);
    return [
      chunk({ role: "assistant", content: step.text ?? "" }),
      ...calls.map((call, index) =>
        chunk({
          tool_calls: [
            {
              index,
              // Unlike any earlier id of the conversation, and the same when the request is repeated.
              id: `call_${request.messages.length}_${request.step}_${index}`,
              type: "function",
              function: { name: call.name, arguments: argsText(call) },
            },
          ],
        }),
      ),
      chunk({}, calls.length > 0 ? "tool_calls" : "stop"),
      [
        "",
        JSON.stringify({
          id,
          object: "chat.completion.chunk",
          created: 1,
          model: request.model,
          choices: [],
          usage: {
            prompt_tokens: prompt,
            completion_tokens: completion,
            total_tokens: prompt + completion,
          },
        }),
      ],
      ["", "[DONE]"],
    ];
  },
  error: (status, message) => ({ error: { message, type: "scripted", code: String(status) } }),
  other: (path) => (path.endsWith("/models") ? { object: "list", data: [] } : {}),
});
