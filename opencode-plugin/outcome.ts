import type { TurnEnd } from "../shared/run/close.ts";

/** A reason, with a stable code. */
export interface Reason {
  code: string;
  message: string;
}

/** What a turn comes to, as far as OpenCode and Handrail themselves have a say in it. */
export class Outcome {
  #refusal: Reason | undefined;
  #broken: Reason | undefined;
  #retry: string | undefined;

  /** Handrail does not let the turn work. The first reason counts, unless `instead` says otherwise. */
  refuse(reason: Reason, instead = false): void {
    if (instead || !this.#refusal) this.#refusal = reason;
  }

  /** OpenCode said that something went wrong. */
  broke(reason: Reason): void {
    this.#broken = reason;
  }

  /** OpenCode got over it, by compaction for instance. */
  mended(): void {
    this.#broken = undefined;
  }

  /** The provider is to be asked again, for this reason; undefined: it is being asked. */
  waits(reason: string | undefined): void {
    this.#retry = reason;
  }

  /** Whether OpenCode waits to ask the provider again. */
  get retries(): boolean {
    return this.#retry !== undefined;
  }

  /** @param end how OpenCode came to its end @param ended why Handrail has ended the run */
  at(end: TurnEnd, ended: Reason | undefined): TurnEnd {
    if (this.#refusal) return { outcome: "error", error: this.#refusal };
    if (ended) return { outcome: "aborted", error: ended };
    if (!this.#broken && this.#retry !== undefined && end.outcome === "idle") {
      // An abort between two attempts is said by nothing but idle (facts, opencode.md).
      const message = `ended while OpenCode waited to ask the provider again: ${this.#retry}`;
      return { outcome: "aborted", error: { code: "MessageAbortedError", message } };
    }
    if (!this.#broken) return end;
    const aborted = this.#broken.code === "MessageAbortedError";
    return { outcome: aborted ? "aborted" : "error", error: this.#broken };
  }
}
