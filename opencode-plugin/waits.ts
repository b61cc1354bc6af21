import { askText, stalled } from "../shared/callback/note-text.ts";
import type { Note } from "../shared/callback/payload.ts";
import type { Config } from "../shared/config/config.ts";
import { logEvent } from "../shared/run/events.ts";
import { moveRun } from "../shared/run/move.ts";
import { withdrawNote } from "../shared/run/notes.ts";
import type { RunRecord } from "../shared/run/record.ts";
import { sendNote } from "../shared/run/send-note.ts";
import { type StallLevel, StallWatch } from "../shared/run/stall.ts";
import type { BindingContext } from "./binding.ts";
import type { Ask } from "./questions.ts";

/** The turn that waits. */
export interface Waiter {
  record: RunRecord;
  readonly doing: string | undefined;
  /** Blocked in the middle of its turn: no other state may take the place of that. */
  readonly blocked: boolean;
}

/**
 * What keeps a turn from going on: questions that somebody has to answer, and silence. Both are states on
 * record; the caller is told by a note, and a note that is over before it was read is taken back.
 */
export class Waits {
  readonly #turn: Waiter;
  readonly #context: BindingContext;
  readonly #watch: StallWatch;
  /** What waits for an answer, by OpenCode's id of the request. */
  readonly #asks = new Map<string, Ask>();
  /** How often the caller was told of silence in this turn. */
  #silences = 0;

  constructor(turn: Waiter, { stall }: Config, context: BindingContext) {
    this.#turn = turn;
    this.#context = context;
    const limits = { softMs: stall.soft * 1000, hardMs: stall.hard * 1000 };
    this.#watch = new StallWatch(limits, (level, quietMs) => {
      try {
        this.#stalls(level, quietMs);
      } catch {
        // A state folder that cannot be written now: the turn goes on, and its end is told.
      }
    });
  }

  sign(): void {
    this.#watch.sign();
  }

  stop(): void {
    this.#watch.stop();
  }

  asked(request: string, ask: Ask): void {
    this.#asks.set(request, ask);
    this.#watch.stop();
    logEvent(this.#turn.record, { type: "asked", request, ...ask });
    this.#onRecord();
    this.#tell(request, ask);
  }

  answered(request: string): void {
    if (!this.#asks.delete(request)) return;
    if (this.#asks.size === 0) this.#watch.start();
    logEvent(this.#turn.record, { type: "answered", request });
    this.#onRecord();
    withdrawNote(this.#turn.record, request);
  }

  #onRecord(): void {
    if (this.#turn.blocked) return;
    const { stall: _, ...record } = this.#turn.record;
    const reasons = [...this.#asks.values()].map((ask) => `OpenCode waits for an answer: ${askText(ask)}`);
    this.#turn.record = moveRun(record, reasons.length > 0 ? "awaiting_permission" : "running", { reasons });
  }

  #stalls(level: StallLevel | undefined, quietMs: number): void {
    if (this.#turn.blocked) return;
    const { stall: _, ...record } = this.#turn.record;
    const quiet_s = Math.round(quietMs / 1000);
    logEvent(record, { type: "stall", level: level ?? "none", quiet_s });
    if (level === undefined) {
      this.#turn.record = moveRun(record, "running", { reasons: [] });
      withdrawNote(record, this.#silence());
      return;
    }
    const { doing } = this.#turn;
    const note: Note = { about: "stall", quiet_s, ...(doing === undefined ? {} : { subject: doing }) };
    const since = new Date(Date.now() - quietMs).toISOString();
    this.#turn.record = moveRun(record, "stalled", {
      stall: { level, since },
      reasons: [`OpenCode ${stalled(note)}`],
    });
    if (level === "soft") return;
    this.#silences += 1;
    this.#tell(this.#silence(), note);
  }

  #silence(): string {
    return `stall-${this.#silences}`;
  }

  /** `opencode run` answers questions itself, at once; at its screen there is a person. Silence is told anywhere. */
  #tell(key: string, note: Note): void {
    if (note.about !== "stall" && this.#context.lane !== "serve") return;
    sendNote(this.#turn.record, key, note, this.#context.env);
  }
}
