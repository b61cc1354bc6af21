/** Milliseconds of one thing, over several rounds. */
export interface Times {
  min: number;
  median: number;
}

/** One line of the table: something of Handrail's beside what it is compared with, from the same run. */
export interface Row {
  what: string;
  beside: string;
  own: Times;
  base: Times;
  /** Milliseconds, where nothing else is said. */
  unit?: "ms" | "MB";
  /** The design's limit, on the median: a ratio, or milliseconds (added, or in all). */
  target?: { ratio?: number; addedMs?: number; ms?: number };
}

/** What a section needs to know. */
export interface Bench {
  /** A folder of its own, removed afterwards. */
  dir: string;
  quick: boolean;
  say(line: string): void;
}

/** Runs each work once in a round, one after the other: what disturbs the machine disturbs all of them. */
export async function alternate<K extends string>(
  rounds: number,
  works: Record<K, () => unknown>,
): Promise<Record<K, Times>> {
  const names = Object.keys(works) as K[];
  const taken = new Map<K, number[]>(names.map((name) => [name, []]));
  // The first round warms up caches, and does not count.
  for (let round = 0; round <= rounds; round++) {
    for (const name of names) {
      const start = performance.now();
      await works[name]();
      if (round > 0) taken.get(name)?.push(performance.now() - start);
    }
  }
  return Object.fromEntries(names.map((name) => [name, timesOf(taken.get(name) ?? [])])) as Record<K, Times>;
}

export function timesOf(all: readonly number[]): Times {
  const sorted = [...all].sort((left, right) => left - right);
  return { min: sorted[0] ?? 0, median: sorted[sorted.length >> 1] ?? 0 };
}

export function ratioOf({ own, base }: Row): Times {
  return { min: own.min / base.min, median: own.median / base.median };
}

/** Whether the line keeps what the design sets; undefined where it sets nothing. */
export function isMet(row: Row): boolean | undefined {
  const { target } = row;
  if (!target) return undefined;
  if (target.ratio !== undefined) return ratioOf(row).median <= target.ratio;
  if (target.addedMs !== undefined) return row.own.median - row.base.median <= target.addedMs;
  return row.own.median <= (target.ms ?? Number.POSITIVE_INFINITY);
}
