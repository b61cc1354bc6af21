import { closeSync, openSync, readSync } from "node:fs";

const CHUNK = 1024 * 1024;

/** Whether two files of the same size hold the same bytes. */
export function sameBytes(a: string | Buffer, b: string | Buffer): boolean {
  const first = openSync(a, "r");
  try {
    const second = openSync(b, "r");
    try {
      return compare(first, second);
    } finally {
      closeSync(second);
    }
  } finally {
    closeSync(first);
  }
}

function compare(first: number, second: number): boolean {
  const left = Buffer.allocUnsafe(CHUNK);
  const right = Buffer.allocUnsafe(CHUNK);
  for (;;) {
    const got = readSync(first, left, 0, CHUNK, null);
    let other = 0;
    while (other < got) {
      const more = readSync(second, right, other, got - other, null);
      if (more === 0) return false;
      other += more;
    }
    if (!left.subarray(0, got).equals(right.subarray(0, got))) return false;
    if (got === 0) return readSync(second, right, 0, 1, null) === 0;
  }
}
