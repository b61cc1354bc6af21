import * as z from "zod/mini";
import { checkpointOf, noteCheckpoint } from "../shared/run/checkpoints.ts";
import type { RunRecord } from "../shared/run/record.ts";
import { turnDir } from "../shared/run/store.ts";
import { pathsChangedBy, readJournal } from "../shared/tree/journal.ts";

/** The arguments of OpenCode's `todowrite` (1.18.33), as far as they matter here. */
const stepsSchema = z.looseObject({ todos: z.array(z.looseObject({ status: z.string() })) });

/**
 * Puts a packet's checkpoints on record while a turn is under way: START when its lease is held and its hold is
 * made; MID at the first change that lands, and at each step that the executor's own list says is done.
 */
export class Milestones {
  readonly #record: RunRecord;
  #changed = false;
  #done = 0;

  constructor(record: RunRecord) {
    this.#record = record;
  }

  start(): void {
    this.#note("START", "the packet is acknowledged and its lease is held");
  }

  /** A call has ended. */
  called(): void {
    if (this.#changed || !this.#isPacket()) return;
    this.#changed = this.#files().length > 0;
    if (this.#changed) this.#note("MID", "the first change is in the working tree");
  }

  steps(list: unknown): void {
    const parsed = this.#isPacket() ? stepsSchema.safeParse(list) : undefined;
    if (!parsed?.success) return;
    const { todos } = parsed.data;
    const done = todos.filter((step) => step.status === "completed").length;
    if (done > this.#done) this.#note("MID", `${done} of ${todos.length} steps are done`);
    this.#done = done;
  }

  #note(kind: "START" | "MID", summary: string): void {
    if (!this.#isPacket()) return;
    const files = kind === "MID" ? this.#files() : [];
    const part = { kind, state: "running" as const, summary, files_changed: files };
    noteCheckpoint(this.#record, checkpointOf(this.#record, part));
  }

  #files(): string[] {
    return [...pathsChangedBy(readJournal(turnDir(this.#record)))];
  }

  #isPacket(): boolean {
    return this.#record.spec.packet !== undefined;
  }
}
