import { printable } from "../../shared/text/printable.ts";
import type { RunLine } from "./opencode-run.ts";
import { type Happening, inEvents, inWords, type Teller } from "./progress-tellers.ts";

/** How `refusalText` begins. */
const REFUSED = "Handrail refused this call. ";

/** Tells what goes on while a verb works, on stderr: its result alone is for stdout. */
export class Progress {
  readonly #tell: Teller;
  #session: string | undefined;
  #tokens = 0;
  #refusals = 0;

  /** @param tell nothing is told without it */
  constructor(tell: Teller = () => undefined) {
    this.#tell = tell;
  }

  say(text: string): void {
    this.#tell({ event: "note", text });
  }

  /** There is a session now, and what it works for. */
  session(sessionId: string, runId?: string): void {
    if (this.#session === sessionId) return;
    this.#session = sessionId;
    this.#tell({
      event: "session",
      session_id: sessionId,
      ...(runId === undefined ? {} : { run_id: runId }),
    });
  }

  /** Something that Handrail itself has seen of a run: its state, a refusal. */
  of(happening: Extract<Happening, { event: "state" | "refusal" }>): void {
    if (happening.event === "refusal") this.#refusals += 1;
    this.#tell(happening);
  }

  /** Something that OpenCode says of a session. */
  line(line: RunLine): void {
    if (line.sessionID) this.session(line.sessionID);
    const { tool, state, tokens } = line.part ?? {};
    if (tokens?.total) {
      this.#tokens += tokens.total;
      this.#tell({ event: "tokens", total: this.#tokens });
    }
    if (line.type === "tool_use" && tool) this.#tell(this.#toolCall(tool, state ?? {}));
  }

  #toolCall(tool: string, state: NonNullable<NonNullable<RunLine["part"]>["state"]>): Happening {
    const { status, title = "", error = "", metadata } = state;
    const refused = error.startsWith(REFUSED);
    const message = printable(refused ? error.slice(REFUSED.length) : error, 300);
    const exit = metadata?.exit ?? undefined;
    return {
      event: "tool",
      tool: printable(tool, 30),
      title: printable(title, 200),
      status: status === "running" ? "started" : status !== "error" ? "done" : refused ? "refused" : "failed",
      ...(exit === undefined ? {} : { exit }),
      ...(status === "error" ? { message } : {}),
      tokens: this.#tokens,
      refusals: this.#refusals,
    };
  }
}

/**
 * The progress of a verb, as its options have it: events with `--events`, nothing with `--json`, else words.
 * @param name whose it is, where there are several
 */
export function progressFor(
  { json, events }: { json?: boolean | undefined; events?: boolean | undefined },
  name?: string,
): Progress {
  if (events) return new Progress(inEvents(process.stderr, name));
  return new Progress(json ? undefined : inWords(process.stderr, name));
}
