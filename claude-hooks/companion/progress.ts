import { printable } from "../../shared/text/printable.ts";
import type { RunLine } from "./opencode-run.ts";
import { paint } from "./output.ts";

/** How `refusalText` begins. */
const REFUSED = "Handrail refused this call. ";

/** Says on stderr what the executor is doing, a line a tool call; nothing without a stream. */
export class Progress {
  readonly #stream: NodeJS.WriteStream | undefined;
  readonly #name: string;
  #tokens = 0;

  /** @param name whose progress it is, where there are several */
  constructor(stream: NodeJS.WriteStream | undefined, name = "handrail") {
    this.#stream = stream;
    this.#name = name;
  }

  say(text: string): void {
    this.#stream?.write(`${paint(2, printable(this.#name, 40), this.#stream)} ${text}\n`);
  }

  line(line: RunLine): void {
    if (line.part?.tokens?.total) this.#tokens += line.part.tokens.total;
    if (line.type !== "tool_use" || !line.part?.tool) return;
    const { status, title, error, metadata } = line.part.state ?? {};
    const what = `${printable(line.part.tool, 30)} ${printable(title ?? "", 70)}`.trim();
    if (status === "error") this.say(`${what} ${this.#problem(error ?? "")}`);
    else if (metadata?.exit) this.say(`${what} ${paint(33, `ended with ${metadata.exit}`, this.#stream)}`);
    else this.say(`${what} ${paint(2, `(${this.#tokens} tokens so far)`, this.#stream)}`);
  }

  #problem(error: string): string {
    const refused = error.startsWith(REFUSED);
    const word = paint(33, refused ? "refused:" : "failed:", this.#stream);
    return `${word} ${printable(refused ? error.slice(REFUSED.length) : error, 110)}`;
  }
}
