import { closeSync, fstatSync, openSync, readSync } from "node:fs";

const CHUNK = 1024 * 1024;

/** Larger files (they may be mostly holes, which take no room) are not compared: it would take minutes. */
const MOST_COMPARED = 16 * 1024 ** 3;

/** Whether two files of the same size are known to hold the same bytes. */
export function sameBytes(a: string | Buffer, b: string | Buffer): boolean {
  const first = openSync(a, "r");
  try {
    if (fstatSync(first).size > MOST_COMPARED) return false;
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
