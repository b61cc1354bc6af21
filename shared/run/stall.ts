/** How long a run may be without a sign of life, in milliseconds. */
export interface StallLimits {
  softMs: number;
  hardMs: number;
}

/** `soft`: on record. `hard`: the caller is told, too. */
export type StallLevel = "soft" | "hard";

/** @returns how badly a run stalls that has been quiet for so long, if at all */
export function stallLevel(quietMs: number, limits: StallLimits): StallLevel | undefined {
  if (quietMs >= limits.hardMs) return "hard";
  return quietMs >= limits.softMs ? "soft" : undefined;
}

/**
 * Watches for signs of life, on the monotonic clock. A sign costs next to nothing: the timer looks when it
 * fires how long ago the last one was. Keeps no process alive.
 */
export class StallWatch {
  readonly #limits: StallLimits;
  readonly #onChange: (level: StallLevel | undefined, quietMs: number) => void;
  #last = performance.now();
  #level: StallLevel | undefined;
  #timer: NodeJS.Timeout | undefined;
  #watching = true;

  /** @param onChange told of a new level, and of undefined when there is a sign again */
  constructor(limits: StallLimits, onChange: (level: StallLevel | undefined, quietMs: number) => void) {
    this.#limits = limits;
    this.#onChange = onChange;
    this.#arm();
  }

  sign(): void {
    this.#last = performance.now();
    if (this.#level !== undefined) this.#become(undefined, 0);
  }

  /** Somebody else is waited for, or the turn is over. */
  stop(): void {
    this.#watching = false;
    this.#level = undefined;
    clearTimeout(this.#timer);
  }

  start(): void {
    if (this.#watching) return;
    this.#watching = true;
    this.#last = performance.now();
    this.#arm();
  }

  #look(): void {
    const quiet = performance.now() - this.#last;
    const level = stallLevel(quiet, this.#limits);
    if (level !== this.#level) this.#become(level, quiet);
    else this.#arm();
  }

  #become(level: StallLevel | undefined, quietMs: number): void {
    this.#level = level;
    this.#arm();
    this.#onChange(level, quietMs);
  }

  #arm(): void {
    clearTimeout(this.#timer);
    // It cannot become worse: only a sign changes that.
    if (!this.#watching || this.#level === "hard") return;
    const next = this.#level === undefined ? this.#limits.softMs : this.#limits.hardMs;
    // One more: a timer may fire a little early.
    const wait = Math.max(next - (performance.now() - this.#last), 0) + 1;
    this.#timer = setTimeout(() => this.#look(), wait);
    this.#timer.unref();
  }
}
