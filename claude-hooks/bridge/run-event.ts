import type { RunEvent } from "../../shared/run/events.ts";
import type { EventKind } from "../../shared/run/lifecycle.ts";
import { quote } from "../../shared/scope/quote.ts";

export interface NormalRunEvent {
  kind: EventKind | "refusal" | "state";
  type: string;
  at: string;
  session?: string;
  tool?: string;
  status?: string;
  text?: string;
}

/** An event of a run's record in the words of the stream. */
export function normalRunEvent(event: RunEvent): NormalRunEvent {
  const base = { type: `handrail.${event.type}`, at: event.at };
  switch (event.type) {
    case "state":
      return { ...base, kind: "state", status: event.to };
    case "turn":
      return { ...base, kind: "busy", session: event.session };
    case "refusal": {
      const { code, path, tool } = event;
      return {
        ...base,
        kind: "refusal",
        status: code,
        ...(tool === undefined ? {} : { tool }),
        ...(path === undefined ? {} : { text: quote(path, 160) }),
      };
    }
    case "shell":
      return { ...base, kind: "tool", tool: "shell", status: event.confinement };
    case "usage": {
      const { input, output } = event.usage;
      return { ...base, kind: "message", text: `${input} tokens in, ${output} out` };
    }
    case "error":
      return { ...base, kind: "error", status: event.name, text: quote(event.message, 160) };
    default:
      return { ...base, kind: "unknown" };
  }
}
