import type { TurnEnd } from "../shared/run/close.ts";
import { ABORTED, aborted, unfinished } from "../shared/run/unfinished.ts";
import type { Answer } from "./said.ts";

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
  /** The root session's newest answer, as it was told last. */
  #answer: Answer | undefined;

  /** Handrail does not let the turn work. The first reason counts, unless `instead` says otherwise. */
  refuse(reason: Reason, instead = false): void {
    if (instead || !this.#refusal) this.#refusal = reason;
  }

  /** OpenCode said that something went wrong. */
  broke(reason: Reason): void {
    this.#broken = reason;
  }

  /** The model has answered in the root session. OpenCode got over what went wrong before, by compaction for instance. */
  answered(answer: Answer): void {
    this.#answer = answer;
    if (answer.error === undefined) this.#broken = undefined;
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
    const broken = this.#broken ?? (end.outcome === "idle" ? this.#unfinished() : undefined);
    if (!broken) return end;
    return { outcome: broken.code === ABORTED ? "aborted" : "error", error: broken };
  }

  /** Why a turn that went idle without a word of error is not done. */
  #unfinished(): Reason | undefined {
    // An abort between two attempts, too, is said by nothing but idle (facts, opencode.md).
    if (this.#retry === undefined) return unfinished(this.#answer);
    return aborted(`while OpenCode waited to ask the provider again: ${this.#retry}`);
  }
}
