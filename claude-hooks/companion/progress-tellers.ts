import { printable } from "../../shared/text/printable.ts";
import { paint } from "./output.ts";

/** What may happen while a verb works. Titles and messages are the executor's words: cut, escaped, untrusted. */
export type Happening =
  | { event: "note"; text: string }
  | { event: "session"; session_id: string; run_id?: string }
  | { event: "state"; run_id: string; state: string; reasons?: string[] }
  | {
      event: "tool";
      tool: string;
      title: string;
      status: "started" | "done" | "failed" | "refused";
      exit?: number;
      message?: string;
      /** Both so far. */
      tokens: number;
      refusals: number;
    }
  | {
      event: "refusal";
      run_id: string;
      code: string;
      path?: string | undefined;
      rule?: string | undefined;
      tool?: string | undefined;
    }
  | { event: "tokens"; total: number };

export type Teller = (happening: Happening) => void;

/** One JSON object a line, each with its time, and with `task` where there are several. */
export function inEvents(stream: NodeJS.WritableStream, task?: string): Teller {
  return (happening) => {
    const line = { at: new Date().toISOString(), ...happening, ...(task === undefined ? {} : { task }) };
    stream.write(`${JSON.stringify(line)}\n`);
  };
}

/** A tool call that takes longer than this is told of while it runs, in milliseconds. */
const LONG_MS = 10_000;

/** For a person: a line for what has been done, for what takes long, and for what keeps it from going on. */
export function inWords(stream: NodeJS.WriteStream, name = "handrail"): Teller {
  let waits = false;
  let patience: NodeJS.Timeout | undefined;
  const write = (text: string) => stream.write(`${paint(2, printable(name, 40), stream)} ${text}\n`);
  return (happening) => {
    const text = words(happening, waits, stream);
    if (happening.event === "state") waits = isWaiting(happening.state);
    if (happening.event === "tool") {
      clearTimeout(patience);
      if (happening.status === "started")
        patience = setTimeout(() => write(`${about(happening)} still runs`), LONG_MS).unref();
    }
    if (text !== undefined) write(text);
  };
}

function about({ tool, title }: { tool: string; title: string }): string {
  return `${tool} ${printable(title, 70)}`.trim();
}

/** @param waited whether it could not go on by itself until now */
function words(happening: Happening, waited: boolean, stream: NodeJS.WriteStream): string | undefined {
  switch (happening.event) {
    case "note":
      return happening.text;
    case "session":
      return `session ${happening.session_id}${happening.run_id ? `, run ${happening.run_id}` : ""}`;
    case "state":
      if (isWaiting(happening.state)) return (happening.reasons ?? [happening.state]).join("; ");
      return waited && happening.state === "running" ? "OpenCode goes on" : undefined;
    case "tool":
      return toolWords(happening, stream);
    default:
      return undefined;
  }
}

function toolWords(call: Extract<Happening, { event: "tool" }>, stream: NodeJS.WriteStream) {
  const what = about(call);
  switch (call.status) {
    case "started":
      return undefined;
    case "failed":
    case "refused":
      return `${what} ${paint(33, `${call.status}:`, stream)} ${printable(call.message ?? "", 110)}`;
    case "done": {
      const refused = call.refusals > 0 ? `, ${call.refusals} refused` : "";
      const ended = call.exit ? `${paint(33, `ended with ${call.exit}`, stream)} ` : "";
      return `${what} ${ended}${paint(2, `(${call.tokens} tokens so far${refused})`, stream)}`;
    }
  }
}

/** Nothing goes on by itself, or seems to. */
function isWaiting(state: string): boolean {
  return state === "awaiting_permission" || state === "stalled";
}
