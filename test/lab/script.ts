/**
 * What a scripted model says. A script is stateless: the step to take is the number of assistant
 * messages since the last thing the user said, so that it does not matter which process asks.
 */
export type Step = {
  delayMs?: number;
  /** The answer comes when this has come to its end. */
  after?: () => Promise<unknown>;
} & (
  | { text: string }
  /** Several calls in one step arrive as parallel tool calls. */
  | { calls: ToolCall[]; text?: string }
  | { error: number; message?: string }
  /** The answer never comes, or not beyond the first `text`; the connection stays open. */
  | { hang: true; text?: string }
  /** Some bytes of an answer, then the connection breaks. */
  | { reset: true; text?: string }
);

/** `args` as a string is sent as it stands, so that broken JSON can be scripted. */
export interface ToolCall {
  name: string;
  args: Record<string, unknown> | string;
}

/** One request to the model, in the shape both servers record. */
export interface ModelRequest {
  path: string;
  headers: Record<string, string>;
  body: Record<string, unknown>;
  model: string;
  /** System prompt and, for Claude, the `role: "system"` entries of the messages (hook context). */
  system: string;
  messages: Message[];
  tools: string[];
  /** Text of the last message of the user; tool results are not the user's. */
  userText: string;
  /** Assistant messages since then: which step this is. */
  step: number;
}

export interface Message {
  role: string;
  text: string;
  toolResults: string[];
}

/**
 * A list of steps (after its end: "Done."), or a function of the request that gives the list for it:
 * so a sub-agent, or one of two sessions, gets a script of its own.
 */
export type Script = Step[] | ((request: ModelRequest) => Step[] | Step);

export function text(value: string): Step {
  return { text: value };
}

export function call(name: string, args: ToolCall["args"]): Step {
  return { calls: [{ name, args }] };
}

/** The step that a script has for a request. */
export function stepFor(script: Script, request: ModelRequest): Step {
  const chosen = typeof script === "function" ? script(request) : script;
  if (!Array.isArray(chosen)) return chosen;
  return chosen[request.step] ?? { text: "Done." };
}

export function argsText(call: ToolCall): string {
  return typeof call.args === "string" ? call.args : JSON.stringify(call.args);
}

/** The text in a message's `content`: a string, or a list of parts. */
export function contentText(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content
    .map((part) => (isRecord(part) && typeof part.text === "string" ? part.text : ""))
    .filter(Boolean)
    .join("\n");
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function records(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}
